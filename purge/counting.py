"""Asking many tables with one statement: how many rows steps would change, and which have nothing to do.

A purge of people with a handful of rows is made of some two hundred look-ups that find nothing; sent one by one they
cost more than all its work.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from purge.address_index import TextColumn, candidates_among, storable
from purge.planner import ADDRESSES, FILES, Step, earlier_removals, person_condition
from purge.registry import ColumnRule, ModelEntry
from purge.rules import Blank, DeleteAbout, PersonTreatment
from purge.scope import Scope

#: SQLite takes at most 500 parts in one compound statement.
MOST_PARTS = 400
PEOPLE, KEYS = "wanted_people", "wanted_keys"


def text_column(column: ColumnRule) -> TextColumn:
    return TextColumn(table=column.table, column=column.column, is_json=column.is_json)


def count_person_steps(steps: Sequence[Step], scope: Scope, *, cap: int | None = None) -> dict[str, int]:
    """Step key → how many rows it would change, each row under the first step that takes it; at most ``cap``.

    Steps without rows are left out.
    """
    parts = []
    for step in steps:
        assert step.column is not None
        where, params = _points_at_people(step.column, scope)
        for column in earlier_removals(step):
            earlier, more = _points_at_people(column, scope)
            where, params = f"{where} AND ({earlier}) IS NOT TRUE", [*params, *more]
        rows = f"SELECT 1 FROM {quoted(step.entry.table)} WHERE {where}"
        if cap is not None:
            rows += f" LIMIT {cap:d}"
        parts.append((f"SELECT count(*) AS n FROM ({rows}) r", params))
    return {steps[number].key: n for number, n in ask_all(parts, scope).items() if n}


def steps_with_rows(steps: Sequence[Step], scope: Scope) -> set[str]:
    """The keys of those person steps for which at least one row points at the people."""
    parts = []
    for step in steps:
        assert step.column is not None
        where, params = _points_at_people(step.column, scope)
        rows = f"SELECT 1 FROM {quoted(step.entry.table)} WHERE {where}"
        parts.append((f"SELECT 1 AS n WHERE EXISTS ({rows})", params))
    return {steps[number].key for number in ask_all(parts, scope)}


def rows_of_step(step: Step, scope: Scope, *, most: int) -> int:
    """How many rows point at the people now in a person step's column; at most ``most``."""
    assert step.column is not None
    where, params = _points_at_people(step.column, scope)
    rows = f"SELECT 1 FROM {quoted(step.entry.table)} WHERE {where} LIMIT {most:d}"
    return ask_all([(f"SELECT count(*) AS n FROM ({rows}) r", params)], scope)[0]


def entries_with_candidates(entries: Sequence[ModelEntry], scope: Scope) -> set[str]:
    """The labels of those models in which some row may mention an address of the scope.

    All of them where no index can tell, as on SQLite: asking would read every text.
    """
    if not on_postgres():
        return {entry.rules.model for entry in entries if entry.addresses}
    parts, labels = [], []
    for entry in entries:
        conditions = list(candidate_conditions(entry, scope, among=f"(SELECT listed FROM {KEYS})::text[]"))
        if conditions:
            any_of = " OR ".join(where for where, _params in conditions)
            # All are counted: asked for one only, the planner may read the table until it meets the first.
            sql = f"SELECT count(*) AS n FROM {quoted(entry.table)} WHERE {any_of}"
            parts.append((sql, [value for _where, params in conditions for value in params]))
            labels.append(entry.rules.model)
    return {labels[number] for number, n in ask_all(parts, scope).items() if n}


def candidate_conditions(entry: ModelEntry, scope: Scope, *, among: str = "") -> Iterable[tuple[str, list[Any]]]:
    """For each way in which a row may name somebody of the scope: a condition on the model's table. A superset.

    ``among``: an SQL expression that yields the scope's keys; without one they are parameters.
    """
    keys = sorted(scope.all_addresses())
    for column in entry.addresses:
        if keys:
            where, params = candidates_among(connection, text_column(column), among or "%s::text[]")
            if on_postgres() and not among:
                params = [storable(keys)]
            yield where, params
        if scope.logins and signs_in(column):
            yield f"{quoted(entry.table)}.{quoted(column.column)} <> ''", []


def signs_in(column: ColumnRule) -> bool:
    """Whether people's sign-in names stand in a column, which need not look like addresses."""
    return isinstance(column.rule, Blank) and column.rule.login


def steps_with_work(steps: Sequence[Step], scope: Scope) -> set[str]:
    """The keys of the steps that may have something to do; the others need not be run.

    With the people locked it holds to the end of the transaction for every foreign key: a new row that points at one
    of them waits for the lock.
    """
    with_people = [step for step in steps if step.column is not None]
    with_addresses = [step for step in steps if step.suffix == ADDRESSES]
    mentioning = entries_with_candidates([step.entry for step in with_addresses], scope)
    return (
        steps_with_rows(with_people, scope)
        | {step.key for step in with_addresses if step.entry.rules.model in mentioning}
        | {step.key for step in steps if step.suffix == FILES}
    )


def goes_with_people(entry: ModelEntry, scope: Scope) -> tuple[str, list[Any]]:
    """The condition that a row is one that an earlier step takes away, with the ids as parameters; '' for none."""
    if not scope.people:
        return "", []
    wheres, params = [], []
    for column in entry.removals:
        where, more = _points_at_people(column, scope, listed=False)
        wheres.append(where)
        params += more
    return " OR ".join(wheres), params


# ---------------------------------------------------------------- the statement


def _points_at_people(column: ColumnRule, scope: Scope, *, listed: bool = True) -> tuple[str, list[Any]]:
    """The condition that a column ties a row to the people. ``listed``: they stand in the statement's head."""
    rule = column.rule
    if isinstance(rule, DeleteAbout) or (isinstance(rule, PersonTreatment) and rule.via):
        rows = column.model._base_manager.filter(person_condition(column, scope.people)).order_by().values("pk")
        sql, params = rows.query.get_compiler(connection=connection).as_sql()
        pk = quoted(str(column.model._meta.pk.column))
        return f"{quoted(column.table)}.{pk} IN ({sql})", list(params)
    name = f"{quoted(column.table)}.{quoted(column.column)}"
    if on_postgres():
        if listed:
            return f"{name} = ANY((SELECT listed FROM {PEOPLE})::bigint[])", []
        return f"{name} = ANY(%s)", [list(scope.people)]
    if listed:
        return f"{name} IN (SELECT value FROM {PEOPLE})", []
    return f"{name} IN (SELECT value FROM json_each(%s))", [json.dumps(list(scope.people))]


def ask_all(parts: Sequence[tuple[str, list[Any]]], scope: Scope) -> Mapping[int, int]:
    """Number of the part → its ``n``; parts without a row are left out."""
    found: dict[int, int] = {}
    for start in range(0, len(parts), MOST_PARTS):
        some = parts[start : start + MOST_PARTS]
        head, head_params = head_for(scope)
        body = " UNION ALL ".join(
            f"SELECT {start + n} AS part, n FROM ({sql}) p" for n, (sql, _params) in enumerate(some)
        )
        with connection.cursor() as cursor:
            cursor.execute(f"{head} {body}", [*head_params, *(value for _sql, params in some for value in params)])
            found |= dict(cursor.fetchall())
    return found


def head_for(scope: Scope) -> tuple[str, list[Any]]:
    """What all parts ask for, once: a hundred parts with a list of ids each would take longer to read than to run."""
    if on_postgres():
        head = f"WITH {PEOPLE} (listed) AS (SELECT %s::bigint[]), {KEYS} (listed) AS (SELECT %s::text[])"
        return head, [list(scope.people), storable(sorted(scope.all_addresses()))]
    return f"WITH {PEOPLE} AS MATERIALIZED (SELECT value FROM json_each(%s))", [json.dumps(list(scope.people))]


def on_postgres() -> bool:
    return connection.vendor == "postgresql"


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)
