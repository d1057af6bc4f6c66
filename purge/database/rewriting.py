"""Writing PostgreSQL's tables anew, so that their files hold the rows that are there and nothing else.

VACUUM FULL copies the rows into new files and throws the old ones away: nobody can use the table meanwhile. Where
``pg_repack`` is installed (the program here, the extension there), it does the same beside those who read and write.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, OperationalError, transaction

from purge.database.looking.postgresql import PLACES, called

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

PROGRAM: Final = "pg_repack"
#: The new copy, and the write-ahead log that says it once more.
TIMES: Final = 2
#: Seconds between two looks at what it does.
LOOK_EVERY: Final = 0.2
#: Whether it waits for transactions of others to end: its last statement asks which of them are left.
_WAITS_FOR_OTHERS: Final = (
    "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE application_name = 'pg_repack' "
    "AND datname = current_database() AND query LIKE '%virtualtransaction = ANY%'"
)
_LOCAL: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_BUSY, _FULL = "55P03", "53100"
#: What the planner remembers of values is stored in tables, too: the gaps in these as in any other.
REMEMBERED: Final = ("pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data")

_PIECES = f"""
WITH RECURSIVE {PLACES}, piece AS (
  SELECT c.oid FROM place c WHERE {called("c")} = ANY (%s)
  UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN piece p ON p.oid = i.inhparent)
SELECT c.oid::bigint, CASE WHEN c.relnamespace = current_schema()::regnamespace THEN quote_ident(c.relname)
    ELSE quote_ident(n.nspname) || '.' || quote_ident(c.relname) END,
  pg_catalog.pg_total_relation_size(c.oid)::bigint, c.relkind = 'r',
  coalesce(nullif(pg_catalog.pg_tablespace_location(coalesce(nullif(c.reltablespace, 0), d.dattablespace)), ''), '')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_database d ON d.datname = current_database()
WHERE (c.oid IN (SELECT oid FROM piece) AND c.relkind IN ('r', 'm')) OR c.oid = ANY (%s::regclass[])
ORDER BY c.oid = ANY (%s::regclass[]), 2
"""


class Outcome(StrEnum):
    """What became of a table that was to be written anew."""

    DONE = "done"
    #: Somebody kept it busy for longer than was waited.
    BUSY = "busy"
    #: There is too little room on the disk for a second copy.
    NO_ROOM = "no_room"
    #: It is another role's.
    NOT_OURS = "not_ours"


@dataclass(frozen=True)
class Piece:
    """A table with files of its own: whole, a partition, an heir, a materialized view. ``name``: as a statement says
    it; ``size``: bytes, with indexes; ``folder``: of its tablespace, '' for the server's own."""

    number: int
    name: str
    size: int
    is_table: bool
    folder: str = ""


class Rewriting:
    """Writes the tables of one database anew, one after the other. Not within a transaction."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def pieces(self, tables: Sequence[str]) -> list[Piece]:
        """What these tables, by the catalogue's names, are stored in; and what the planner remembers."""
        remembered = list(REMEMBERED)
        return [Piece(*row) for row in self._rows(_PIECES, [list(tables), remembered, remembered])]

    @property
    def works_beside(self) -> bool:
        """Whether nobody has to wait for it."""
        return bool(shutil.which(PROGRAM)) and bool(
            self._rows("SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'pg_repack'")
        )

    def rewrite(self, piece: Piece, *, wait: float) -> Outcome:
        """Write one anew; its lock is waited for no longer than ``wait`` seconds. Raises other database errors."""
        free = self.free_space(piece)
        if free is not None and free < TIMES * piece.size:
            return Outcome.NO_ROOM
        before = self._file(piece)
        if piece.is_table and piece.name not in REMEMBERED and self.works_beside and self._repack(piece, wait):
            # Whoever lets it work beside others does not want them shut out instead: no VACUUM FULL.
            return Outcome.DONE if self._file(piece) != before else Outcome.BUSY
        analyze = "" if piece.name in REMEMBERED else ", ANALYZE"
        try:
            self._execute(f"VACUUM (FULL{analyze}) {piece.name}")
        except OperationalError as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state not in (_BUSY, _FULL):
                raise
            return Outcome.BUSY if state == _BUSY else Outcome.NO_ROOM
        # Of another role's table it warns, and leaves it.
        return Outcome.DONE if self._file(piece) != before else Outcome.NOT_OURS

    def free_space(self, piece: Piece) -> int | None:
        """Bytes that are free where a table is stored; None where that is another machine's matter."""
        host = str(self.connection.settings_dict["HOST"] or "")
        if host not in _LOCAL and not host.startswith("/"):
            return None
        folder = piece.folder
        if not folder:
            try:
                with transaction.atomic(using=self.connection.alias):
                    ((folder,),) = self._rows("SELECT current_setting('data_directory')")
            except DatabaseError:
                return None
        try:
            there = os.statvfs(folder)
        except OSError:
            return None
        return there.f_bavail * there.f_frsize

    def _repack(self, piece: Piece, wait: float) -> bool:
        """Whether it did, or gave up since somebody was in the way. What it needs and lacks (a key, a right) is for
        VACUUM FULL then.

        Its own time-out bounds the wait for the table's lock, and not the one before it for all transactions that are
        open in the database; that is ended here. Interrupted, it removes what it has made.
        """
        config = self.connection.settings_dict
        server = {"PGHOST": config["HOST"], "PGPORT": str(config["PORT"] or ""), "PGUSER": config["USER"]}
        server |= {"PGDATABASE": config["NAME"], "PGPASSWORD": config["PASSWORD"]}
        words = (PROGRAM, f"--table={piece.name}", f"--wait-timeout={max(1, int(wait))}", "--no-kill-backend")
        known = {name: str(value) for name, value in server.items() if value}
        process = subprocess.Popen(  # noqa: S603 - the name of a table, quoted by the database
            words, env={**os.environ, **known}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        waits_since: float | None = None
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(LOOK_EVERY) == 0
            if not self._rows(_WAITS_FOR_OTHERS):
                waits_since = None
            elif waits_since is None:
                waits_since = time.monotonic()
            elif time.monotonic() - waits_since > wait:
                process.send_signal(signal.SIGINT)
                process.wait()
                return True

    def _file(self, piece: Piece) -> int:
        ((number,),) = self._rows("SELECT pg_catalog.pg_relation_filenode(%s::oid)::bigint", [piece.number])
        return int(number)

    def _execute(self, statement: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)

    def _rows(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return list(cursor.fetchall())
