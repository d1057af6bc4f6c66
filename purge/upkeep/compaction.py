"""Making the space of what was erased be written again, so that its bytes do not linger in the database's files.

PostgreSQL marks deleted rows and leaves them where they are: VACUUM lets their space be used again, REINDEX builds the
indexes without them. SQLite overwrites deleted rows at once (``secure_delete``), but old pages stay in its write-ahead
log until that is truncated. None of this may run inside a transaction, and none of it changes a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from purge.choices import Status
from purge.database import dialect_of
from purge.models import DoomedFile, Identifier, PurgeRequest
from purge.rules.registry import get_registry, person_model
from purge.steps.plan import stored_steps
from purge.worker.leases import leased

#: The lease, and for how long it is taken each time: longer than the VACUUM of one table takes. A second one beside it
#: would do no harm, VACUUMs of one table wait for each other.
LEASE = "vacuum after purges"
LEASE_SECONDS = 1_800


@dataclass(frozen=True)
class Compacted:
    """``tables``: those gone over. ``finished``: False where a reader kept SQLite from truncating its log."""

    tables: tuple[str, ...]
    finished: bool = True


def touched_tables(requests: Iterable[PurgeRequest]) -> list[str]:
    """The tables from which these requests took something, by name."""
    taken = {step.entry.table for purge_request in requests for row, step in stored_steps(purge_request) if row.done}
    own = {model._meta.db_table for model in (person_model(), Identifier, DoomedFile)}
    return sorted(taken | own)


def ruled_tables() -> list[str]:
    """Every table from which a purge can take something."""
    return sorted({entry.table for entry in get_registry().entries.values()} | set(touched_tables(())))


def vacuum_finished() -> Compacted:
    """The cheap part, after purges: nobody waits for it. For all requests that wait for it, each table once.

    One at a time: a second caller leaves its request to the first, which looks again when it is through; what a dead
    one left is done by the next.
    """
    dialect = dialect_of(connection)
    if not dialect.vacuums_tables:
        return _truncate_for_all()
    tables: set[str] = set()
    while waiting := _waiting():
        with leased(LEASE, LEASE_SECONDS) as renew:
            if renew is None:
                break
            for table in touched_tables(waiting):
                renew()
                dialect.vacuum(table)
                tables.add(table)
            _are_done(waiting)
    return Compacted(tuple(sorted(tables)))


def _truncate_for_all() -> Compacted:
    truncated = True
    while waiting := _waiting():
        truncated = dialect_of(connection).truncate_log()
        _are_done(waiting)
    return Compacted((), truncated)


def _waiting() -> list[PurgeRequest]:
    return list(PurgeRequest.objects.filter(status=Status.COMPLETED, compacted_at=None).order_by("pk"))


def _are_done(requests: Iterable[PurgeRequest]) -> None:
    done = PurgeRequest.objects.filter(pk__in=[purge_request.pk for purge_request in requests], status=Status.COMPLETED)
    done.update(compacted_at=timezone.now())


def rebuild(tables: Sequence[str]) -> Compacted:
    """The thorough part, for an operator: indexes are built anew beside the old ones, then the old ones dropped.

    On SQLite the whole file is written anew, which keeps writers waiting meanwhile.
    """
    return Compacted(tuple(tables), dialect_of(connection).rebuild(tables))
