"""The sweep: one walk over all steps of a plan for all people together, and the people's own rows at its end.

What a chunk did and the progress it reports are one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import F, Q
from django.utils import timezone

from purge.choices import Fate, IdentifierKind, Role, StepState
from purge.database.catalog import Catalog, read_catalog
from purge.database.chunk_delete import MoreRowsThanPlanned, tables_in_pieces
from purge.hashing import FOLDED
from purge.host import Person, PersonState, get_host
from purge.journal.lines import LATE, journal_people
from purge.models import FollowUp, Identifier, PurgeRequest, PurgeStep, Subject
from purge.proof import probe
from purge.purge_rules import HEADLESS
from purge.routes.guards import reached_elsewhere, reached_of, reason_to_hold_again
from purge.routes.policy import policy_for
from purge.routes.scope import DOOMED_ROLES, Scope, scope_of
from purge.routes.targets import add_subjects, matches_of, overlooked_at
from purge.rules.registry import get_registry, person_model
from purge.run.claims import Claim, chunk_transaction, commit_without_flushing, hold, note, try_again
from purge.run.failures import failure_of
from purge.run.splitting import split_off
from purge.steps.base import Step
from purge.steps.people import rows_of_step
from purge.steps.plan import new_step_rows, plan_steps, run_step, steps_with_work, stored_steps
from purge.steps.work import Looked, Outcome, Run, doom_files
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
#: The kind of the follow-up for an account that nobody administers any more.
#: The last transaction of a purge that took several: it must come to its end, and holds up nobody but the people
#: who go. Below the statement timeout and the lease.
LAST_CHUNK_SECONDS = 30.0


#: PostgreSQL's word for a row that points at nothing.
FOREIGN_KEY_VIOLATION = "23503"


class StillReferenced(Exception):
    """A row of ``table`` points at a person who is about to be deleted, and no rule takes it away."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


@dataclass
class Sweep:
    """A walk over all steps for all people together, chunk by chunk, ending in the transaction that deletes them.

    A chunk that may be the last one locks the people in id order. If it passes all steps from the first to the last
    within its budget it has seen that nothing is left, and deletes the people before it commits: a light purge is one
    transaction. Once all steps were passed in several chunks only what slipped in is left, so the pass after that has
    no limit of time: on a slow day it would end before its end each time, and begin again for ever. The chunks before
    lock nobody: whoever writes for the people meanwhile is not kept waiting, and what they write is met by that pass.

    Who resumes a pass begins with its first step that is not done; where all are, only the last pass is missing.

    What a step may do is what its plan counted, and what was there beyond that when the plan was used up: rows that
    were written since, counted in the same transaction (``PurgeStep.late``). A step that does more stops the request.

    ``texts``: what the plan found in them, where that need not be looked for again. ``busy``: the keys of the steps
    that had something to do when the pass began; the others are passed over. When the plan says that one chunk will not
    be enough, they are the plan's: only a pass that ``asked`` may delete people. ``pace``: rows a second, by step.
    """

    claim: Claim
    texts: Looked | None = None
    position: int = 0
    last_pass: bool = False
    under_way: bool = False
    chunks: int = 0
    asked: bool = False
    busy: set[str] = field(default_factory=set)
    pace: dict[str, float] = field(default_factory=dict)
    #: Why a request that has grown waits for an operator.
    guarded: str = ""
    #: Steps that the stored plan says are done.
    told: set[int] = field(default_factory=set)
    scope: Scope = field(init=False)
    steps: list[tuple[PurgeStep, Step]] = field(init=False)
    catalog: Catalog | None = None
    #: Looked up once: a table that gets partitions meanwhile is met by each statement's own condition.
    in_pieces: frozenset[str] | None = None

    def __post_init__(self) -> None:
        request = PurgeRequest.objects.get(pk=self.claim.request_id)
        self.scope = scope_of(request)
        self.steps = list(stored_steps(request))
        self.told = {row.pk for row, _step in self.steps if row.state == StepState.DONE}
        undone = [position for position, (row, _step) in enumerate(self.steps) if row.pk not in self.told]
        if self.steps and not undone:
            self.last_pass = True
        elif undone and undone[0] > 0:
            self.position, self.under_way = undone[0], True
            self.busy = self._planned_work()

    def run(self, deadline: float) -> bool:
        """Chunk after chunk until the sweep is over (True) or the slice is (False)."""
        while not self.chunk():
            if slice_is_over(deadline):
                return False
        return True

    def chunk(self) -> bool:
        """One transaction. True when the sweep is over (people gone or set aside), or has to be built anew."""
        try:
            return try_again(self._chunk)
        except (IntegrityError, StillReferenced) as error:
            if not _still_referenced(error):
                raise
            # Somebody cannot be deleted. Person by person, so that the others go.
            self._one_by_one()
            return True

    def _chunk(self) -> bool:
        own = self.position, self.last_pass, self.under_way, self.asked, self.busy, set(self.told)
        committed = False
        try:
            with self._steps_as_committed():
                begins = not self.under_way
                if begins:
                    self._begin_pass()
                with chunk_transaction(self.claim, piece=not (begins and self.asked)) as request:
                    over = self._in_transaction(request, may_end=begins and self.asked)
            committed = True
            self.chunks += 1
            return over
        finally:
            if not committed:
                self.position, self.last_pass, self.under_way, self.asked, self.busy, self.told = own

    @contextmanager
    def _steps_as_committed(self) -> Iterator[None]:
        """What a transaction did to the steps is forgotten when it is not committed."""
        before = [(row.state, row.cursor, row.done, row.late, row.own_done) for row, _step in self.steps]
        try:
            yield
        except BaseException:
            for (row, _step), values in zip(self.steps, before, strict=True):
                row.state, row.cursor, row.done, row.late, row.own_done = values
            raise

    def _begin_pass(self) -> None:
        self.under_way = True
        self.asked = self.last_pass or sum(row.planned for row, _step in self.steps) <= WHOLE_ROWS
        self.busy = set() if self.asked else self._planned_work()

    def _in_transaction(self, request: PurgeRequest, *, may_end: bool) -> bool:
        waiting = self._waiting(request) if may_end else []
        present = get_host().lock_people(waiting) if may_end else []
        if may_end:
            # After the people were locked, so that nothing is added meanwhile.
            self.busy = steps_with_work([step for _row, step in self.steps], self.scope)
        finished, counts = self._walk()
        over = finished and may_end
        late = over and self._add_late_matches(request)
        if over and not late:
            self._delete_people(request, present, waiting)
        if finished and not over:
            self.position, self.last_pass, self.under_way = 0, True, False
        self._report(request, counts, finished)
        if late:
            all_steps_wait(request)
            if self.guarded:
                hold(request, self.guarded)
        if may_end and not over:
            commit_without_flushing()
        return over

    def _waiting(self, request: PurgeRequest) -> list[int]:
        return list(
            request.subjects.filter(role__in=DOOMED_ROLES, fate=Fate.WAITING)
            .order_by("person_id")
            .values_list("person_id", flat=True)
        )

    def _walk(self) -> tuple[bool, dict[int, int]]:
        """Run steps from the present position until the budget is spent: (the end was reached, rows by step)."""
        known = self.texts is not None and self.texts.still_true()
        run = self._run_of(self.scope, self.texts if known else None)
        counts: dict[int, int] = {}
        rows_left = CHUNK_ROWS
        seconds = self._seconds()
        until = time.monotonic() + seconds
        while self.position < len(self.steps):
            row, step = self.steps[self.position]
            self.claim.step = row.key
            if step.key not in self.busy or self._is_settled(row, step):
                row.state, row.cursor = StepState.DONE, 0
                self.position += 1
                continue
            outcome = self._do(row, step, run, rows_left, until)
            counts[self.position] = counts.get(self.position, 0) + outcome.rows
            rows_left -= outcome.rows
            if outcome.exhausted:
                row.state = StepState.DONE
                row.cursor = 0
                self.position += 1
            else:
                row.cursor = outcome.cursor
            # A statement that was to fill the time may end a little before it does.
            if self.position < len(self.steps) and (rows_left <= 0 or time.monotonic() >= until - seconds / 5):
                return False, counts
        return True, counts

    def _seconds(self) -> float:
        if self.last_pass:
            return LAST_CHUNK_SECONDS
        return WHOLE_SECONDS if self.asked else min(CHUNK_SECONDS, FIRST_CHUNK_SECONDS * 2 ** min(self.chunks, 8))

    def _run_of(self, scope: Scope, texts: Looked | None = None) -> Run:
        if self.in_pieces is None:
            self.in_pieces = tables_in_pieces()
        return Run(scope, texts, self.in_pieces)

    def _do(self, row: PurgeStep, step: Step, run: Run, rows_left: int, until: float) -> Outcome:
        """A statement's worth of a step: in a pass of many chunks as many rows as there is time for."""
        if self.asked or not step.by_key:
            return self._within_plan(row, step, run, rows_left)
        begun = time.monotonic()
        fitting = max(PACING_ROWS, int(self.pace.get(step.key, 0.0) * (until - begun)))
        outcome = self._within_plan(row, step, run, min(rows_left, fitting))
        if outcome.rows:
            self.pace[step.key] = outcome.rows / max(time.monotonic() - begun, 1e-6)
        return outcome

    def _within_plan(self, row: PurgeStep, step: Step, run: Run, limit: int) -> Outcome:
        """At most ``limit`` rows of a step, and at most one more than its plan still allows: what that one stands for
        is counted. Raises :class:`MoreRowsThanPlanned` when it did more than it was told to.
        """
        allowed = row.planned + row.late - row.done
        if step.by_key:
            limit = min(limit, max(allowed, 0) + 1)
        own_before = run.own
        outcome = run_step(step, run, limit=limit, cursor=row.cursor)
        if step.by_key and outcome.rows > limit:
            raise MoreRowsThanPlanned
        row.done += outcome.rows
        row.own_done += run.own - own_before
        if row.done > row.planned + row.late:
            # Of a text it is known by its being read that it names somebody: each is one more.
            row.late = row.done - row.planned
            if step.by_key:
                row.late += rows_of_step(step, run.scope, most=CHUNK_ROWS)
        return outcome

    def _planned_work(self) -> set[str]:
        """The keys of the steps for which the plan counted something, and of those that it could not count."""
        return {row.key for row, step in self.steps if row.planned or step.reads_all}

    def _is_settled(self, row: PurgeStep, step: Step) -> bool:
        """Whether a step is not asked again in this pass."""
        return row.state == StepState.DONE and step.stays_done(last_pass=self.last_pass)

    def _report(self, request: PurgeRequest, counts: dict[int, int], finished: bool) -> None:
        """Progress, in the same transaction as what it reports."""
        changed = [(number, self.steps[position][0]) for position, number in counts.items() if number or not finished]
        passed = {row.pk for row, _step in self.steps if row.state == StepState.DONE} - self.told
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {PurgeStep._meta.db_table} SET done = done + %s, late = %s, own_done = %s, state = %s, "
                f"{_quoted('cursor')} = %s WHERE id = %s",
                [(number, row.late, row.own_done, row.state, row.cursor, row.pk) for number, row in changed],
            )
        if finished:
            request.steps.filter(state=StepState.WAITING).update(state=StepState.DONE, cursor=0)
        elif empty := passed - {row.pk for _number, row in changed}:
            request.steps.filter(pk__in=empty).update(state=StepState.DONE, cursor=0)
        self.told |= passed
        rows = sum(counts.values())
        now = timezone.now()
        PurgeRequest.objects.filter(pk=request.pk).update(
            rows_done=F("rows_done") + rows,
            steps_left=0 if finished else sum(1 for row, _step in self.steps if row.state != StepState.DONE),
            progress_at=now,
            lease_until=now + timedelta(seconds=settings.PURGE_LEASE_SECONDS),
            crashes=0,
            attempts=0 if rows or finished else F("attempts"),
            **({"people_left": people_left_of(request)} if finished else {}),
        )

    def _add_late_matches(self, request: PurgeRequest) -> bool:
        """Users who were overlooked at acceptance: they had the identifier then, and were committed at that moment.

        Whoever was added, or got the identifier, after acceptance is no part of the request.
        """
        # What an earlier release captured may be the key of two people: nobody is added by it.
        identifiers = Identifier.objects.filter(request=request, match=True, account_id=None).exclude(form=FOLDED)
        emails = [value for kind, value in identifiers.values_list("kind", "value") if kind == IdentifierKind.EMAIL]
        logins = [value for kind, value in identifiers.values_list("kind", "value") if kind == IdentifierKind.LOGIN]
        if not (emails or logins):
            return False
        targets = matches_of(request, emails=emails, adobe_ids=logins)
        parts = Q(request=request) | Q(request__part_of=request)
        known = set(Subject.objects.filter(parts).values_list("person_id", flat=True))
        unknown = [target for target in targets if target.person.id not in known]
        if unknown:
            # Accounts that became trials since: their people were out of reach when it was accepted, and stay so.
            young = {pk for pk, changed in get_host().became_trial().items() if changed > request.accepted_at}
            unknown = [target for target in unknown if target.person.account_id not in young]
        overlooked = overlooked_at(request.accepted_at, unknown, keys=[*emails, *logins])
        if not overlooked:
            return False
        # What has grown is not what was let through: where the guards say so it waits again, and takes nobody before.
        before = list(request.subjects.values_list("account_id", "role"))
        reached = [*before, *reached_of(overlooked)]
        self.guarded = reason_to_hold_again(request, reached)
        if self.guarded and request.account_id is not None:
            # What an account asked for is done in it whatever is found elsewhere, and it reads the same.
            elsewhere = [target for target in overlooked if target.person.account_id != request.account_id]
            note(request, "split_off", people=len(elsewhere))
            split_off(request, elsewhere, held=self.guarded)
            overlooked = [target for target in overlooked if target.person.account_id == request.account_id]
            reached, self.guarded = [*before, *reached_of(overlooked)], ""
            if not overlooked:
                return False
        add_subjects(request, overlooked, begins=not self.guarded)
        going = [target.person for target in overlooked if target.role in DOOMED_ROLES]
        if going:
            journal_people(request, LATE, people=going)
        note(request, "grown", people=len(overlooked))
        PurgeRequest.objects.filter(pk=request.pk).update(
            other_account_count=reached_elsewhere(request.account_id, reached),
            kept_count=sum(1 for _account, role in reached if role == Role.KEPT),
        )
        return True

    def _delete_people(self, request: PurgeRequest, present: list[Any], waiting: list[int]) -> None:
        """The rows of the people themselves, checked before commit; a vanished one was erased by another request."""
        erase_people(request, present, self._catalog if connection.vendor == "sqlite" else None)
        note_headless_accounts(request, present)
        gone = set(waiting) - {person.id for person in present}
        request.subjects.filter(person_id__in=[person.id for person in present]).update(fate=Fate.ERASED)
        request.subjects.filter(person_id__in=gone, fate=Fate.WAITING).update(fate=Fate.GONE)
        if present or gone:
            own = sum(1 for person in present if person.account_id == request.account_id)
            note(request, "people_erased", people=len(present), own=own, already_gone=len(gone))

    @property
    def _catalog(self) -> Catalog:
        if self.catalog is None:
            self.catalog = read_catalog(connection)
        return self.catalog

    def _one_by_one(self) -> None:
        request = PurgeRequest.objects.get(pk=self.claim.request_id)
        self.catalog = None  # the table nobody ruled may be younger than what was read
        for person_id in self._waiting(request):
            try:
                try_again(partial(self._erase_one, person_id))
            except (IntegrityError, StillReferenced) as error:
                if not _still_referenced(error):
                    raise
                with chunk_transaction(self.claim) as locked:
                    locked.subjects.filter(person_id=person_id).update(
                        fate=Fate.STUCK, stuck_table=_table_of(error)[:128]
                    )
                    facts = {**failure_of(error).facts, "table": _table_of(error)}
                    note(locked, "person_stuck", person=person_id, error=type(error).__name__, **facts)
        with chunk_transaction(self.claim) as locked:
            locked.steps.update(state=StepState.DONE, cursor=0)
            PurgeRequest.objects.filter(pk=locked.pk).update(steps_left=0, people_left=people_left_of(locked))

    def _erase_one(self, person_id: int) -> None:
        with self._steps_as_committed(), chunk_transaction(self.claim) as request:
            present = get_host().lock_people([person_id])
            run = self._run_of(self.scope.only(person_id))
            counts: dict[int, int] = {}
            for position, (row, step) in enumerate(self.steps):
                self.claim.step = row.key
                done = row.state == StepState.DONE
                row.cursor, exhausted = 0, done and step.stays_done(last_pass=False)
                while not exhausted:
                    outcome = self._within_plan(row, step, run, CHUNK_ROWS)
                    counts[position] = counts.get(position, 0) + outcome.rows
                    row.cursor, exhausted = outcome.cursor, outcome.exhausted
            self._delete_people(request, present, [person_id])
            self._report(request, counts, finished=True)


def erase_people(request: PurgeRequest, people: list[Any], catalog: Catalog | None) -> None:
    """Delete the rows of locked people inside the caller's transaction. ``catalog``: asked on SQLite only.

    Raises IntegrityError (PostgreSQL) or :class:`StillReferenced` (SQLite, whose deferred check would only name no
    table, at the commit) when something still points at one of them.
    """
    if not people:
        return
    host, model = get_host(), person_model()
    ids = [person.id for person in people]
    if catalog is not None:
        for table in probe.referring_tables(catalog, model._meta.db_table, ids):
            raise StillReferenced(table)
    entry = get_registry().entry_of(model)
    if entry is not None:
        doom_files(entry, ids, request.pk)
    creators = set(request.subjects.filter(role=Role.CREATOR, person_id__in=ids).values_list("account_id", flat=True))
    if policy_for(request).delete_users_of_created_trials:
        for account_id in sorted(creators):
            host.close_account(account_id)
    host.people_gone(people)
    model._base_manager.filter(pk__in=ids)._raw_delete(connection.alias)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def note_headless_accounts(request: PurgeRequest, people: Iterable[Person]) -> None:
    """A follow-up for each account that lost somebody in use and has no active administrator now.

    Nobody there can act on it, so support is told. An account that was closed with its creator needs none.
    """
    host = get_host()
    lost = {person.account_id for person in people if person.earlier_state == PersonState.ACTIVE}
    for account_id, account in sorted(host.accounts(lost).items()):
        if account.active and not host.administrators(account_id):
            FollowUp.objects.get_or_create(
                request=request,
                kind=HEADLESS.kind,
                model=host.account_label(),
                row=account_id,
                defaults={"account_id": account_id},
            )


def all_steps_wait(request: PurgeRequest) -> None:
    """Make the whole plan wait again; people who are gone stay in its scope, since rows may have come back.

    Steps that the rules give now and the plan has not (it was made by an earlier release) are put in where they belong.
    """
    if request.planned:
        _put_in_new_steps(request)
    request.steps.update(state=StepState.WAITING, cursor=0)
    PurgeRequest.objects.filter(pk=request.pk).update(steps_left=request.steps.count())


def _put_in_new_steps(request: PurgeRequest) -> None:
    stored = {row.key: row for row in request.steps.all()}
    wanted = plan_steps(scope_of(request))
    if all(step.key in stored for step in wanted):
        return
    order = {step.key: position for position, step in enumerate(wanted)}
    missing = [(step, (0, 0)) for step in wanted if step.key not in stored]
    # A step whose rule has vanished is passed over wherever it stands.
    moved = [row for key, row in stored.items() if key in order]
    for row in [*moved, *(added := new_step_rows(request, 0, missing))]:
        row.position = order[row.key]
    PurgeStep.objects.bulk_update(moved, ["position"])
    PurgeStep.objects.bulk_create(added)


def people_left_of(request: PurgeRequest) -> int:
    return request.subjects.filter(role__in=DOOMED_ROLES, fate__in=(Fate.WAITING, Fate.STUCK)).count()


def _still_referenced(error: Exception) -> bool:
    """Whether a row points at somebody who was about to go: no other conflict says that they cannot be deleted."""
    if isinstance(error, StillReferenced):
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    return state == FOREIGN_KEY_VIOLATION if state else "FOREIGN KEY" in str(error)


def _table_of(error: Exception) -> str:
    if isinstance(error, StillReferenced):
        return error.table
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnosis, "table_name", None) or "unknown")


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
