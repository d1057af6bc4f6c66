"""Waiting for a request at the command line."""

from __future__ import annotations

import time

from purge import tasks
from purge.choices import CLAIMABLE_STATUSES, Status
from purge.models import PurgeRequest
from purge.selectors import work_to_deliver, worker_is_alive
from purge.upkeep.patrol import look_at

#: A due request that no worker has claimed for so long is worked on by the waiting command itself.
UNCLAIMED_SECONDS = 10.0
LOOK_SECONDS = 0.3


def wait_until_it_rests(purge_request: PurgeRequest, *, seconds: float) -> PurgeRequest:
    """Wait until a request is completed or waits for people, at most so long.

    A running worker does the work; where there is none, this process. Claims keep the two apart, so a worker that wakes
    up meanwhile does no harm. Who waits does not wait for the night: the final check of a large database is made here.
    """
    until = time.monotonic() + seconds
    unclaimed_since: float | None = None
    purge_request.refresh_from_db()
    while purge_request.status in CLAIMABLE_STATUSES and time.monotonic() < until:
        if purge_request.pk in work_to_deliver():
            unclaimed_since = unclaimed_since or time.monotonic()
            if not worker_is_alive() or time.monotonic() - unclaimed_since > UNCLAIMED_SECONDS:
                tasks.run_request(purge_request.pk)
                purge_request.refresh_from_db()
                continue
        else:
            unclaimed_since = None
        time.sleep(LOOK_SECONDS)
        purge_request.refresh_from_db()
    if purge_request.status == Status.ERASED:
        look_at(purge_request)
        purge_request.refresh_from_db()
    return purge_request
