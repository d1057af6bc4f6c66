"""The sweep: one walk over all steps of a plan for all people together, and the people's own rows at its end.

What a chunk did and the progress it reports are one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import F
from django.utils import timezone

from purge.choices import Fate, StepState
from purge.database import dialect_of
from purge.database.catalog import Catalog
from purge.database.chunk_delete import MoreRowsThanPlanned
from purge.host import get_host
from purge.models import PurgeRequest, PurgeStep
from purge.routes.scope import DOOMED_REASONS, Scope, scope_of
from purge.run.claims import Claim, chunk_transaction, commit_without_flushing, hold, note, try_again
from purge.run.erasing import StillReferenced, erase_people, is_still_referenced, note_headless_accounts, table_of
from purge.run.failures import failure_of
from purge.run.growing import add_overlooked
from purge.steps.base import Step
from purge.steps.plan import new_step_rows, plan_steps, run_step, steps_with_work, stored_steps
from purge.steps.work import Outcome, StepRun, TextScan
from purge.worker.shutdown import slice_is_over

#: A transaction ends after this many rows or this long, whichever comes first: enough that a statement's fixed cost
#: does not show, little enough that nobody waits and that a worker who is killed has lost little.
CHUNK_ROWS = 25_000
CHUNK_SECONDS = 0.06
#: The first transaction of a worker, the next ones twice as long each: one that is killed again and again gets on.
FIRST_CHUNK_SECONDS = 0.025
#: What a step is given to find out how fast it is, and at the least. Rows that others may point at take fifty times as
#: long as others: every foreign key to them is looked up.
PACING_ROWS = 500
#: A purge of so many rows is to be one transaction, which locks its people. It has more time, also for a slow day.
WHOLE_ROWS = 10_000
WHOLE_SECONDS = 0.25
#: The last transaction of a purge that took several: it must come to its end, and holds up nobody but the people
#: who go. Below the statement timeout and the lease.
LAST_CHUNK_SECONDS = 30.0


class Phase(Enum):
    """What a pass over all steps is for.

    ``WHOLE``: the purge is to be one transaction. A pass whose first chunk reaches the end of the steps has seen that
    nothing is left, and deletes the people before it commits. ``PIECES``: the plan says that one chunk will not be
    enough; nobody is locked, and nobody deleted. ``LAST``: all steps were passed once, and only what slipped in is
    left. It has no limit of time: on a slow day it would end before its end each time, and begin again for ever.
    """

    WHOLE = "whole"
    PIECES = "pieces"
    LAST = "last"

    @property
    def may_end(self) -> bool:
        """Whether its first chunk locks the people and asks which steps have work, so that it can delete them."""
        return self is not Phase.PIECES

    @property
    def is_paced(self) -> bool:
        """Whether a statement gets as many rows as fit the time that is left."""
        return self is Phase.PIECES

    def seconds(self, chunks: int) -> float:
        """How long a chunk may take after so many of the same worker."""
        match self:
            case Phase.WHOLE:
                return WHOLE_SECONDS
            case Phase.LAST:
                return LAST_CHUNK_SECONDS
            case Phase.PIECES:
                return min(CHUNK_SECONDS, FIRST_CHUNK_SECONDS * (1 << min(chunks, 8)))


@dataclass(frozen=True)
class StepProgress:
    """How far one step is: the columns of its row in the plan that a sweep writes. ``cursor``: last candidate seen."""

    is_done: bool = False
    cursor: int = 0
    done: int = 0
    late: int = 0
    own_done: int = 0

    @classmethod
    def of(cls, row: PurgeStep) -> StepProgress:
        return cls(row.state == StepState.DONE, row.cursor, row.done, row.late, row.own_done)

    @property
    def state(self) -> StepState:
        return StepState.DONE if self.is_done else StepState.WAITING


@dataclass(frozen=True)
class Progress:
    """Where a sweep is, as of its last commit. Steps before ``position`` were passed in this pass.

    ``busy``: the keys of the steps that had something to do when the pass began, the others are passed over; None while
    a pass that may end has not begun: that is asked when the people are locked. ``chunks``: transactions committed so
    far. ``over``: the people are gone or set aside, or the sweep has to be built anew.
    """

    phase: Phase
    position: int
    steps: tuple[StepProgress, ...]
    busy: frozenset[str] | None = None
    chunks: int = 0
    over: bool = False

    @classmethod
    def of_plan(cls, plan: Sequence[tuple[PurgeStep, Step]]) -> Progress:
        """Who resumes a pass begins with its first step that is not done; where all are, only the last is missing."""
        steps = tuple(StepProgress.of(row) for row, _step in plan)
        position = next((position for position, step in enumerate(steps) if not step.is_done), None)
        if position is None and steps:
            return cls(Phase.LAST, 0, steps)
        if not position and sum(row.planned for row, _step in plan) <= WHOLE_ROWS:
            return cls(Phase.WHOLE, 0, steps)
        # Nobody is locked who could be asked about: what counts is what the plan has counted, or could not.
        busy = frozenset(row.key for row, step in plan if row.planned or step.reads_all)
        return cls(Phase.PIECES, position or 0, steps, busy)

    @property
    def may_end(self) -> bool:
        """Whether the next chunk may be the one that deletes the people: the first of its pass."""
        return self.phase.may_end and self.busy is None

    @property
    def is_at_the_end(self) -> bool:
        return self.position == len(self.steps)

    def last_pass(self) -> Progress:
        """The pass after the one that has come to its end without deleting anybody."""
        return replace(self, phase=Phase.LAST, position=0, busy=None)


class Sweep:
    """A walk over all steps for all people together, chunk by chunk, ending in the transaction that deletes them.

    ``progress`` is what was committed: a chunk makes the next one of it, and where its transaction is taken back there
    is nothing to put back. A chunk that may be the last one locks the people in id order; a light purge is one
    transaction. The chunks before lock nobody: whoever writes for the people meanwhile is not kept waiting, and what
    they write is met by the last pass.

    What a step may do is what its plan counted, and what was there beyond that when the plan was used up: rows that
    were written since, counted in the same transaction (``PurgeStep.late``). A step that does more stops the request.

    ``scan``: what the plan found in them, where that need not be looked for again. ``just_planned``: it was made in the
    same slice of work, and nothing was swept since. ``rates``: rows a second, by step.
    """

    def __init__(self, claim: Claim, scan: TextScan | None = None, *, just_planned: bool = False) -> None:
        purge_request = PurgeRequest.across_accounts.get(pk=claim.request_id)
        self.claim, self.scan, self.just_planned = claim, scan, just_planned
        self.scope = scope_of(purge_request)
        self.plan = list(stored_steps(purge_request))
        self.progress = Progress.of_plan(self.plan)
        self.rates: dict[str, float] = {}
        self.catalog: Catalog | None = None
        #: Looked up once: a table that gets partitions meanwhile is met by each statement's own condition.
        self.in_pieces: frozenset[str] | None = None

    def run(self, deadline: float) -> bool:
        """Chunk after chunk until the sweep is over (True) or the slice is (False)."""
        while not self.chunk():
            if slice_is_over(deadline):
                return False
        return True

    def chunk(self) -> bool:
        """One transaction. True when the sweep is over (people gone or set aside), or has to be built anew."""
        try:
            self.progress = try_again(partial(self._chunk, self.progress))
        except (IntegrityError, StillReferenced) as error:
            if not is_still_referenced(error):
                raise
            # Somebody cannot be deleted. Person by person, so that the others go.
            self._one_by_one()
            self.progress = replace(self.progress, over=True)
        return self.progress.over

    def _chunk(self, before: Progress) -> Progress:
        with chunk_transaction(self.claim, piece=not before.may_end) as purge_request:
            after = self._in_transaction(purge_request, before)
        return replace(after, chunks=before.chunks + 1)

    def _in_transaction(self, purge_request: PurgeRequest, before: Progress) -> Progress:
        waiting: list[int] = []
        present: list[Any] = []
        begun = before
        if before.may_end:
            waiting = self._waiting(purge_request)
            present = get_host().lock_people(waiting)
            # After the people were locked, so that nothing is added meanwhile.
            begun = replace(before, busy=self._busy())
        after, rows = self._walk(begun)
        over = after.is_at_the_end and before.may_end
        grown = add_overlooked(purge_request) if over else None
        if over and grown is None:
            self._delete_people(purge_request, present, waiting)
        self._report(purge_request, before, after, rows)
        if grown is not None:
            all_steps_wait(purge_request)
            if grown.held:
                hold(purge_request, grown.held)
        if over:
            return replace(after, over=True)
        if before.may_end:
            commit_without_flushing()
        return after.last_pass() if after.is_at_the_end else after

    def _busy(self) -> frozenset[str]:
        """The keys of the steps that may have something to do now."""
        known = [row for row, step in self.plan if self.just_planned and step.follows_its_plan]
        counted = {row.key for row in known}
        asked = steps_with_work([step for row, step in self.plan if row.key not in counted], self.scope)
        return frozenset(asked | {row.key for row in known if row.planned})

    def _waiting(self, purge_request: PurgeRequest) -> list[int]:
        return list(
            purge_request.subjects.filter(role__in=DOOMED_REASONS, fate=Fate.WAITING)
            .order_by("person_id")
            .values_list("person_id", flat=True)
        )

    def _walk(self, before: Progress) -> tuple[Progress, dict[int, int]]:
        """Run steps from the present position until the budget is spent; with the rows of each that was run."""
        known = self.scan is not None and self.scan.still_true()
        run = self._run_of(self.scope, self.scan if known else None)
        busy, phase = before.busy or frozenset(), before.phase
        steps, position = list(before.steps), before.position
        rows: dict[int, int] = {}
        rows_left = CHUNK_ROWS
        seconds = phase.seconds(before.chunks)
        until = time.monotonic() + seconds
        while position < len(steps):
            row, step = self.plan[position]
            self.claim.step = row.key
            settled = steps[position].is_done and step.stays_done(last_pass=phase is Phase.LAST)
            if step.key not in busy or settled:
                steps[position] = replace(steps[position], is_done=True, cursor=0)
                position += 1
                continue
            limit = self._fitting(step, rows_left, until) if phase.is_paced else rows_left
            begun = time.monotonic()
            steps[position], outcome = self._within_plan(position, steps[position], run, limit)
            if phase.is_paced and outcome.rows and step.by_key:
                self.rates[step.key] = outcome.rows / max(time.monotonic() - begun, 1e-6)
            rows[position] = rows.get(position, 0) + outcome.rows
            rows_left -= outcome.rows
            position += outcome.exhausted
            # A statement that was to fill the time may end a little before it does.
            if position < len(steps) and (rows_left <= 0 or time.monotonic() >= until - seconds / 5):
                break
        return replace(before, position=position, steps=tuple(steps)), rows

    def _fitting(self, step: Step, rows_left: int, until: float) -> int:
        """How many rows of a step there is time for."""
        if not step.by_key:
            return rows_left
        return min(rows_left, max(PACING_ROWS, int(self.rates.get(step.key, 0.0) * (until - time.monotonic()))))

    def _run_of(self, scope: Scope, scan: TextScan | None = None) -> StepRun:
        if self.in_pieces is None:
            self.in_pieces = dialect_of(connection).tables_in_pieces()
        return StepRun(scope, scan, self.in_pieces)

    def _within_plan(self, position: int, was: StepProgress, run: StepRun, limit: int) -> tuple[StepProgress, Outcome]:
        """At most ``limit`` rows of a step, and at most one more than its plan still allows: what that one stands for
        is counted. Raises :class:`MoreRowsThanPlanned` when it did more than it was told to.
        """
        row, step = self.plan[position]
        if step.by_key:
            limit = min(limit, max(row.planned + was.late - was.done, 0) + 1)
        own_before = run.own
        outcome = run_step(step, run, limit=limit, cursor=was.cursor)
        if step.by_key and outcome.rows > limit:
            raise MoreRowsThanPlanned
        done, late = was.done + outcome.rows, was.late
        if done > row.planned + late:
            # Of a text it is known by its being read that it names somebody: each is one more.
            late = done - row.planned + step.left(run.scope, most=CHUNK_ROWS)
        now = StepProgress(
            is_done=was.is_done or outcome.exhausted,
            cursor=0 if outcome.exhausted else outcome.cursor,
            done=done,
            late=late,
            own_done=was.own_done + run.own - own_before,
        )
        return now, outcome

    def _report(self, purge_request: PurgeRequest, before: Progress, after: Progress, rows: dict[int, int]) -> None:
        """Progress, in the same transaction as what it reports. ``rows``: of each step that was run."""
        finished = after.is_at_the_end
        changed = [position for position, number in rows.items() if number or not finished]
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {PurgeStep._meta.db_table} SET done = done + %s, late = %s, own_done = %s, state = %s, "
                f"{_quoted('cursor')} = %s WHERE id = %s",
                [
                    (rows[position], step.late, step.own_done, step.state, step.cursor, self.plan[position][0].pk)
                    for position in changed
                    for step in (after.steps[position],)
                ],
            )
        if finished:
            purge_request.steps.filter(state=StepState.WAITING).update(state=StepState.DONE, cursor=0)
        else:
            pairs = enumerate(zip(before.steps, after.steps, strict=True))
            passed = {position for position, (was, now) in pairs if now.is_done and not was.is_done}
            if empty := [self.plan[position][0].pk for position in sorted(passed.difference(changed))]:
                purge_request.steps.filter(pk__in=empty).update(state=StepState.DONE, cursor=0)
        total = sum(rows.values())
        now = timezone.now()
        PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(
            rows_done=F("rows_done") + total,
            steps_left=0 if finished else sum(1 for step in after.steps if not step.is_done),
            progress_at=now,
            lease_until=now + timedelta(seconds=settings.PURGE_LEASE_SECONDS),
            crashes=0,
            attempts=0 if total or finished else F("attempts"),
            **({"people_left": people_left_of(purge_request)} if finished else {}),
        )

    def _delete_people(self, purge_request: PurgeRequest, present: list[Any], waiting: list[int]) -> None:
        """The rows of the people themselves, checked before commit; a vanished one was erased by another request."""
        erase_people(purge_request, present, None if dialect_of(connection).names_broken_keys else self._catalog)
        note_headless_accounts(purge_request, present)
        gone = set(waiting) - {person.id for person in present}
        purge_request.subjects.filter(person_id__in=[person.id for person in present]).update(fate=Fate.ERASED)
        purge_request.subjects.filter(person_id__in=gone, fate=Fate.WAITING).update(fate=Fate.GONE)
        if present or gone:
            own = sum(1 for person in present if person.account_id == purge_request.account_id)
            note(purge_request, "people_erased", people=len(present), own=own, already_gone=len(gone))

    @property
    def _catalog(self) -> Catalog:
        if self.catalog is None:
            self.catalog = dialect_of(connection).read_catalog()
        return self.catalog

    def _one_by_one(self) -> None:
        purge_request = PurgeRequest.across_accounts.get(pk=self.claim.request_id)
        self.catalog = None  # the table nobody ruled may be younger than what was read
        for person_id in self._waiting(purge_request):
            try:
                self.progress = try_again(partial(self._erase_one, person_id, self.progress))
            except (IntegrityError, StillReferenced) as error:
                if not is_still_referenced(error):
                    raise
                with chunk_transaction(self.claim) as locked:
                    locked.subjects.filter(person_id=person_id).update(
                        fate=Fate.STUCK, stuck_table=table_of(error)[:128]
                    )
                    facts = {**failure_of(error).facts, "table": table_of(error)}
                    note(locked, "person_stuck", person=person_id, error=type(error).__name__, **facts)
        with chunk_transaction(self.claim) as locked:
            locked.steps.update(state=StepState.DONE, cursor=0)
            PurgeRequest.across_accounts.filter(pk=locked.pk).update(steps_left=0, people_left=people_left_of(locked))

    def _erase_one(self, person_id: int, before: Progress) -> Progress:
        """All steps for one person, in one transaction. What is done stays to be done for the others."""
        with chunk_transaction(self.claim) as purge_request:
            present = get_host().lock_people([person_id])
            run = self._run_of(self.scope.only(person_id))
            steps = list(before.steps)
            rows: dict[int, int] = {}
            for position, (row, step) in enumerate(self.plan):
                self.claim.step = row.key
                was = before.steps[position]
                now, exhausted = replace(was, cursor=0), was.is_done and step.stays_done(last_pass=False)
                while not exhausted:
                    now, outcome = self._within_plan(position, now, run, CHUNK_ROWS)
                    rows[position] = rows.get(position, 0) + outcome.rows
                    exhausted = outcome.exhausted
                steps[position] = replace(now, is_done=was.is_done)
            after = replace(before, steps=tuple(steps), position=len(steps))
            self._delete_people(purge_request, present, [person_id])
            self._report(purge_request, before, after, rows)
        return after


def all_steps_wait(purge_request: PurgeRequest) -> None:
    """Make the whole plan wait again; people who are gone stay in its scope, since rows may have come back.

    Steps that the rules give now and the plan has not (it was made by an earlier release) are put in where they belong.
    """
    if purge_request.planned:
        _put_in_new_steps(purge_request)
    purge_request.steps.update(state=StepState.WAITING, cursor=0)
    PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(steps_left=purge_request.steps.count())


def _put_in_new_steps(purge_request: PurgeRequest) -> None:
    stored = {row.key: row for row in purge_request.steps.all()}
    wanted = plan_steps(scope_of(purge_request))
    if all(step.key in stored for step in wanted):
        return
    order = {step.key: position for position, step in enumerate(wanted)}
    missing = [(step, (0, 0)) for step in wanted if step.key not in stored]
    # A step whose rule has vanished is passed over wherever it stands.
    moved = [row for key, row in stored.items() if key in order]
    for row in [*moved, *(added := new_step_rows(purge_request, 0, missing))]:
        row.position = order[row.key]
    PurgeStep.objects.bulk_update(moved, ["position"])
    PurgeStep.objects.bulk_create(added)


def people_left_of(purge_request: PurgeRequest) -> int:
    return purge_request.subjects.filter(role__in=DOOMED_REASONS, fate__in=(Fate.WAITING, Fate.STUCK)).count()


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
