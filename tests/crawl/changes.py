"""What a request has changed: which tables its statements wrote to, and whose rows are others than before."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, models

from purge.models import PurgeRequest
from purge.rules.registry import get_registry
from tests.factories.account_world import AccountWorld

#: Written by every request of somebody, or by anybody's try to sign in: rows of no account.
OF_NO_ACCOUNT = re.compile(r"(users_session|users_tries|lms_cache|django_q_\w+|purge_lease)\Z")
WRITES = re.compile(r'\s*(?:INSERT|UPDATE|DELETE|WITH)\b[^"]*"(\w+)"', re.IGNORECASE)
EVERY_TABLE = "*"


@dataclass
class Written:
    """The tables that statements wrote to, while it is an execute wrapper."""

    tables: set[str] = field(default_factory=set)

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        verb = sql.lstrip()[:6].upper()
        if verb in ("INSERT", "UPDATE", "DELETE"):
            named = WRITES.match(sql)
            self.tables.add(named[1] if named else EVERY_TABLE)
        elif verb.startswith("WITH") and re.search(r"\b(INSERT|UPDATE|DELETE)\b", sql):
            self.tables.add(EVERY_TABLE)
        return execute(sql, params, many, context)

    @property
    def of_accounts(self) -> set[str]:
        return {table for table in self.tables if not OF_NO_ACCOUNT.match(table)}


# ---------------------------------------------------------------- rows of an account


def path_of(model: type[models.Model]) -> str | None:
    """The way from a row to the number of its account: by its rules, or where it is a request's by the request's."""
    entry = get_registry().entry_of(model)
    if entry is not None and entry.rules.account:
        return str(entry.rules.account)
    of_request = any(
        column.name == "request" and column.related_model is PurgeRequest for column in model._meta.concrete_fields
    )
    return "request__account_id" if of_request else None


@cache
def models_of_accounts() -> tuple[tuple[type[models.Model], str], ...]:
    found = {
        model: path
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy and (path := path_of(model)) is not None
    }
    return tuple(found.items())


def tables_of(account_id: int) -> Iterator[tuple[type[models.Model], models.QuerySet]]:
    """Every table that has rows of accounts, with the account's, in order."""
    for model, path in models_of_accounts():
        yield model, model._base_manager.filter(**{path: account_id}).order_by("pk")


@cache
def _questions(account_id: int) -> dict[str, tuple[str, Any]]:
    """The statement for each table: written once, since it is asked thousands of times."""
    return {model._meta.db_table: rows.values_list().query.sql_with_params() for model, rows in tables_of(account_id)}


def _asked(statement: tuple[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return list(map(tuple, cursor.fetchall()))


def state_of(world: AccountWorld, tables: Collection[str] = (EVERY_TABLE,)) -> dict[str, list[tuple]]:
    """Every row of an account, value by value. ``tables``: those alone."""
    questions = _questions(world.account.pk)
    wanted = questions if EVERY_TABLE in tables else [table for table in questions if table in tables]
    return {table: _asked(questions[table]) for table in wanted}


def is_as_before(
    world: AccountWorld, before: dict[str, list[tuple]], tables: Collection[str], *, but_for: Collection[str] = ()
) -> bool:
    """Whether the account's rows of these tables are as they were."""
    return all(rows == before[table] for table, rows in state_of(world, tables).items() if table not in but_for)


# ---------------------------------------------------------------- every row there is


@cache
def _every_table() -> dict[str, type[models.Model]]:
    return {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }


def everything(tables: Collection[str] = (EVERY_TABLE,)) -> dict[str, set[tuple[tuple[str, str], ...]]]:
    """Every row of the database as (column, value) pairs, by table. ``tables``: those alone."""
    wanted = _every_table() if EVERY_TABLE in tables else set(tables)
    found = {}
    for table in wanted:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            found[table] = {tuple(zip(columns, map(repr, row), strict=True)) for row in cursor.fetchall()}
    return found


@dataclass(frozen=True)
class Differences:
    """Rows by table: those that are not there any more as they were, and those that were not there."""

    gone: dict[str, list[dict[str, str]]]
    new: dict[str, list[dict[str, str]]]


def differences(before: dict[str, set], tables: Collection[str]) -> Differences:
    now = everything(tables)
    earlier = {table: before.get(table, set()) for table in now}
    gone = {table: [dict(row) for row in earlier[table] - rows] for table, rows in now.items() if earlier[table] - rows}
    new = {table: [dict(row) for row in rows - earlier[table]] for table, rows in now.items() if rows - earlier[table]}
    return Differences(gone, new)
