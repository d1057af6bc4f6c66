"""What somebody sees: the rows of their account, by the path from a row to its account.

What cannot be traced to an account is shown to superusers alone.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django.contrib import admin
from django.db import models

from purge.rules.registry import get_registry
from users.models import AccountKind

M = TypeVar("M", bound=models.Model)


def sees_all_accounts(user: Any) -> bool:
    """Whether somebody sees the rows of every account: superusers."""
    return bool(user.is_active and user.is_superuser)


def account_id_of_administrator(user: Any) -> int | None:
    """The account whose rows somebody may see; None for support staff, and for superusers, who see all."""
    if not user.is_authenticated or not user.is_active or user.is_superuser or user.is_support:
        return None
    if user.account.kind == AccountKind.SYSTEM:
        return None
    return int(user.account_id)


def scoped(rows: models.QuerySet[M], path: str | None, user: Any) -> models.QuerySet[M]:
    """Those of the rows that somebody may see. ``path`` leads from a row to its account; without one they are
    nobody's but a superuser's."""
    if sees_all_accounts(user):
        return rows
    account_id = account_id_of_administrator(user)
    if account_id is None or not path:
        return rows.none()
    return rows.filter(**{path: account_id})


def account_path_of(model: type[models.Model], site: admin.AdminSite) -> str | None:
    """The path from a row of this model to its account, as its admin or the rules say; None: rows of no account."""
    page: Any = site._registry.get(model)
    if hasattr(page, "path_to_account"):
        return cast("str | None", page.path_to_account)
    return declared_path(model)


def declared_path(model: type[models.Model]) -> str | None:
    """The path that the purge's rules name for this model: the two must never disagree about whose a row is."""
    concrete = cast("type[models.Model]", model._meta.concrete_model)
    entry = get_registry().entry_of(concrete)
    return entry.rules.account if entry else None


def account_id_at(row: models.Model, path: str) -> int | None:
    """The id of the account that a row belongs to, along a path such as "user__account"."""
    value: Any = row
    if path == "pk":
        return cast(int, row.pk)
    *steps, last = path.split("__")
    for step in steps:
        value = getattr(value, step, None)
        if value is None:
            return None
    return cast("int | None", getattr(value, f"{last}_id", None))
