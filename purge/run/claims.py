"""Holding a request: claiming it, giving it back, reporting a failure, and the transactions of the one who holds it.

A worker claims a request by conditional update and gets a fencing number; every transaction begins by locking the
request's row and comparing that number, so a worker that was thought dead cannot commit a chunk.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from purge.choices import CLAIMABLE_STATUSES, Status
from purge.database import dialect_of
from purge.installation.releases import may_work_on
from purge.installation.storage import storage_trouble
from purge.journal.noticing import must_wait
from purge.models import LedgerEntry, PurgeRequest
from purge.rules.release import this_release
from purge.run import transitions
from purge.run.failures import failure_of
from purge.run.notifications import notify_trouble
from purge.worker.queue import enqueue_request

logger = logging.getLogger(__name__)

#: Reported failures in a row, and workers that died without any progress in between, before people are asked.
MAX_ATTEMPTS = 5
MAX_CRASHES = 12
#: Tries of one chunk when the database asks to try again (deadlock, statement timeout, lost race).
CHUNK_TRIES = 7
#: For how many seconds it is tried when it was a lock that others hold: one is waited for less than half a second.
LOCK_PATIENCE = 25.0


T = TypeVar("T")


class StaleClaim(Exception):
    """Another worker has taken the request over; what this one was about to commit is rolled back."""


@dataclass
class Claim:
    """A worker's right to work on a request. ``step``: what it is at, for the error report; ``reference``: the
    request's ID, for the log."""

    request_id: int
    fence: int
    step: str = ""
    reference: str = ""


def claim_request(request_id: int) -> Claim | None:
    """Claim a request, or None when it is not to be worked on now (done, held, claimed, waiting for its next try,
    begun by a newer release, or all purges wait because a backup was restored or the purge log cannot be read).

    Committed before the work begins, so that a worker that dies is counted.
    """
    if storage_trouble():
        return None  # who does not see the people's files leaves the work to those who do
    if must_wait():
        return None  # asked here too: after a restore a command may be the first to look
    now = timezone.now()
    lease = now + timedelta(seconds=settings.PURGE_LEASE_SECONDS)
    with transaction.atomic():
        free = PurgeRequest.across_accounts.filter(pk=request_id, status__in=CLAIMABLE_STATUSES)
        free = free.exclude(lease_until__gt=now).exclude(next_attempt_at__gt=now)
        if not free.update(fence=F("fence") + 1, lease_until=lease, crashes=F("crashes") + 1, next_attempt_at=None):
            return None
        purge_request = PurgeRequest.across_accounts.get(pk=request_id)
        if not may_work_on(purge_request.begun_by):
            transaction.set_rollback(True)
            logger.warning("purge request %s is left to a worker of a newer release", purge_request.reference)
            return None
        if purge_request.begun_by != this_release():
            PurgeRequest.across_accounts.filter(pk=request_id).update(begun_by=this_release())
        if purge_request.status == Status.QUEUED:
            transitions.start(purge_request, at=now)
        if purge_request.crashes > MAX_CRASHES:
            needs_attention(purge_request, error_class="WorkerDied", step=purge_request.error_step)
            return None
        return Claim(request_id, purge_request.fence, reference=purge_request.reference)


def _fenced(claim: Claim) -> PurgeRequest:
    """The request, locked, if the claim still holds. First statement of every transaction of a worker."""
    purge_request = PurgeRequest.across_accounts.select_for_update().get(pk=claim.request_id)
    if purge_request.fence != claim.fence or purge_request.status not in CLAIMABLE_STATUSES:
        raise StaleClaim(claim.request_id)
    return purge_request


def note_progress(purge_request: PurgeRequest) -> None:
    """Say within a transaction that work goes on: the lease runs anew, and deaths before do not count any more."""
    now = timezone.now()
    PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(
        progress_at=now, crashes=0, lease_until=now + timedelta(seconds=settings.PURGE_LEASE_SECONDS)
    )


def release_claim(claim: Claim) -> None:
    """Give the request back for the next slice, with the task that will continue it, in one transaction."""
    with transaction.atomic():
        _fenced(claim)
        PurgeRequest.across_accounts.filter(pk=claim.request_id).update(lease_until=None, crashes=0)
        enqueue_request(claim.request_id)


def lay_down_claim(claim: Claim) -> None:
    """Give the request back to whoever comes next: the reconciler will look for somebody."""
    with transaction.atomic(), contextlib.suppress(StaleClaim):
        _fenced(claim)
        PurgeRequest.across_accounts.filter(pk=claim.request_id).update(lease_until=None, crashes=0)


def record_failure(claim: Claim, error: BaseException, *, final: bool = False) -> None:
    """Keep an error's class and the step it happened in; try again later, five times at most, then ask people.

    ``final``: ask them at once, as for what no new attempt changes.
    """
    with transaction.atomic():
        try:
            purge_request = _fenced(claim)
        except StaleClaim:
            return
        attempts = purge_request.attempts + 1
        failure = failure_of(error)
        name = failure.error
        if final or failure.lasts or attempts >= MAX_ATTEMPTS:
            PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(attempts=attempts)
            step = (failure.table if failure.lasts else "") or claim.step
            needs_attention(purge_request, error_class=name, step=step, **failure.facts)
            return
        PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(
            attempts=attempts,
            crashes=0,
            lease_until=None,
            error_class=name[:80],
            error_step=claim.step[:120],
            next_attempt_at=timezone.now() + back_off(attempts),
        )
        note(purge_request, "failed", attempt=attempts, error=name, step=claim.step, **failure.facts)
        logger.warning(
            "purge request %s failed, attempt %s of %s: %s at %s",
            purge_request.reference,
            attempts,
            MAX_ATTEMPTS,
            failure,
            claim.step or "the beginning",
        )


def back_off(attempts: int) -> timedelta:
    """How long to wait after this many failures in a row: 1×, 4×, 16×, 64× the base."""
    return timedelta(seconds=settings.PURGE_RETRY_SECONDS * 4 ** (attempts - 1))


def hold(purge_request: PurgeRequest, reason: str) -> None:
    """Have a request that is under way wait for an operator, whatever was released before."""
    transitions.hold(purge_request, reason=reason)
    note(purge_request, "held", reason=reason)
    notify_trouble(purge_request, "held")


def needs_attention(purge_request: PurgeRequest, *, error_class: str, step: str, **facts: Any) -> None:
    """Stop a request until people have looked. ``facts``: names of what refused, for the ledger; no values."""
    transitions.stop(purge_request, error_class=error_class, step=step)
    note(purge_request, "needs_attention", error=error_class, step=step, **facts)
    more = "".join(f" {name}={value}" for name, value in facts.items())
    logger.error(
        "purge request %s stopped and needs help: %s%s at %s",
        purge_request.reference,
        error_class,
        more,
        step or "unknown",
    )
    notify_trouble(purge_request, "needs_attention")


def note(purge_request: PurgeRequest, event: str, *, actor_id: int | None = None, **facts: Any) -> None:
    """Append to the request's ledger: names of events, ids and counts."""
    LedgerEntry.objects.create(request=purge_request, event=event, actor_id=actor_id, facts=facts)


# ---------------------------------------------------------------- one transaction


@contextmanager
def chunk_transaction(claim: Claim, *, piece: bool = False) -> Iterator[PurgeRequest]:
    """A transaction of the claim's holder, with the request locked. Raises :class:`StaleClaim`.

    ``piece``: it deletes nobody. On PostgreSQL its commit does not wait for the disk, and its foreign keys are checked
    by each statement instead of by the commit: whoever watches the time has to see what the checks take.
    """
    with transaction.atomic():
        dialect_of(connection).bound_chunk(piece=piece)
        yield _fenced(claim)


def commit_without_flushing() -> None:
    """What a transaction says that might have deleted the people, and did not."""
    dialect_of(connection).commit_without_flushing()


def try_again(action: Callable[[], T]) -> T:
    """Do a chunk, again when the database says that trying again may help. Raises its last error."""
    began = time.monotonic()
    for attempt in itertools.count(1):
        try:
            return action()
        except (OperationalError, IntegrityError) as error:
            dialect = dialect_of(connection)
            waits = dialect.gave_way(error) and time.monotonic() - began < LOCK_PATIENCE
            if not waits and (attempt >= CHUNK_TRIES or not dialect.may_pass(error)):
                raise
        # Spread, so that two requests that met do not meet again.
        time.sleep(random.uniform(0.5, 1.5) * 0.02 * 2 ** min(attempt - 1, 5))  # noqa: S311 - no secret
    raise AssertionError("unreachable")
