"""Leases: work of which there is one at a time, on however many machines.

A row says who is at it and until when. It is taken by a conditional update, so that of two who try at once one gets it;
a holder who died loses it by the clock. No lock of a database session: behind a pooler that gives each transaction
another session, one that was taken is never given back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from purge.models import Lease


class LeaseLost(Exception):
    """Somebody else has taken the work over, since the time that was taken for it ran out."""


@contextmanager
def leased(name: str, seconds: float) -> Iterator[Callable[[], None] | None]:
    """Hold a lease. Yields None when somebody else holds it, else a function that takes the time anew.

    To be called outside a transaction; that function raises :class:`LeaseLost`.
    """
    owner = uuid.uuid4()
    if not _take(name, owner, seconds):
        yield None
        return

    def renew() -> None:
        mine = Lease.objects.filter(name=name, owner=owner)
        if not mine.update(until=timezone.now() + timedelta(seconds=seconds)):
            raise LeaseLost(name)

    try:
        yield renew
    finally:
        Lease.objects.filter(name=name, owner=owner).update(owner=None, until=timezone.now())


def _take(name: str, owner: uuid.UUID, seconds: float) -> bool:
    now = timezone.now()
    Lease.objects.bulk_create([Lease(name=name, until=now)], ignore_conflicts=True)
    free = Lease.objects.filter(name=name, until__lte=now)
    return bool(free.update(owner=owner, until=now + timedelta(seconds=seconds)))
