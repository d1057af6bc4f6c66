"""What a purge would do, counted with the very queries that the executors empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from django.db import connection

from purge.addresses.index import looking_for_few_rows
from purge.routes.scope import Scope
from purge.rules import HandOver
from purge.steps.addresses import entries_with_candidates, measure_addresses
from purge.steps.base import ADDRESSES, FILES, MOST_NAMED, Measured, Step, person_rows
from purge.steps.files import count_files
from purge.steps.people import count_person_steps
from purge.steps.plan import plan_steps
from purge.steps.work import Looked

#: Counts on a page stop here; more is shown as "more than 10,000".
COUNT_CAP = 10_000
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
    """What a purge changes, before anything is changed.

    ``consequences``: dotted path → primary keys by model label. ``files``: model label → rows whose stored files go.
    """

    lines: list[Line] = field(default_factory=list)
    consequences: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)


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
            if step.suffix == FILES:
                impact.files[step.entry.rules.model] = found.rows
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
    path = step.column.rule.then if named else None
    pks = list(person_rows(step, scope).values_list("pk", flat=True)[:MOST_NAMED]) if path and number else []
    return Measured(number, numbers.own.get(step.key, 0), {path: pks} if path and pks else {})
