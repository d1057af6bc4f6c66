"""What the queue delivers. Arguments are ids; the one catch-all of the project is here, at the boundary.

The queue's library keeps a failed task's traceback, and tracebacks carry values: so no exception leaves a task but
:class:`TaskFailed`, which names an error class and nothing else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection
from django.utils import timezone

from purge.database.chunk_delete import MoreRowsThanPlanned
from purge.installation.storage import AnotherStorage, storage_trouble
from purge.journal import noticing
from purge.journal.site_fence import site_is_fenced
from purge.models import WorkerBeat
from purge.references import named_in_logs
from purge.run import claims, engine
from purge.run.failures import failure_of
from purge.selectors import patrol_is_under_way
from purge.services import locked_files_retry, proved_parts_release
from purge.upkeep import compaction, deadlines
from purge.upkeep.evidence import evidence_clear
from purge.upkeep.patrol import patrol_all
from purge.upkeep.paused import notify_if_paused
from purge.worker.shutdown import CLUSTER_VARIABLE, stop_is_asked_for

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class TaskFailed(Exception):
    """A task failed and could not even say so in the database; the reconciler or the clock will bring it back."""


def at_the_boundary(task: Callable[P, R]) -> Callable[P, R]:
    """Nothing leaves the task but the class of its error."""

    @wraps(task)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return task(*args, **kwargs)
        except TaskFailed:
            raise
        except Exception as error:  # noqa: BLE001 - the task boundary
            failure = type(error).__name__
        logger.warning("task %s failed: %s", task.__name__, failure)
        raise TaskFailed(failure) from None

    return bounded


@at_the_boundary
def run_request(request_id: int) -> str:
    """Work on one request for a time slice. Delivered twice, or late, or never: all the same (see the claim)."""
    sign_of_life()
    if stop_is_asked_for():
        return "stopping"  # the next worker's first look puts it in again
    claim = claims.claim_request(request_id)
    if claim is None:
        return "nothing to do"
    with named_in_logs(claim.reference):
        return _work(claim)


def _work(claim: claims.Claim) -> str:
    try:
        return "more" if engine.work(claim) else "over"
    except claims.StaleClaim:
        return "taken over"
    except AnotherStorage as trouble:
        logger.warning("purge request %s is left to another worker: %s", claim.request_id, trouble)
        claims.lay_down_claim(claim)
        return "another storage"
    except Exception as error:  # noqa: BLE001 - the task boundary
        failure = _record(claim, error)
    if failure:
        raise TaskFailed(failure)
    return "failed"


def _record(claim: claims.Claim, error: Exception) -> str:
    """Store the failure; the class of the error when even that failed (the database is gone)."""
    if not connection.in_atomic_block:
        close_old_connections()
    try:
        claims.record_failure(claim, error, final=isinstance(error, MoreRowsThanPlanned))
    except Exception as second:  # noqa: BLE001 - the task boundary
        # Its reference stands in the database, which does not answer: the number has to do.
        logger.error("purge request number %s failed: %s at %s", claim.request_id, failure_of(error), claim.step)
        return type(second).__name__
    return ""


# ---------------------------------------------------------------- signs of life


@at_the_boundary
def beat() -> None:
    """The canary: the cluster that runs this is alive."""
    sign_of_life()


def sign_of_life() -> None:
    """Say that this cluster does its work. Any task does: a busy queue lets a canary wait.

    Outside a cluster (a command that does the work itself) it says nothing: nobody would go on after it.
    """
    name = os.environ.get(CLUSTER_VARIABLE, "")
    if name:
        seen = {"beat_at": timezone.now(), "trouble": storage_trouble()}
        WorkerBeat.objects.update_or_create(name=name, defaults=seen)


# ---------------------------------------------------------------- by the clock, and after a purge


@at_the_boundary
def patrol() -> str:
    """The nightly pass over every text. One at a time: a long one is delivered again while it runs."""
    if patrol_is_under_way():
        return "under way"
    noticing.look_thoroughly()
    return str(patrol_all().verdict)


@at_the_boundary
def remind() -> int:
    """Reminders at half and at all of the thirty days, and the news that purging is paused. The reminders sent.

    Besides, what was proved and could not go on at that moment, does; so does what waited for the end of a lock.
    """
    notify_if_paused()
    if site_is_fenced():
        return 0  # nobody else is written to
    proved_parts_release()
    locked_files_retry()
    reminded = deadlines.remind()
    return reminded.half_time + reminded.overdue


@at_the_boundary
def clear_evidence() -> int:
    """Let go the evidence that is past its period, in the night. How many rows."""
    sign_of_life()
    return sum(evidence_clear().values())


@at_the_boundary
def release_proved(account_id: int) -> int:
    """An account has proved something: what waited for that goes on. How many requests."""
    sign_of_life()
    return proved_parts_release(account_id=account_id)


@at_the_boundary
def compact() -> bool:
    """Let the space of what finished requests erased be written again. False: a reader was in the way."""
    return compaction.vacuum_finished().finished
