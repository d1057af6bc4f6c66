"""Making the space of what was erased be written again, so that its bytes do not linger in the database's files.

PostgreSQL marks deleted rows and leaves them where they are: VACUUM lets their space be used again, REINDEX builds the
indexes without them. SQLite overwrites deleted rows at once (``secure_delete``), but old pages stay in its write-ahead
log until that is truncated. None of this may run inside a transaction, and none of it changes a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from purge.models import DoomedFile, Identifier, PurgeRequest
from purge.planner import stored_steps
from purge.registry import get_registry, person_model


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


def vacuum_after(request: PurgeRequest) -> Compacted:
    """The cheap part, after each purge: nobody waits for it."""
    if connection.vendor == "postgresql":
        tables = touched_tables([request])
        _each("VACUUM {}", tables)
        return Compacted(tuple(tables))
    return Compacted((), _truncate_log())


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
