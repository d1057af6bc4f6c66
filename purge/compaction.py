"""Making the space of what was erased be written again, so that its bytes do not linger in the database's files.

PostgreSQL marks deleted rows and leaves them where they are: VACUUM lets their space be used again, REINDEX builds the
indexes without them. SQLite overwrites deleted rows at once (``secure_delete``), but old pages stay in its write-ahead
log until that is truncated. None of this may run inside a transaction, and none of it changes a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from purge.choices import Status
from purge.models import DoomedFile, Identifier, PurgeRequest
from purge.planner import stored_steps
from purge.registry import get_registry, person_model

# Any number: two processes take turns.
_LOCK = 7_265_113_408


@dataclass(frozen=True)
class Compacted:
    """``tables``: those gone over. ``finished``: False where a reader kept SQLite from truncating its log."""

    tables: tuple[str, ...]
    finished: bool = True


def touched_tables(requests: Iterable[PurgeRequest]) -> list[str]:
    """The tables from which these requests took something, by name."""
    taken = {step.entry.table for request in requests for row, step in stored_steps(request) if row.done}
    own = {model._meta.db_table for model in (person_model(), Identifier, DoomedFile)}
    return sorted(taken | own)


def ruled_tables() -> list[str]:
    """Every table from which a purge can take something."""
    return sorted({entry.table for entry in get_registry().entries.values()} | set(touched_tables(())))


def vacuum_finished() -> Compacted:
    """The cheap part, after purges: nobody waits for it. For all requests that wait for it, each table once.

    One at a time: a second caller leaves its request to the first, which looks again when it is through.
    """
    tables: set[str] = set()
    truncated = True
    while waiting := list(PurgeRequest.objects.filter(status=Status.COMPLETED, compacted_at=None).order_by("pk")):
        with _alone() as alone:
            if not alone:
                break
            if connection.vendor == "postgresql":
                touched = touched_tables(waiting)
                _each("VACUUM {}", touched)
                tables.update(touched)
            else:
                truncated = _truncate_log()
            done = PurgeRequest.objects.filter(pk__in=[request.pk for request in waiting], status=Status.COMPLETED)
            done.update(compacted_at=timezone.now())
    return Compacted(tuple(sorted(tables)), truncated)


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other process is at it: VACUUMs of one table wait for each other."""
    if connection.vendor != "postgresql":
        yield True
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        (alone,) = cursor.fetchone()
        try:
            yield alone
        finally:
            if alone:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def rebuild(tables: Sequence[str]) -> Compacted:
    """The thorough part, for an operator: indexes are built anew beside the old ones, then the old ones dropped.

    On SQLite the whole file is written anew, which keeps writers waiting meanwhile.
    """
    if connection.vendor == "postgresql":
        _each("VACUUM {}", tables)
        _each("REINDEX TABLE CONCURRENTLY {}", tables)
        return Compacted(tuple(tables))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
    return Compacted(tuple(tables), _truncate_log())


def _each(statement: str, tables: Iterable[str]) -> None:
    for table in tables:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(connection.ops.quote_name(table)))


def _truncate_log() -> bool:
    """Whether all of SQLite's write-ahead log is in the file now, and the log empty."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, _pages, _moved = cursor.fetchone()
    return not busy
