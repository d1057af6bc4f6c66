"""What a purge would do, counted with the very queries that the executors empty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q

from purge.address_index import looking_for_few_rows
from purge.counting import count_person_steps, entries_with_candidates
from purge.executors import Looked, candidates, changed_rows, walk_rows
from purge.planner import ADDRESSES, FILES, Step, person_condition, person_rows, plan_steps
from purge.rules import HandOver, PersonTreatment
from purge.scope import Scope
from purge.stored_files import doomed_files

#: Counts on a page stop here; more is shown as "more than 10,000".
COUNT_CAP = 10_000
#: Rows named one by one on a page (connectors, sessions).
MOST_NAMED = 200
#: Steps that a plan counts with one statement.
TOGETHER = 40


@dataclass(frozen=True)
class Line:
    """One line of the impact: a kind of record and how many. ``n`` is at most COUNT_CAP + 1, which means "more"."""

    key: str
    noun: str
    words: str
    n: int
    handed_over: bool = False

    @property
    def more(self) -> bool:
        return self.n > COUNT_CAP


@dataclass
class Impact:
    """What a purge changes, before anything is changed. ``consequences``: dotted path → primary keys by model label."""

    lines: list[Line] = field(default_factory=list)
    consequences: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(line.n for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """Counts only, for the stored request."""
        return {"lines": [asdict(line) for line in self.lines], "total": self.total}


def measure_impact(scope: Scope, *, cap: int | None = COUNT_CAP) -> Impact:
    """Count every step of a scope's plan. The number of queries depends on the rules, not on the rows.

    Steps of the same kind that would change nothing are left out. ``cap=None`` counts to the end.
    """
    most = None if cap is None else cap + 1
    steps = plan_steps(scope)
    with looking_for_few_rows(connection):
        numbers = _Numbers(steps, scope, most)
        measured = [(step, _measure(step, scope, most, numbers)) for step in steps]
    impact = Impact()
    for step, found in measured:
        if found.rows:
            handed_over = step.column is not None and isinstance(step.column.rule, HandOver)
            impact.lines.append(Line(step.key, str(step.noun), step.words, found.rows, handed_over))
        for path, pks in found.consequences.items():
            impact.consequences.setdefault(path, {}).setdefault(step.entry.rules.model, []).extend(pks)
    return impact


def in_account_only(scope: Scope, account_id: int) -> Scope:
    """The part of a scope that the requesting account may be shown: nothing of any other customer's."""
    return replace(
        scope,
        requesting_account_id=account_id,
        trial_accounts=False,
        own_addresses={account: keys for account, keys in scope.own_addresses.items() if account == account_id},
        losing_accounts=scope.losing_accounts & {account_id},
    )


class Counted(NamedTuple):
    """How many rows a step would change, and how many of those are of the account that asked."""

    rows: int
    own: int


def count_each(steps: Sequence[Step], scope: Scope, looked: Looked | None = None) -> Iterator[Counted]:
    """How many rows each step of a plan would change, in order; counted as it goes, so that a caller can stop between.

    ``looked``: remembers what was found in the texts.
    """
    for start in range(0, len(steps), TOGETHER):
        some = steps[start : start + TOGETHER]
        numbers = _Numbers(some, scope, None)
        for step in some:
            found = _measure(step, scope, None, numbers, named=False, looked=looked)
            yield Counted(found.rows, found.own)


class _Numbers:
    """What can be asked for all steps of a plan at once."""

    def __init__(self, steps: Sequence[Step], scope: Scope, cap: int | None) -> None:
        with_people = [step for step in steps if step.column is not None]
        self.rows = count_person_steps(with_people, scope, cap=cap)
        self.own = dict(self.rows)
        if scope.own_people is not None:
            own = replace(scope, people=tuple(sorted(scope.own_people)))
            self.own = count_person_steps(with_people, own, cap=cap) if self.rows and own.people else {}
        entries = [step.entry for step in steps if step.suffix == ADDRESSES]
        self.mentioning = entries_with_candidates(entries, scope)


class Measured(NamedTuple):
    """What one step would change: rows, how many of them are of the account that asked, and some rows whose change has
    a consequence, by its dotted path."""

    rows: int
    own: int
    consequences: dict[str, list[int]]


def _measure(
    step: Step,
    scope: Scope,
    cap: int | None,
    numbers: _Numbers,
    *,
    named: bool = True,
    looked: Looked | None = None,
) -> Measured:
    """How many rows a step would change; with ``named``, some of them whose change has consequences, by those."""
    if step.suffix == ADDRESSES:
        if step.entry.rules.model not in numbers.mentioning:
            return Measured(0, 0, {})
        return measure_addresses(step, scope, cap, looked)
    if step.suffix == FILES:
        return count_files(step, scope, cap)
    assert step.column is not None
    number = numbers.rows.get(step.key, 0)
    rule = step.column.rule
    path = rule.then if named and isinstance(rule, PersonTreatment) else None
    pks = list(person_rows(step, scope).values_list("pk", flat=True)[:MOST_NAMED]) if path and number else []
    return Measured(number, numbers.own.get(step.key, 0), {path: pks} if path and pks else {})


def measure_addresses(step: Step, scope: Scope, cap: int | None, looked: Looked | None) -> Measured:
    entry, number, own = step.entry, 0, 0
    changing: list[int] = []
    consequences: dict[str, list[int]] = defaultdict(list)
    upto: int | None = 0
    while upto is not None:
        found = candidates(entry, scope, after=upto, limit=walk_rows(), staying=True)
        upto = found.upto
        for pk, is_own, old, new in changed_rows(entry, scope, found.pks, lock=False) if found.pks else ():
            number += 1
            own += is_own
            if looked is not None:
                changing.append(pk)
            for column, before, now in zip(entry.addresses, old, new, strict=True):
                path = column.treatment.then
                if path and before != now and len(consequences[path]) < MOST_NAMED:
                    consequences[path].append(pk)
        if cap is not None and number >= cap:
            return Measured(cap, own, dict(consequences))
    if looked is not None:
        looked.remember(entry, changing)
    return Measured(number, own, {path: pks for path, pks in consequences.items() if pks})


def _going(step: Step, scope: Scope, pks: Iterable[int]) -> set[int]:
    """Those of the rows that an earlier step deletes: they are counted there."""
    removals = step.entry.removals
    if not removals or not scope.people:
        return set()
    condition = Q(pk__in=())
    for column in removals:
        condition |= person_condition(column, scope.people)
    return set(step.entry.model._base_manager.filter(condition, pk__in=list(pks)).values_list("pk", flat=True))


def count_files(step: Step, scope: Scope, cap: int | None) -> Measured:
    doomed = doomed_files(step, scope)
    going = _going(step, scope, {pk for _name, pk in doomed}) if doomed else set()
    staying = [pk for _name, pk in doomed if pk not in going]
    number, own, path = len(staying), 0, step.entry.rules.account
    if staying and path is not None and scope.heir_account_id is not None:
        rows = step.entry.model._base_manager.filter(pk__in=staying, **{path: scope.heir_account_id})
        theirs = set(rows.values_list("pk", flat=True))
        own = sum(pk in theirs for pk in staying)
    return Measured(number if cap is None else min(number, cap), own, {})
