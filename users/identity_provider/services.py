"""The providers of an account. Whoever chooses one chooses who signs in as whom: that takes the most that an account's
administrators can have, and is asked about again."""

from __future__ import annotations

import logging
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils.translation import gettext as _

from users.models import Account, AccountKind, IdentityProvider, User
from users.services import ServiceError
from users.services.roles import may_purge_now
from users.services.rows import audit, validated
from users.sign_in.confirmed import require_confirmed

logger = logging.getLogger(__name__)

#: What the people of a provider are known by: where it changes, nobody is.
WHO_IT_IS = ("server_url", "client_id")


def _check(acting_user: User, account: Account) -> None:
    require_confirmed()
    allowed = acting_user.is_superuser or (
        acting_user.account_id == account.pk and account.kind != AccountKind.SYSTEM and may_purge_now(acting_user)
    )
    if not allowed:
        raise ServiceError(
            _("A provider signs people in: only somebody who may purge in this account can choose it."),
            code="permission",
        )


def provider_create(*, acting_user: User, account: Account, **fields: Any) -> IdentityProvider:
    """Raises :class:`ServiceError` for who may not purge in the account."""
    _check(acting_user, account)
    row = IdentityProvider(account=account, **fields)
    validated(row)
    with transaction.atomic():
        row.save()
        _note(acting_user, row, "identity provider added")
    return row


def provider_update(*, acting_user: User, row: IdentityProvider, **fields: Any) -> IdentityProvider:
    """Where it becomes another one, the links of its people end; by their addresses they are found again."""
    _check(acting_user, row.account)
    with transaction.atomic():
        current = IdentityProvider.objects.select_for_update().get(pk=row.pk)
        another = any(name in fields and fields[name] != getattr(current, name) for name in WHO_IT_IS)
        for name, value in fields.items():
            setattr(current, name, value)
        validated(current)
        if not current.enabled:
            _check_not_the_last(current)
        current.save(update_fields=list(fields))
        if another:
            SocialAccount.objects.filter(provider=current.public_id, user__account=current.account_id).delete()
        _note(acting_user, current, "identity provider changed")
    return current


def provider_delete(*, acting_user: User, row: IdentityProvider) -> None:
    _check(acting_user, row.account)
    with transaction.atomic():
        _check_not_the_last(row)
        SocialAccount.objects.filter(provider=row.public_id, user__account=row.account_id).delete()
        _note(acting_user, row, "identity provider removed")
        row.delete()


def _check_not_the_last(row: IdentityProvider) -> None:
    """Where nobody gets in otherwise, the way stays."""
    account = Account.objects.select_for_update().get(pk=row.account_id)
    others = account.identity_providers.filter(enabled=True).exclude(pk=row.pk)
    if account.provider_demanded and not others.exists():
        raise ServiceError(
            _("Everybody of this account signs in there, so nobody would get in. Allow passwords again first."),
            code="last_way_in",
        )


def _note(acting_user: User, row: IdentityProvider, event: str) -> None:
    audit(acting_user, acting_user, event)
    logger.info("%s: account %s by user %s", event, row.account_id, acting_user.pk)
