"""What a purge would do, counted with the very queries that the executors empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from django.db import connection

from purge.database import dialect_of
from purge.routes.scope import Scope
from purge.steps.base import Counting, Step
from purge.steps.plan import ask_steps, plan_steps
from purge.steps.work import TextScan

#: Counts on a page stop here; more is shown as "more than 10,000".
COUNT_CAP = 10_000
#: Steps that a plan counts with one statement.
TOGETHER = 40


@dataclass(frozen=True)
class ImpactLine:
    """One line of the impact: a kind of record and how many. ``n`` is at most COUNT_CAP + 1, which means "more"."""

    key: str
    noun: str
    label: str
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

    lines: list[ImpactLine] = field(default_factory=list)
    consequences: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)


def measure_impact(scope: Scope, *, cap: int | None = COUNT_CAP, in_full: bool = True) -> Impact:
    """Count every step of a scope's plan. The number of queries depends on the rules, not on the rows.

    Steps of the same kind that would change nothing are left out. ``cap=None`` counts to the end. ``in_full=False``:
    only what is handed over and what has consequences, which is what a confirmation asks about again when it changes.
    """
    most = None if cap is None else cap + 1
    steps = plan_steps(scope)
    if not in_full:
        steps = [step for step in steps if step.hands_over or step.has_consequences]
    with dialect_of(connection).small_reads():
        counting = _counting(steps, scope, cap=most)
        measured = [(step, step.count(counting)) for step in steps]
    impact = Impact()
    for step, found in measured:
        if found.rows:
            impact.lines.append(ImpactLine(step.key, step.noun, step.label, found.rows, step.hands_over))
            if step.erases_files:
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
        ids={account: keys for account, keys in scope.ids.items() if account == account_id},
        losing_accounts=scope.losing_accounts & {account_id},
    )


class Counted(NamedTuple):
    """How many rows a step would change, and how many of those are of the account that asked."""

    rows: int
    own: int


def count_each(steps: Sequence[Step], scope: Scope, scan: TextScan | None = None) -> Iterator[Counted]:
    """How many rows each step of a plan would change, in order; counted as it goes, so that a caller can stop between.

    ``scan``: remembers what was found in the texts.
    """
    for start in range(0, len(steps), TOGETHER):
        some = steps[start : start + TOGETHER]
        counting = _counting(some, scope, cap=None, named=False, scan=scan)
        for step in some:
            found = step.count(counting)
            yield Counted(found.rows, found.own)


def _counting(
    steps: Sequence[Step], scope: Scope, *, cap: int | None, named: bool = True, scan: TextScan | None = None
) -> Counting:
    """What can be asked for all of these steps at once."""
    answers = ask_steps(steps, scope, lambda step: step.count_question(scope, cap))
    own_answers = answers
    if scope.own_people is not None:
        own = replace(scope, people=tuple(sorted(scope.own_people)))
        by_key = [step for step in steps if step.by_key]
        some = by_key if own.people and any(step.key in answers for step in by_key) else []
        own_answers = ask_steps(some, own, lambda step: step.count_question(own, cap))
    return Counting(scope, answers, own_answers, cap, named, scan)
