"""Running a request: claim, plan, sweep, erase files, verify, close; each in bounded pieces that survive a kill.

The state is the data. A worker claims a request by conditional update and gets a fencing number; every transaction
begins by locking the request's row and comparing that number, so a worker that was thought dead cannot commit a chunk.
What a chunk did and the progress it reports are one transaction.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from purge import verifier
from purge.address_index import FEW_ROWS
from purge.catalog import Catalog, read_catalog
from purge.choices import (
    CLAIMABLE_STATUSES,
    Fate,
    IdentifierKind,
    Role,
    Status,
    StepState,
    Verdict,
)
from purge.counting import steps_with_work
from purge.executors import Looked, Run, doom_files, run_step
from purge.host import get_host
from purge.models import DoomedFile, Identifier, LedgerEntry, PurgeRequest, PurgeStep, Residue, Subject
from purge.planner import ADDRESSES, FILES, Step, new_step_rows, plan_steps, stored_steps
from purge.policy import policy_of
from purge.preview import count_steps
from purge.queue import enqueue, enqueue_request
from purge.registry import get_registry, person_model
from purge.scope import DOOMED_ROLES, Scope, scope_of
from purge.stopping import stop_is_asked_for
from purge.targets import Target, resolve_targets
from purge.telling import tell_completion, tell_responsible

#: A transaction ends after this many rows or this long, whichever comes first: enough that a statement's fixed cost
#: does not show, little enough that nobody waits.
CHUNK_ROWS = 10_000
CHUNK_SECONDS = 0.25
#: The last transaction of a purge that took several: it must come to its end, and holds up nobody but the people
#: who go. Below the statement timeout and the lease.
LAST_CHUNK_SECONDS = 30.0
#: Reported failures in a row, and workers that died without any progress in between, before people are asked.
MAX_ATTEMPTS = 5
MAX_CRASHES = 12
#: Tries of one chunk when the database asks to try again (deadlock, lock or statement timeout, lost race).
CHUNK_TRIES = 7
#: How often a hit of the verification runs the plan again before it is called residue.
MAX_RERUNS = 3
TRY_AGAIN_STATES = frozenset({"40P01", "55P03", "40001", "57014", "23503"})


T = TypeVar("T")


class StaleClaim(Exception):
    """Another worker has taken the request over; what this one was about to commit is rolled back."""


class StillReferenced(Exception):
    """A row of ``table`` points at a person who is about to be deleted, and no rule takes it away."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


@dataclass
class Claim:
    """A worker's right to work on a request. ``step``: what it is at, for the error report."""

    request_id: int
    fence: int
    step: str = ""


# ---------------------------------------------------------------- claiming


def claim_request(request_id: int) -> Claim | None:
    """Claim a request, or None when it is not to be worked on now (done, held, claimed, waiting for its next try).

    Committed before the work begins, so that a worker that dies is counted.
    """
    now = timezone.now()
    lease = now + timedelta(seconds=settings.PURGE_LEASE_SECONDS)
    with transaction.atomic():
        free = PurgeRequest.objects.filter(pk=request_id, status__in=CLAIMABLE_STATUSES)
        free = free.exclude(lease_until__gt=now).exclude(next_attempt_at__gt=now)
        if not free.update(fence=F("fence") + 1, lease_until=lease, crashes=F("crashes") + 1, next_attempt_at=None):
            return None
        request = PurgeRequest.objects.get(pk=request_id)
        if request.crashes > MAX_CRASHES:
            _needs_attention(request, error_class="WorkerDied", step=request.error_step)
            return None
        if request.status == Status.QUEUED:
            PurgeRequest.objects.filter(pk=request_id).update(
                status=Status.RUNNING, started_at=request.started_at or now, progress_at=now
            )
        return Claim(request_id, request.fence)


def _fenced(claim: Claim) -> PurgeRequest:
    """The request, locked, if the claim still holds. First statement of every transaction of a worker."""
    request = PurgeRequest.objects.select_for_update().get(pk=claim.request_id)
    if request.fence != claim.fence or request.status not in CLAIMABLE_STATUSES:
        raise StaleClaim(claim.request_id)
    return request


def release_claim(claim: Claim) -> None:
    """Give the request back for the next slice, with the task that will continue it, in one transaction."""
    with transaction.atomic():
        _fenced(claim)
        PurgeRequest.objects.filter(pk=claim.request_id).update(lease_until=None, crashes=0)
        enqueue_request(claim.request_id)


def record_failure(claim: Claim, error: BaseException) -> None:
    """Keep an error's class and the step it happened in; try again later, five times at most, then ask people."""
    with transaction.atomic():
        try:
            request = _fenced(claim)
        except StaleClaim:
            return
        attempts = request.attempts + 1
        name = type(error).__name__
        if attempts >= MAX_ATTEMPTS:
            PurgeRequest.objects.filter(pk=request.pk).update(attempts=attempts)
            _needs_attention(request, error_class=name, step=claim.step)
            return
        PurgeRequest.objects.filter(pk=request.pk).update(
            attempts=attempts,
            crashes=0,
            lease_until=None,
            error_class=name[:80],
            error_step=claim.step[:120],
            next_attempt_at=timezone.now() + back_off(attempts),
        )
        note(request, "failed", attempt=attempts, error=name, step=claim.step)


def back_off(attempts: int) -> timedelta:
    """How long to wait after this many failures in a row: 1×, 4×, 16×, 64× the base."""
    return timedelta(seconds=settings.PURGE_RETRY_SECONDS * 4 ** (attempts - 1))


def _needs_attention(request: PurgeRequest, *, error_class: str, step: str) -> None:
    PurgeRequest.objects.filter(pk=request.pk).update(
        status=Status.NEEDS_ATTENTION, lease_until=None, error_class=error_class[:80], error_step=step[:120]
    )
    note(request, "needs_attention", error=error_class, step=step)
    tell_responsible(request, "needs_attention")


def note(request: PurgeRequest, event: str, *, actor_id: int | None = None, **facts: Any) -> None:
    """Append to the request's ledger: names of events, ids and counts."""
    LedgerEntry.objects.create(request=request, event=event, actor_id=actor_id, facts=facts)


# ---------------------------------------------------------------- one slice of work


def work(claim: Claim, *, seconds: float | None = None) -> bool:
    """Work on a claimed request until it is closed, waits for people, or the time slice is over.

    Returns whether more remains; then the claim was released and the next task is queued. Raises :class:`StaleClaim`
    and whatever the database or storage raise; nothing of an unfinished chunk is kept.
    """
    deadline = time.monotonic() + (settings.PURGE_SLICE_SECONDS if seconds is None else seconds)
    sweep: Sweep | None = None
    looked: Looked | None = None
    while True:
        request = PurgeRequest.objects.get(pk=claim.request_id)
        if request.fence != claim.fence or request.status not in CLAIMABLE_STATUSES:
            raise StaleClaim(claim.request_id)
        if not request.planned:
            looked = _plan(claim)
        elif _unfinished(request):
            sweep = sweep or Sweep(claim, planned=looked)
            if sweep.run(deadline):
                # The next one, if there is one, has other people or something that was overlooked.
                sweep, looked = None, None
        elif request.files.exists():
            _erase_files(claim)
        elif request.people_left:
            _stuck(claim)
            return False
        elif not _verify(claim):
            return False
        if _is_over(deadline):
            release_claim(claim)
            return True


def _is_over(deadline: float) -> bool:
    """Whether a slice ends here: its time is up, or the worker was asked to stop."""
    return time.monotonic() >= deadline or stop_is_asked_for()


def _unfinished(request: PurgeRequest) -> bool:
    return request.steps_left > 0 or request.subjects.filter(fate=Fate.WAITING, role__in=DOOMED_ROLES).exists()


def _plan(claim: Claim) -> Looked | None:
    """Store the ordered steps with what each is going to do. Returns what need not be looked for again."""
    claim.step = "plan"
    with _chunk_transaction(claim) as request:
        scope = scope_of(request)
        steps = plan_steps(scope)
        looked = Looked.now()
        counted = list(zip(steps, count_steps(steps, scope, looked), strict=True))
        request.steps.all().delete()
        PurgeStep.objects.bulk_create(new_step_rows(request, counted))
        PurgeRequest.objects.filter(pk=request.pk).update(
            planned=True,
            steps_left=len(counted),
            rows_planned=sum(count for _step, count in counted),
            people_left=_people_left(request),
            progress_at=timezone.now(),
            crashes=0,
        )
        note(request, "planned", steps=len(counted))
    return looked


def _people_left(request: PurgeRequest) -> int:
    return request.subjects.filter(role__in=DOOMED_ROLES, fate__in=(Fate.WAITING, Fate.STUCK)).count()


@contextmanager
def _chunk_transaction(claim: Claim) -> Iterator[PurgeRequest]:
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '60s'; {FEW_ROWS}")
        yield _fenced(claim)


def _commit_without_flushing() -> None:
    """Let this transaction's commit not wait for the disk (PostgreSQL): one that a power cut takes back is done again.

    What it did and the progress it reported come back together. The transaction that deletes the people waits, and
    with it all before it are on disk; nothing outside the database is touched until then.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")


def try_again(action: Callable[[], T]) -> T:
    """Do a chunk, again when the database says that trying again may help. Raises its last error."""
    for attempt in range(CHUNK_TRIES):
        try:
            return action()
        except (OperationalError, IntegrityError) as error:
            if attempt == CHUNK_TRIES - 1 or not _may_help(error):
                raise
        # Spread, so that two requests that met do not meet again.
        time.sleep(random.uniform(0.5, 1.5) * 0.02 * 2**attempt)  # noqa: S311 - no secret
    raise AssertionError("unreachable")


def _may_help(error: DatabaseError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    if state is not None:
        return state in TRY_AGAIN_STATES
    return connection.vendor == "sqlite" and "locked" in str(error)


# ---------------------------------------------------------------- the sweep


@dataclass
class Sweep:
    """A walk over all steps for all people together, chunk by chunk, ending in the transaction that deletes them.

    A chunk that may be the last one locks the people in id order. If it passes all steps from the first to the last
    within its budget it has seen that nothing is left, and deletes the people before it commits: a light purge is one
    transaction. Once all steps were passed in several chunks only what slipped in is left, so the pass after that has
    no limit of time: on a slow day it would end before its end each time, and begin again for ever. The chunks before
    lock nobody: whoever writes for the people meanwhile is not kept waiting, and what he writes is met by that pass.

    ``busy``: the keys of the steps that had something to do when the pass began; the others are passed over. When the
    plan says that one chunk will not be enough, they are the plan's: only a pass that ``looked`` may delete people.
    """

    claim: Claim
    planned: Looked | None = None
    position: int = 0
    last_pass: bool = False
    looked: bool = False
    busy: set[str] = field(default_factory=set)
    #: Steps that the stored plan says are done.
    told: set[int] = field(default_factory=set)
    scope: Scope = field(init=False)
    steps: list[tuple[PurgeStep, Step]] = field(init=False)
    catalog: Catalog | None = None

    def __post_init__(self) -> None:
        request = PurgeRequest.objects.get(pk=self.claim.request_id)
        self.scope = scope_of(request)
        self.steps = list(stored_steps(request))

    def run(self, deadline: float) -> bool:
        """Chunk after chunk until the sweep is over (True) or the slice is (False)."""
        while not self.chunk():
            if _is_over(deadline):
                return False
        return True

    def chunk(self) -> bool:
        """One transaction. True when the sweep is over (people gone or set aside), or has to be built anew."""
        try:
            return try_again(self._chunk)
        except (IntegrityError, StillReferenced):
            # Somebody cannot be deleted. Person by person, so that the others go.
            self._one_by_one()
            return True

    def _chunk(self) -> bool:
        before = self.position, self.last_pass, set(self.told), [(row.state, row.cursor) for row, _step in self.steps]
        committed = False
        try:
            with _chunk_transaction(self.claim) as request:
                over = self._in_transaction(request)
            committed = True
            return over
        finally:
            if not committed:
                self.position, self.last_pass, self.told, states = before
                for (row, _step), (state, cursor) in zip(self.steps, states, strict=True):
                    row.state, row.cursor = state, cursor

    def _in_transaction(self, request: PurgeRequest) -> bool:
        from_first = self.position == 0
        if from_first:
            self._choose_pass()
        may_end = from_first and self.looked
        waiting = self._waiting(request) if may_end else []
        present = get_host().lock_people(waiting) if may_end else []
        if from_first:
            self._look()
        finished, counts = self._walk()
        over = finished and may_end
        if over and not self._add_late_matches(request):
            self._delete_people(request, present, waiting)
        if finished and not over:
            self.position, self.last_pass = 0, True
        self._report(request, counts, finished)
        if not over:
            _commit_without_flushing()
        return over

    def _waiting(self, request: PurgeRequest) -> list[int]:
        return list(
            request.subjects.filter(role__in=DOOMED_ROLES, fate=Fate.WAITING)
            .order_by("person_id")
            .values_list("person_id", flat=True)
        )

    def _walk(self) -> tuple[bool, dict[int, int]]:
        """Run steps from the present position until the budget is spent: (the end was reached, rows by step)."""
        known = self.planned is not None and self.planned.still_true()
        run = Run(self.scope, self.planned if known else None)
        counts: dict[int, int] = {}
        rows_left = CHUNK_ROWS
        until = time.monotonic() + (LAST_CHUNK_SECONDS if self.last_pass else CHUNK_SECONDS)
        while self.position < len(self.steps):
            row, step = self.steps[self.position]
            self.claim.step = row.key
            if step.key not in self.busy or self._is_settled(row, step):
                row.state, row.cursor = StepState.DONE, 0
                self.position += 1
                continue
            outcome = run_step(step, run, limit=rows_left, cursor=row.cursor)
            counts[self.position] = counts.get(self.position, 0) + outcome.rows
            rows_left -= outcome.rows
            if outcome.exhausted:
                row.state = StepState.DONE
                row.cursor = 0
                self.position += 1
            else:
                row.cursor = outcome.cursor
            if self.position < len(self.steps) and (rows_left <= 0 or time.monotonic() >= until):
                return False, counts
        return True, counts

    def _choose_pass(self) -> None:
        self.looked = self.last_pass or sum(row.planned for row, _step in self.steps) <= CHUNK_ROWS

    def _look(self) -> None:
        """Which steps have something to do. After the people were locked, so that nothing is added meanwhile."""
        if self.looked:
            self.busy = steps_with_work([step for _row, step in self.steps], self.scope)
        else:
            # Texts where no index counted them: the last pass will not read them again.
            reading = (FILES, ADDRESSES) if connection.vendor == "sqlite" else (FILES,)
            self.busy = {row.key for row, step in self.steps if row.planned or step.suffix in reading}

    def _is_settled(self, row: PurgeStep, step: Step) -> bool:
        """Whether a step that was done is not asked again. Files: only those stored before acceptance ever are.

        Texts: where no index finds the mentions, as on SQLite, reading all of them once more would keep every other
        writer waiting; what was written since the pass before is the verification's to find.
        """
        if row.state != StepState.DONE:
            return False
        reading = step.suffix == ADDRESSES and self.last_pass and connection.vendor == "sqlite"
        return step.suffix == FILES or reading

    def _report(self, request: PurgeRequest, counts: dict[int, int], finished: bool) -> None:
        """Progress, in the same transaction as what it reports."""
        changed = [(number, self.steps[position][0]) for position, number in counts.items() if number or not finished]
        passed = {row.pk for row, _step in self.steps if row.state == StepState.DONE} - self.told
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {PurgeStep._meta.db_table} SET done = done + %s, state = %s, {_quoted('cursor')} = %s "
                "WHERE id = %s",
                [(number, row.state, row.cursor, row.pk) for number, row in changed],
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
            **({"people_left": _people_left(request)} if finished else {}),
        )

    def _add_late_matches(self, request: PurgeRequest) -> bool:
        """Users who came to match since the request was accepted (a new trial account, a changed address)."""
        identifiers = Identifier.objects.filter(request=request, match=True, local=False)
        emails = [value for kind, value in identifiers.values_list("kind", "value") if kind == IdentifierKind.EMAIL]
        logins = [value for kind, value in identifiers.values_list("kind", "value") if kind == IdentifierKind.LOGIN]
        if not (emails or logins):
            return False
        targets = resolve_targets(policy_of(request.route), selected=(), emails=emails, adobe_ids=logins)
        known = set(request.subjects.values_list("person_id", flat=True))
        return bool(add_subjects(request, [target for target in targets if target.person.id not in known]))

    def _delete_people(self, request: PurgeRequest, present: list[Any], waiting: list[int]) -> None:
        """The rows of the people themselves, checked before commit; a vanished one was erased by another request."""
        erase_people(request, present, self._catalog if connection.vendor == "sqlite" else None)
        gone = set(waiting) - {person.id for person in present}
        request.subjects.filter(person_id__in=[person.id for person in present]).update(fate=Fate.ERASED)
        request.subjects.filter(person_id__in=gone, fate=Fate.WAITING).update(fate=Fate.GONE)
        if present or gone:
            note(request, "people_erased", people=len(present), already_gone=len(gone))

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
                with _chunk_transaction(self.claim) as locked:
                    locked.subjects.filter(person_id=person_id).update(
                        fate=Fate.STUCK, stuck_table=_table_of(error)[:128]
                    )
                    note(locked, "person_stuck", person=person_id, table=_table_of(error))
        with _chunk_transaction(self.claim) as locked:
            locked.steps.update(state=StepState.DONE, cursor=0)
            PurgeRequest.objects.filter(pk=locked.pk).update(steps_left=0, people_left=_people_left(locked))

    def _erase_one(self, person_id: int) -> None:
        with _chunk_transaction(self.claim) as request:
            present = get_host().lock_people([person_id])
            run = Run(self.scope.only(person_id))
            counts: dict[int, int] = {}
            for position, (row, step) in enumerate(self.steps):
                self.claim.step = row.key
                cursor, exhausted = 0, step.suffix == FILES and row.state == StepState.DONE
                while not exhausted:
                    outcome = run_step(step, run, limit=CHUNK_ROWS, cursor=cursor)
                    counts[position] = counts.get(position, 0) + outcome.rows
                    cursor, exhausted = outcome.cursor, outcome.exhausted
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
        for table in verifier.referring_tables(catalog, model._meta.db_table, ids):
            raise StillReferenced(table)
    entry = get_registry().entry_of(model)
    if entry is not None:
        doom_files(entry, ids, request.pk)
    creators = set(request.subjects.filter(role=Role.CREATOR, person_id__in=ids).values_list("account_id", flat=True))
    if policy_of(request.route).delete_users_of_created_trials:
        for account_id in sorted(creators):
            host.close_account(account_id)
    host.people_gone(people)
    model._base_manager.filter(pk__in=ids)._raw_delete(connection.alias)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def add_subjects(request: PurgeRequest, targets: list[Target]) -> list[Target]:
    """Put people into a request and freeze those whose rows go. Returns the targets."""
    if not targets:
        return []
    doomed = [target.person for target in targets if target.role in DOOMED_ROLES]
    Subject.objects.bulk_create(
        [
            Subject(
                request=request,
                person_id=target.person.id,
                account_id=target.person.account_id,
                role=target.role,
                fate=Fate.KEPT if target.role == Role.KEPT else Fate.WAITING,
                earlier_state=target.person.state,
            )
            for target in targets
        ]
    )
    Identifier.objects.bulk_create(
        [
            Identifier(
                request=request,
                kind=IdentifierKind.PUBLIC_ID,
                value=person.public_id,
                person_id=person.id,
                local=False,
                match=False,
            )
            for person in doomed
        ],
        ignore_conflicts=True,
    )
    get_host().freeze(doomed, accepted_at=request.accepted_at)
    return targets


def _table_of(error: Exception) -> str:
    if isinstance(error, StillReferenced):
        return error.table
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnosis, "table_name", None) or "unknown")


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _stuck(claim: Claim) -> None:
    """Everybody else is gone; what keeps the rest is for people to mend."""
    with _chunk_transaction(claim) as request:
        table = request.subjects.filter(fate=Fate.STUCK).values_list("stuck_table", flat=True).first() or ""
        _needs_attention(request, error_class="PersonCannotBeDeleted", step=table)


# ---------------------------------------------------------------- files


def _erase_files(claim: Claim, batch: int = 100) -> None:
    """Erase remembered files: the link died with an earlier commit; a file that is already gone is done."""
    claim.step = "files"
    doomed = list(DoomedFile.objects.filter(request_id=claim.request_id).order_by("pk")[:batch])
    for row in doomed:
        default_storage.delete(row.name)
    with _chunk_transaction(claim) as request:
        request.files.filter(pk__in=[row.pk for row in doomed]).delete()
        now = timezone.now()
        PurgeRequest.objects.filter(pk=request.pk).update(
            progress_at=now, crashes=0, lease_until=now + timedelta(seconds=settings.PURGE_LEASE_SECONDS)
        )


def _erase_stray_files(claim: Claim) -> None:
    """Files under the prefix of a person who is gone, which no row names any more."""
    claim.step = "stray files"
    prefixes = list(
        Identifier.objects.filter(
            request_id=claim.request_id,
            kind=IdentifierKind.PUBLIC_ID,
            person_id__in=Subject.objects.filter(request_id=claim.request_id, fate__in=(Fate.ERASED, Fate.GONE)).values(
                "person_id"
            ),
        ).values_list("value", flat=True)
    )
    for public_id in prefixes:
        for name in verifier.files_under(public_id):
            default_storage.delete(name)


# ---------------------------------------------------------------- verifying and closing


def _verify(claim: Claim) -> bool:
    """Look whether anything is left; close, run again, or call it residue. True: work goes on."""
    _erase_stray_files(claim)
    claim.step = "verify"
    with _chunk_transaction(claim) as request:
        if request.status != Status.VERIFYING:
            PurgeRequest.objects.filter(pk=request.pk).update(status=Status.VERIFYING, progress_at=timezone.now())
    request = PurgeRequest.objects.get(pk=claim.request_id)
    report = verifier.verify(request)
    if report.verdict == Verdict.CLEAN and (request.reopened or verifier.is_small()):
        claim.step = "patrol"
        report = verifier.patrol_one(request)
    with _chunk_transaction(claim) as request:
        if report.verdict == Verdict.CLEAN:
            close_request(request, patrolled=report.patrolled)
            return False
        runs = request.verifications + 1
        if report.treatable and runs <= MAX_RERUNS:
            note(request, "verified", verdict="hit", run=runs, hits=len(report.hits))
            _run_again(request, verifications=runs)
            return True
        set_residue(request, report)
        return False


def _run_again(request: PurgeRequest, **changes: Any) -> None:
    """Make the whole plan wait again; people who are gone stay in its scope, since rows may have come back."""
    request.steps.update(state=StepState.WAITING, cursor=0)
    PurgeRequest.objects.filter(pk=request.pk).update(
        status=Status.RUNNING, steps_left=request.steps.count(), crashes=0, **changes
    )


def set_residue(request: PurgeRequest, report: verifier.Report) -> None:
    """Store where something was found, and call for people. The request can only complete through a clean patrol."""
    for hit in report.hits:
        Residue.objects.update_or_create(
            request=request,
            table=hit.table,
            column=hit.column,
            row=hit.row,
            defaults={"ruled": hit.ruled, "gone_at": None},
        )
    PurgeRequest.objects.filter(pk=request.pk).update(
        status=Status.RESIDUE,
        residue_left=request.residues.filter(gone_at=None).count(),
        reopened=True,
        lease_until=None,
        completed_at=None,
        patrolled_at=None,
    )
    note(request, "residue", hits=len(report.hits))
    tell_responsible(request, "residue")


def close_request(request: PurgeRequest, *, patrolled: bool) -> None:
    """The proof is there: notify, wipe what was captured, and say so, in one transaction."""
    now = timezone.now()
    request.residues.filter(gone_at=None).update(gone_at=now)
    kept = request.subjects.filter(role=Role.KEPT).count()
    PurgeRequest.objects.filter(pk=request.pk).update(
        status=Status.COMPLETED,
        residue_left=0,
        people_left=0,
        steps_left=0,
        kept_count=kept,
        verified_at=now,
        patrolled_at=now if patrolled else None,
        completed_at=now,
        compacted_at=None,
        lease_until=None,
        next_attempt_at=None,
        error_class="",
        error_step="",
        crashes=0,
    )
    note(request, "completed", kept=kept, patrolled=patrolled)
    tell_completion(request)
    forget_identifiers(request)
    enqueue("purge.tasks.compact")


def forget_identifiers(request: PurgeRequest) -> None:
    """Nothing plain stays of the people of a closed request."""
    request.identifiers.all().delete()
