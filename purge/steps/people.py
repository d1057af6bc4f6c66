"""Rows that point at the people: counted, deleted, detached, handed over, withdrawn, a bounded piece at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, ClassVar, Self

from django.apps import apps
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q

from purge.database import dialect_of
from purge.database.lookups import StillAnyOf
from purge.routes.scope import Scope
from purge.rules import (
    Delete,
    DeleteAbout,
    Detach,
    HandOver,
    PersonTreatment,
    Unassign,
    Withdraw,
)
from purge.rules.registry import ModelEntry, PersonColumn
from purge.steps.base import MOST_NAMED, Counting, Measured, Step
from purge.steps.statement import PEOPLE, Question, ask_all, quoted
from purge.steps.work import (
    Outcome,
    StepRun,
    also_set,
    call_consequence,
    doom_files_of,
    person_condition,
    refuse_more,
    remember_files,
    rows_by_key,
)


@dataclass(frozen=True)
class PeopleStep(Step):
    """Rows that a column ties to the people."""

    column: PersonColumn

    by_key: ClassVar[bool] = True

    @classmethod
    def needed(cls, scope: Scope) -> bool:
        return bool(scope.people)

    @classmethod
    def of(cls, entry: ModelEntry) -> Iterator[Self]:
        return (cls(entry, column) for column in entry.references)

    @property
    def key(self) -> str:
        return self.column.key

    @property
    def label(self) -> str:
        return str(self.column.rule.progress) % {"noun": self.noun, "column": self.column.field.verbose_name}

    @property
    def hands_over(self) -> bool:
        return self.column.rule.hands_over

    @property
    def has_consequences(self) -> bool:
        return bool(self.column.rule.then)

    def work_question(self, scope: Scope) -> Question:
        where, params = _points_at_people(self.column, scope)
        rows = f"SELECT 1 FROM {quoted(self.entry.table)} WHERE {where}"
        return Question(f"SELECT 1 AS n WHERE EXISTS ({rows})", params)

    def count_question(self, scope: Scope, cap: int | None) -> Question:
        """Each row counts under the first step that takes it."""
        where, params = _points_at_people(self.column, scope)
        for column in self._earlier_removals():
            earlier, more = _points_at_people(column, scope)
            where, params = f"{where} AND ({earlier}) IS NOT TRUE", [*params, *more]
        return self._number_of_rows(where, params, cap)

    def has_work(self, answers: Mapping[str, int]) -> bool:
        return self.key in answers

    def count(self, counting: Counting) -> Measured:
        number, path = counting.answers.get(self.key, 0), self.column.rule.then
        pks = self._first_rows(counting.scope) if number and path and counting.named else []
        return Measured(number, counting.own_answers.get(self.key, 0), {path: pks} if path and pks else {})

    def left(self, scope: Scope, *, most: int) -> int:
        question = self._number_of_rows(*_points_at_people(self.column, scope), most)
        return ask_all({self.key: question}, scope).get(self.key, 0)

    def run(self, run: StepRun, *, limit: int, cursor: int = 0) -> Outcome:
        return treat(self.column.rule, self, run, limit)

    def _earlier_removals(self) -> list[PersonColumn]:
        """Rules of the same model that take whole rows before this step: those rows count there, not here."""
        removals = self.entry.removals
        return removals[: removals.index(self.column)] if self.column in removals else removals

    def _number_of_rows(self, where: str, params: list[Any], cap: int | None) -> Question:
        rows = f"SELECT 1 FROM {quoted(self.entry.table)} WHERE {where}"
        if cap is not None:
            rows += f" LIMIT {cap:d}"
        return Question(f"SELECT count(*) AS n FROM ({rows}) r", params)

    def _first_rows(self, scope: Scope) -> list[int]:
        rows = self.entry.model._base_manager
        found = rows.filter(person_condition(self.column, scope.people))
        for column in self._earlier_removals():
            found = found.exclude(pk__in=rows.filter(person_condition(column, scope.people)))
        return list(found.values_list("pk", flat=True)[:MOST_NAMED])


def goes_with_people(entry: ModelEntry, scope: Scope, *, listed: bool) -> tuple[str, list[Any]]:
    """The condition that a row is one that an earlier step takes away; '' for none. ``listed``: the people stand in the
    statement's head, else they are parameters."""
    if not scope.people:
        return "", []
    wheres, params = [], []
    for column in entry.removals:
        where, more = _points_at_people(column, scope, listed=listed)
        wheres.append(where)
        params += more
    return " OR ".join(wheres), params


# ---------------------------------------------------------------- the statement


def _points_at_people(column: PersonColumn, scope: Scope, *, listed: bool = True) -> tuple[str, list[Any]]:
    """The condition that a column ties a row to the people. ``listed``: they stand in the statement's head."""
    if not column.rule.is_foreign_key:
        rows = column.model._base_manager.filter(person_condition(column, scope.people)).order_by().values("pk")
        sql, params = rows.query.get_compiler(connection=connection).as_sql()
        pk = quoted(str(column.model._meta.pk.column))
        return f"{quoted(column.table)}.{pk} IN ({sql})", list(params)
    name = f"{quoted(column.table)}.{quoted(column.column)}"
    dialect = dialect_of(connection)
    if listed:
        return f"{name} {dialect.among(PEOPLE, 'bigint')}", []
    where, people = dialect.any_of(name, list(scope.people))
    return where, [people]


# ---------------------------------------------------------------- rows that point at the person


@singledispatch
def treat(rule: PersonTreatment, step: PeopleStep, _run: StepRun, _limit: int) -> Outcome:
    """Do at most ``limit`` rows that the step's column ties to the people. A function for each treatment of people."""
    raise TypeError(f"{step.key}: {type(rule).__name__} is no treatment of people")


@treat.register
def delete(rule: Delete | DeleteAbout, step: PeopleStep, run: StepRun, limit: int) -> Outcome:
    column = step.column
    if rule.is_foreign_key and not rule.then:
        return _delete_chunk(step, run, limit)
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        rows = _still_theirs(column, run, pks)
        doom_files_of(step.entry, rows, run.scope.request_id)
        call_consequence(column, pks, run)
        refuse_more(rows._raw_delete(connection.alias), pks, column, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def _delete_chunk(step: PeopleStep, run: StepRun, limit: int) -> Outcome:
    """Delete at most ``limit`` rows whose column is one of the people.

    By physical address: looking each row up a second time by its primary key costs half as much again. The names of
    their stored files are remembered, as :func:`doom_files` does.
    """
    column, own = step.column, run.scope.own_people
    files = [file.column for file in step.entry.files]
    deleted = dialect_of(connection).delete_rows(
        column.table,
        column.column,
        run.scope.people,
        limit=limit,
        # Whose each was is asked only where it is not known of all.
        returning=[*files, column.column] if own else files,
        in_pieces=run.is_in_pieces(column.table),
    )
    run.own += deleted.rows if own is None else sum(row[-1] in own for row in deleted.returned if own)
    if files and deleted.returned:
        names = (value for row in deleted.returned for value in row[: len(files)])
        remember_files(names, run.scope.request_id)
    return Outcome(deleted.rows, exhausted=not deleted.more)


def _still_theirs(column: PersonColumn, run: StepRun, pks: Sequence[Any]) -> models.QuerySet[Any]:
    """Those of the chosen rows that the column ties to the people.

    Asked again by each statement that changes one: where a table has partitions or heirs, a primary key may stand for
    somebody else's row too.
    """
    rows = rows_by_key(column.model, pks)
    if not column.rule.is_foreign_key:
        return rows.filter(person_condition(column, run.scope.people))
    return rows.filter(StillAnyOf(F(column.field.name), list(run.scope.people)))


@treat.register
def unassign(rule: Unassign, step: PeopleStep, run: StepRun, limit: int) -> Outcome:
    column = step.column
    if not rule.then:
        return _delete_chunk(step, run, limit)
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        rows = _still_theirs(column, run, pks)
        left = sorted(set(rows.values_list(rule.then_of or "pk", flat=True)))
        refuse_more(rows._raw_delete(connection.alias), pks, column, run)
        call_consequence(column, left, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def _locked(column: PersonColumn, run: StepRun, limit: int) -> list[int]:
    """Primary keys of rows, locked in ascending order: two requests never wait for each other in a ring.

    Nobody can give a locked row to somebody else before it is changed.
    """
    rows = column.model._base_manager.filter(person_condition(column, run.scope.people))
    return list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True)[:limit])


@treat.register
def detach(rule: Detach, step: PeopleStep, run: StepRun, limit: int) -> Outcome:
    column = step.column
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        changed = _still_theirs(column, run, pks).update(**{column.field.name: None, **also_set(rule)})
        refuse_more(changed, pks, column, run)
        call_consequence(column, pks, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


@treat.register
def hand_over(rule: HandOver, step: PeopleStep, run: StepRun, limit: int) -> Outcome:
    column = step.column
    pks = _locked(column, run, limit)
    if not pks:
        return Outcome(0, exhausted=True)
    run.count_own(column, pks)
    accounts: dict[int | None, list[int]] = defaultdict(list)
    path = column.rules.account or "pk"
    for pk, account_id in _still_theirs(column, run, pks).values_list("pk", path):
        accounts[account_id].append(pk)
    for account_id, rows in accounts.items():
        heir = run.heir(account_id) if account_id is not None and column.rules.account else None
        changed = _still_theirs(column, run, rows).update(**{column.field.attname: heir, **also_set(rule)})
        refuse_more(changed, rows, column, run)
    call_consequence(column, pks, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


@treat.register
def withdraw(rule: Withdraw, step: PeopleStep, run: StepRun, limit: int) -> Outcome:
    """Delete what nothing hangs on, again and again as leaves fall; what is left then is emptied."""
    column = step.column
    rows = column.model._base_manager.filter(person_condition(column, run.scope.people)).order_by("pk")
    held = Q(pk__in=())
    for label in rule.referenced_by:
        held |= Q(Exists(_referrers(label)))
    leaves = list(rows.exclude(held).select_for_update(of=("self",)).values_list("pk", flat=True)[:limit])
    if leaves:
        run.count_own(column, leaves)
        refuse_more(_still_theirs(column, run, leaves)._raw_delete(connection.alias), leaves, column, run)
        call_consequence(column, leaves, run)
        return Outcome(len(leaves), exhausted=False)
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        emptied = {column.field.name: None, **rule.empty, **also_set(rule)}
        refuse_more(_still_theirs(column, run, pks).update(**emptied), pks, column, run)
        call_consequence(column, pks, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def _referrers(label: str) -> models.QuerySet[Any]:
    model_label, _dot, name = label.rpartition(".")
    rows: models.QuerySet[Any] = apps.get_model(model_label)._base_manager.filter(**{name: OuterRef("pk")})
    return rows
