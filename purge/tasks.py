"""What the queue delivers. Arguments are ids; the one catch-all of the project is here, at the boundary.

The queue's library keeps a failed task's traceback, and tracebacks carry values: so no exception leaves a task but
:class:`TaskFailed`, which names an error class and nothing else.
"""

from __future__ import annotations

import logging

from django.db import close_old_connections, connection
from django.utils import timezone

from purge import engine
from purge.models import WorkerBeat

logger = logging.getLogger(__name__)


class TaskFailed(Exception):
    """A task failed and could not even say so in the database; the reconciler will bring it back."""


def run_request(request_id: int) -> str:
    """Work on one request for a time slice. Delivered twice, or late, or never: all the same (see the claim)."""
    claim = engine.claim_request(request_id)
    if claim is None:
        return "nothing to do"
    try:
        return "more" if engine.work(claim) else "over"
    except engine.StaleClaim:
        return "taken over"
    except Exception as error:  # noqa: BLE001 - the task boundary
        failure = _record(claim, error)
    if failure:
        raise TaskFailed(failure) from None
    return "failed"


def _record(claim: engine.Claim, error: Exception) -> str:
    """Store the failure; the class of the error when even that failed (the database is gone)."""
    logger.warning("purge request %s failed: %s at %s", claim.request_id, type(error).__name__, claim.step)
    if not connection.in_atomic_block:
        close_old_connections()
    try:
        engine.record_failure(claim, error)
    except Exception as second:  # noqa: BLE001 - the task boundary
        return type(second).__name__
    return ""


def beat(name: str) -> None:
    """The canary: a worker that runs this is alive."""
    WorkerBeat.objects.update_or_create(
        name=name, defaults={"beat_at": timezone.now()}, create_defaults={"name": name, "beat_at": timezone.now()}
    )
