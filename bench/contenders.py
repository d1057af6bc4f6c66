"""Ways to erase people: ours, SQL written by hand, and what Django offers.

The SQL deletes, detaches and scrubs the same rows in one transaction, with the same indexes, as somebody would write it
who has the list of tables at hand: no plan, no progress, no resuming, no proof, no exact decision about addresses.
The project's own ``delete()`` refuses and its keys protect, so Django's ways run on models of the benchmark's own over
the same tables, with CASCADE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.db import connection, models, transaction
from django.db.models.signals import post_delete
from django.test import RequestFactory

from purge.addresses import emails_in
from purge.addresses.index import candidates_where
from purge.models import PurgeRequest
from purge.rules import Blank, Delete, DeleteAbout, Detach, HandOver, Unassign, Withdraw, WithRow
from purge.rules.registry import ColumnRule, ModelEntry, get_registry
from purge.run import claims, engine
from purge.services import purge_submit
from purge.steps.addresses import text_column

Contender = Callable[[Sequence[int]], None]

#: What stands in the place of an address (the same as the product's).
REMOVED = "[removed]"


# ---------------------------------------------------------------- ours


def purge(people: Sequence[int]) -> None:
    """The whole purge: accept and freeze, plan, run, verify (tier one), close. Without the queue's wait."""
    finish(submit(people))


def submit(people: Sequence[int]) -> PurgeRequest:
    from users.models import User

    account_id = User.objects.values_list("account_id", flat=True).get(pk=people[0])
    return purge_submit(acting_user=administrator_of(account_id), account_id=account_id, user_ids=list(people))


def submit_batch(people: Sequence[int]) -> int:
    """Accept a batch, as an operator does; the id of the request."""
    from purge.services import purge_submit_batch
    from users.models import User

    account_id = User.objects.values_list("account_id", flat=True).get(pk=people[0])
    return purge_submit_batch(acting_user=None, account_id=account_id, user_ids=list(people)).purge_request.pk


@cache
def administrator_of(account_id: int) -> Any:
    from users.models import User

    return User.objects.filter(account_id=account_id, given_roles__role="administrator").order_by("pk").first()


#: What a worker leaves: an earlier revision called it completed before any pass over every text.
DONE = ("completed", "erased")


def finish(purge_request: PurgeRequest) -> PurgeRequest:
    """Work on a request until its people are erased and looked for. Raises RuntimeError when it ends otherwise.

    On a large database the pass over every text comes later, for all requests together: it is measured for itself.
    """
    while (claim := claims.claim_request(purge_request.pk)) is not None and engine.work(claim):
        pass
    purge_request.refresh_from_db()
    if purge_request.status not in DONE:
        places = list(purge_request.residues.values_list("table", "column")[:3])
        raise RuntimeError(
            f"request ended as {purge_request.status}: {purge_request.error_class} {purge_request.error_step} {places}"
        )
    return purge_request


# ---------------------------------------------------------------- SQL written by hand


def hand_written(people: Sequence[int]) -> None:
    """One transaction: find the twins, delete and detach table by table, scrub the texts, delete the people."""
    with transaction.atomic(), connection.cursor() as cursor:
        doomed, addresses = _with_twins(cursor, list(people))
        heir = _heir(cursor, doomed[0])
        for sql in removal_statements():
            cursor.execute(sql, _parameters(sql, doomed, heir))
        for sql, candidates in scrub_statements(tuple(addresses)):
            cursor.execute(sql, candidates)
        cursor.execute(f"DELETE FROM users_user WHERE id {_is_one_of()}", [_listed(doomed)])
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _is_one_of() -> str:
    if connection.vendor == "postgresql":
        return "= ANY(%s)"
    return "IN (SELECT value FROM json_each(%s))"


def _listed(values: list[Any]) -> Any:
    import json

    return values if connection.vendor == "postgresql" else json.dumps(values)


def _with_twins(cursor: Any, people: list[int]) -> tuple[list[int], list[str]]:
    cursor.execute(
        "SELECT u.id, u.email_key FROM users_user u JOIN users_account a ON a.id = u.account_id "
        f"WHERE u.id {_is_one_of()} OR (a.kind = 'trial' AND u.email_key IN "
        f"(SELECT email_key FROM users_user WHERE id {_is_one_of()})) ORDER BY u.id",
        [_listed(people)] * 2,
    )
    rows = cursor.fetchall()
    return [row[0] for row in rows], sorted({row[1] for row in rows})


def _heir(cursor: Any, person: int) -> int:
    cursor.execute(
        "SELECT u.id FROM users_user u JOIN users_userrole r ON r.user_id = u.id WHERE r.role = 'administrator' "
        "AND u.account_id = (SELECT account_id FROM users_user WHERE id = %s) LIMIT 1",
        [person],
    )
    return int(cursor.fetchone()[0])


def _parameters(sql: str, people: list[int], heir: int) -> list[Any]:
    if "object_id" in sql:
        return [_listed([str(person) for person in people])]
    return ([heir] if "= %s WHERE" in sql else []) + [_listed(people)]


@cache
def removal_statements() -> list[str]:
    """DELETE and UPDATE for every column that points at a person, children first."""
    quote = connection.ops.quote_name
    statements = []
    for entry in get_registry().ordered:
        for column in entry.references:
            table, name = quote(entry.table), quote(column.column)
            where = f"{name} {_is_one_of()}"
            match column.rule:
                case DeleteAbout():
                    of_people = "SELECT id FROM django_content_type WHERE app_label = 'users' AND model LIKE '%%user'"
                    statements.append(f"DELETE FROM {table} WHERE content_type_id IN ({of_people}) AND {where}")
                case Delete() | Unassign():
                    statements.append(f"DELETE FROM {table} WHERE {where}")
                case Detach():
                    statements.append(f"UPDATE {table} SET {name} = NULL WHERE {where}")
                case HandOver():
                    statements.append(f"UPDATE {table} SET {name} = %s WHERE {where}")
                case Withdraw() as rule:
                    statements += _withdrawals(entry, column, rule, where)
    return statements


def _withdrawals(entry: ModelEntry, column: ColumnRule, rule: Withdraw, where: str) -> list[str]:
    quote = connection.ops.quote_name
    table = quote(entry.table)
    held = []
    for label in rule.referenced_by:
        model_label, _dot, name = label.rpartition(".")
        model = apps.get_model(model_label)
        key = quote(str(model._meta.get_field(name).column))
        held.append(f"EXISTS (SELECT 1 FROM {quote(model._meta.db_table)} c WHERE c.{key} = {table}.id)")
    emptied = ", ".join(
        [f"{quote(column.column)} = NULL", *(f"{quote(n)} = {_literal(v)}" for n, v in rule.empty.items())]
    )
    return [
        f"DELETE FROM {table} WHERE {where} AND NOT ({' OR '.join(held)})",
        f"UPDATE {table} SET {emptied} WHERE {where}",
    ]


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "''"


def scrub_statements(addresses: tuple[str, ...]) -> list[tuple[str, list[Any]]]:
    """An UPDATE for every table with texts: found by the address index, rewritten by one regular expression."""
    quote = connection.ops.quote_name
    pattern = r"(?<![\w.+-])(?:" + "|".join(map(re.escape, addresses)) + r")(?![\w-]|\.[\w-])"
    statements = []
    for entry in get_registry().ordered:
        if not entry.addresses:
            continue
        wheres, values, sets, set_values = [], [], [], []
        for column in entry.addresses:
            name = quote(column.column)
            sets.append(f"{name} = {_scrubbed(column, name)}")
            set_values.append(pattern)
            where, parameters = _mentions(column, name, addresses)
            wheres.append(where)
            values += parameters
        statements.append(
            (
                f"UPDATE {quote(entry.table)} SET {', '.join(sets)} WHERE {' OR '.join(wheres)}",
                [*set_values, *values],
            )
        )
    return statements


def _scrubbed(column: ColumnRule, name: str) -> str:
    blank = REMOVED if not isinstance(column.rule, Blank) else ""
    if connection.vendor == "postgresql":
        kind = "::text" if column.is_json else ""
        back = "::jsonb" if column.is_json else ""
        return f"regexp_replace({name}{kind}, %s, '{blank}', 'gi'){back}"
    return f"bench_scrub({name}, %s, '{blank}')"


def _mentions(column: ColumnRule, name: str, addresses: Sequence[str]) -> tuple[str, list[Any]]:
    if connection.vendor == "postgresql":
        return candidates_where(connection, text_column(column), addresses)
    # SQLite has no such index; a pass over the text by a function of its own is the quickest that it offers.
    pattern = "|".join(map(re.escape, addresses))
    return f"(instr({name}, '@') > 0 AND bench_mentions({name}, %s))", [pattern]


def prepare_sqlite() -> None:
    """The functions that the SQL written by hand needs on SQLite, which has no regular expressions."""
    if connection.vendor != "sqlite":
        return
    compiled = cache(lambda pattern: re.compile(pattern, re.IGNORECASE))
    connection.ensure_connection()
    driver = connection.connection
    driver.create_function(
        "bench_mentions", 2, lambda value, pattern: value is not None and bool(compiled(pattern).search(value))
    )
    driver.create_function("bench_addresses", 1, lambda value: isinstance(value, str) and bool(emails_in(value)))
    driver.create_function(
        "bench_scrub", 3, lambda value, pattern, by: None if value is None else compiled(pattern).sub(by, value)
    )


# ---------------------------------------------------------------- Django's ways


@cache
def cascading() -> dict[str, type[models.Model]]:
    """Models of the benchmark's own over the project's tables, as stock Django would have them, by label.

    What a purge deletes with the person is CASCADE, what it detaches SET_NULL. In a registry of their own, so that
    neither the coverage check nor the project's models see them.
    """
    registry = Apps(["bench"])
    made: dict[str, type[models.Model]] = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        name = model._meta.label.replace(".", "_")
        columns = {str(f.name): _copied(f, model) for f in model._meta.local_concrete_fields}
        options = {"app_label": "bench", "db_table": model._meta.db_table, "managed": False, "apps": registry}
        meta = type("Meta", (), options)
        made[model._meta.label] = type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **columns})
    registry.clear_cache()
    return made


def _copied(field: models.Field[Any, Any], model: type[models.Model]) -> models.Field[Any, Any]:
    if not isinstance(field, models.ForeignKey):
        copied: models.Field[Any, Any] = field.clone()
        return copied
    concrete: Any = field.remote_field.model._meta.concrete_model
    target = concrete._meta.label.replace(".", "_")
    entry = get_registry().entry_of(model)
    rule = entry.columns[field.name].rule if entry and field.name in entry.columns else None
    goes = isinstance(rule, Delete | Unassign | Withdraw | WithRow) or not field.null
    return models.ForeignKey(
        f"bench.{target}",
        models.CASCADE if goes else models.SET_NULL,
        db_column=field.column,
        related_name="+",
        null=field.null,
        primary_key=field.primary_key,
    )


def people_and_twins(people: Sequence[int]) -> Any:
    user = cascading()["users.User"]
    with connection.cursor() as cursor:
        doomed, _addresses = _with_twins(cursor, list(people))
    return user._base_manager.filter(pk__in=doomed)


def orm_plain(people: Sequence[int]) -> None:
    """``QuerySet.delete()``. Leaves every text as it is."""
    people_and_twins(people).delete()


def orm_with_receiver(people: Sequence[int]) -> None:
    """The same with one ``post_delete`` receiver connected, as an audit-log app connects one."""
    with one_receiver():
        people_and_twins(people).delete()


@contextmanager
def one_receiver() -> Any:
    seen = [0]

    def receive(sender: Any, **kwargs: Any) -> None:
        seen[0] += 1

    post_delete.connect(receive, weak=False)
    try:
        yield
    finally:
        post_delete.disconnect(receive)
    if not seen[0]:
        raise RuntimeError("the receiver received nothing")


def stock_admin(people: Sequence[int]) -> None:
    """The admin's own *delete selected*: the page that asks (collected, not rendered), then the deletion.

    A floor: no template is rendered and no entry of the admin log written.
    """
    user = cascading()["users.User"]

    class Everything(admin.ModelAdmin):
        def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
            return True

        def log_deletions(self, request: Any, queryset: Any) -> list[Any]:
            return []

        def message_user(self, *args: Any, **kwargs: Any) -> None:
            """There is nobody to tell."""

    site = admin.AdminSite()
    model_admin = Everything(user, site)
    rows = people_and_twins(people)
    for data in ({}, {"post": "yes"}):
        request = RequestFactory().post("/", data)
        request.user = administrator_of(rows.values_list("account_id", flat=True)[0])
        delete_selected(model_admin, request, rows)
