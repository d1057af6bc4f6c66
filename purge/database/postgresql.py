"""PostgreSQL's half of the seam (:mod:`purge.database.dialect`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.db import DatabaseError, transaction

from purge.database.catalog import Catalog
from purge.database.chunk_delete import Deleted, MoreRowsThanPlanned, all_at_once
from purge.database.dialect import Dialect, Identity, Listed
from purge.database.horizon import NEXT, Holder, holders_before
from purge.database.looking import copies
from purge.database.looking import postgresql as looking
from purge.database.looking.copies import Copy, CopyKind
from purge.database.looking.survey import Survey
from purge.database.rewriting import Rewriting
from purge.database.statistics import Forgotten, Statistics

_IN_PIECES = (
    "SELECT DISTINCT c.relname FROM pg_catalog.pg_inherits i "
    "JOIN pg_catalog.pg_class c ON c.oid = i.inhparent AND c.relkind IN ('r', 'p', 'f') "
    "WHERE c.relnamespace = current_schema()::regnamespace"
)

#: To the end of a transaction: no parallel workers and no compiling. The planner takes a search of a hundred columns
#: for a big one; starting workers for each table, and compiling, took ten times as long as the search.
_FEW_ROWS: Final = "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off"
#: A commit that a power cut takes back is done again: what it did and the progress it reported come back together.
#: The transaction that deletes the people waits for the disk, and with it all before it are there; nothing outside the
#: database is touched until then.
_NOT_FLUSHED: Final = "SET LOCAL synchronous_commit = off"
#: To the end of a transaction: a lock is waited for less than half as long as anybody waits before the server looks for
#: a deadlock. Of those who wait for each other it ends whoever looks first, which may be a user who saves a page; so a
#: chunk, which can be done again, gives up before. (A chunk works some 60 ms before it waits.)
_GIVE_WAY: Final = (
    "SELECT set_config('lock_timeout', greatest(10, least(3000, 400 * "
    "extract(epoch FROM current_setting('deadlock_timeout')::interval)))::int::text, true)"
)
_NO_LOCK: Final = "55P03"
_TRY_AGAIN_STATES: Final = frozenset({"40P01", _NO_LOCK, "40001", "57014", "23503"})


class PostgreSQL(Dialect):
    finds_addresses = True
    knows_patterns = True
    names_broken_keys = True
    vacuums_tables = True

    # ---------------------------------------------------------------- conditions

    def any_of(self, name: str, values: Any) -> tuple[str, Any]:
        return f"{name} = ANY(%s)", _listed(values)

    def still_any_of(self, name: str, values: Any) -> tuple[str, Any]:
        # IS TRUE: else the planner may find the rows by the column's index and compare every address with every other.
        return f"({name} = ANY(%s)) IS TRUE", _listed(values)

    def begins(self, name: str, text: str, parameter: str) -> tuple[str, list[Any]]:
        return f"{name} LIKE {parameter}", [f"{_without_wildcards(text)}%"]

    def head(self, *lists: Listed) -> tuple[str, list[Any]]:
        parts = [f"{each.name} (listed) AS (SELECT %s::{each.kind}[])" for each in lists]
        return f"WITH {', '.join(parts)}", [_listed(each.values) for each in lists]

    def among(self, name: str, kind: str) -> str:
        return f"= ANY((SELECT listed FROM {name})::{kind}[])"

    # ---------------------------------------------------------------- transactions

    def bound_chunk(self, *, piece: bool) -> None:
        said = f"SET LOCAL statement_timeout = '60s'; {_FEW_ROWS}; {_GIVE_WAY}"
        if piece:
            said += f"; {_NOT_FLUSHED}; SET CONSTRAINTS ALL IMMEDIATE"
        self.execute(said)

    def commit_without_flushing(self) -> None:
        self.execute(_NOT_FLUSHED)

    def check_foreign_keys(self) -> None:
        self.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")

    @contextmanager
    def small_reads(self) -> Iterator[None]:
        with transaction.atomic(using=self.connection.alias):
            self.execute(_FEW_ROWS)
            yield

    def lock(self, number: int, *, shared: bool) -> None:
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [number])

    def may_pass(self, error: Exception) -> bool:
        return getattr(error.__cause__, "sqlstate", None) in _TRY_AGAIN_STATES

    def gave_way(self, error: Exception) -> bool:
        return getattr(error.__cause__, "sqlstate", None) == _NO_LOCK

    def data_version(self) -> int | None:
        return None

    # ---------------------------------------------------------------- looking

    def read_catalog(self) -> Catalog:
        return looking.read_catalog(self.rows)

    def survey(self) -> Survey:
        return looking.survey(self.rows)

    def large_object(self, number: int, start: int, length: int) -> bytes:
        ((piece,),) = self.rows("SELECT pg_catalog.lo_get(%s::oid, %s, %s)", [number, start, length])
        return bytes(piece)

    def refresh(self, view: str) -> None:
        for called, at_once in self.rows(looking.REFRESHED, [view]):
            quoted = self.quoted(called)
            with transaction.atomic(using=self.connection.alias):
                self.execute(_GIVE_WAY)
                self.execute(f"REFRESH MATERIALIZED VIEW {'' if at_once else 'CONCURRENTLY '}{quoted}")
                self.execute(f"ANALYZE {quoted}")

    def tables_in_pieces(self) -> frozenset[str]:
        return frozenset(name for (name,) in self.rows(_IN_PIECES))

    def identity(self) -> Identity:
        ((number,),) = self.rows("SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()")
        return {"kind": "postgresql", "system": self._system_identifier(), "database": int(number)}

    def server(self) -> dict[str, str]:
        # The first eight digits of a file of the log are its timeline; a standby has none to write.
        timeline = self._shown(
            "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL"
            " ELSE left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END"
        )
        found = {"system": self._system_identifier(), "timeline": timeline}
        return {name: value for name, value in found.items() if value is not None}

    def _system_identifier(self) -> str | None:
        return self._shown("SELECT system_identifier FROM pg_catalog.pg_control_system()")

    def _shown(self, sql: str) -> str | None:
        """One value; None where the server does not show it to this role."""
        try:
            with transaction.atomic(using=self.connection.alias):
                ((value,),) = self.rows(sql)
        except DatabaseError:
            return None
        return None if value is None else str(value)

    def copies(self) -> list[Copy]:
        seen = [
            Copy(CopyKind(kind), name if name and "@" not in name else number, at)
            for kind, name, number, at in self.rows(copies.COPIES)
        ]
        return [*seen, Copy(CopyKind.LOG)]

    def logs_values(self) -> bool:
        bound = bool(self.connection.settings_dict["OPTIONS"].get("server_side_binding"))
        names = ", ".join(f"current_setting('{name}', true)" for name in copies.LOGGED)
        ((*settings,),) = self.rows(f"SELECT {names}")
        return copies.logs_values(settings, bound=bound)

    def size(self) -> tuple[float, float]:
        ((rows, size),) = self.rows(
            f"WITH {looking.PLACES} SELECT coalesce(sum(greatest(c.reltuples, 0)), 0), sum(pg_relation_size(c.oid)) "
            "FROM place JOIN pg_catalog.pg_class c ON c.oid = place.oid WHERE c.relkind IN ('r', 'm')"
        )
        return rows, float(size or 0)

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        # Declared here, not Django's: that one is switched off behind a pooler, and all rows would be in memory then.
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            cursor.execute(f"DECLARE patrolled NO SCROLL CURSOR FOR {sql}")
            while True:
                cursor.execute("FETCH 2000 FROM patrolled")
                if not (rows := cursor.fetchall()):
                    break
                yield from rows
            cursor.execute("CLOSE patrolled")

    def offer_function(self, name: str, function: Callable[[Any], Any]) -> None:
        """Nothing: it has functions of its own, which its indexes use."""

    # ---------------------------------------------------------------- deleting, and the space of what was deleted

    def delete_rows(
        self,
        table: str,
        column: str,
        values: Sequence[int],
        *,
        limit: int,
        returning: Sequence[str] = (),
        in_pieces: bool,
    ) -> Deleted:
        names = f" RETURNING {', '.join(self.quoted(name) for name in returning)}" if returning else ""
        if in_pieces:
            return self._piece_by_piece(table, column, list(values), limit, names)
        chosen = f"SELECT ctid FROM {self.quoted(table)} WHERE {self.quoted(column)} = ANY(%s) LIMIT %s"
        sql = f"DELETE FROM {self.quoted(table)} WHERE ctid = ANY(ARRAY({chosen})) AND {self._still(column)}{names}"
        people = _listed(values)
        return all_at_once(self.connection, sql, [people, limit, people], limit, returns=bool(names))

    def _still(self, column: str) -> str:
        return self.still_any_of(self.quoted(column), ())[0]

    def _piece_by_piece(self, table: str, column: str, values: list[int], limit: int, names: str) -> Deleted:
        """The rows are chosen once for all partitions; then one statement for each partition that occurs.

        The condition alone, asked of the whole table, is right too, and takes three times as long over twelve
        partitions: each is looked into at all the addresses. They are chosen in the order of the index, which then is
        walked: what earlier chunks have emptied is marked in it and passed over, where a bitmap of the pages would read
        those again with each chunk. It is marked while no older writing transaction is open on the server, be it in
        another database; with one a walk reads as much as the bitmap.
        """
        quote = self.quoted
        where = f"{quote(column)} = ANY(%s)"
        choose = (
            "SELECT pg_catalog.format('%%I.%%I', s.nspname, c.relname), p.number, p.addresses FROM ("
            "SELECT piece, count(*) AS number, array_agg(address)::text AS addresses FROM ("
            f"SELECT tableoid AS piece, ctid AS address FROM {quote(table)} WHERE {where} "
            f"ORDER BY {quote(column)} LIMIT %s) chosen "
            "GROUP BY piece) p JOIN pg_catalog.pg_class c ON c.oid = p.piece "
            "JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace ORDER BY 1"
        )
        rows = chosen = 0
        returned: list[tuple[Any, ...]] = []
        with self.connection.cursor() as cursor:
            cursor.execute(choose, [values, limit])
            for piece, number, addresses in cursor.fetchall():
                # Quoted by the database; a percent sign in a name is none of a parameter.
                only = piece.replace("%", "%%")
                cursor.execute(
                    f"DELETE FROM ONLY {only} WHERE ctid = ANY(%s::tid[]) AND {self._still(column)}{names}",
                    [addresses, values],
                )
                went = int(cursor.rowcount)
                if went > number:
                    raise MoreRowsThanPlanned
                if names:
                    returned += cursor.fetchall()
                rows += went
                chosen += number
        # One that was changed meanwhile has another address now, or is somebody else's: the next look tells.
        return Deleted(rows, chosen == limit or rows < chosen, returned)

    def vacuum(self, table: str) -> None:
        # All entries of the indexes go, also where they are so few that it would leave them: they are readable.
        self.execute(f"VACUUM (INDEX_CLEANUP ON) {self.quoted(table)}")

    def analyze(self, table: str) -> None:
        self.execute(f"ANALYZE {self.quoted(table)}")

    def forget_statistics(self, tables: Sequence[str], indexes: Iterable[int] = ()) -> Forgotten:
        return Statistics(self.connection, tables).forget(indexes)

    def horizon(self) -> int | None:
        ((number,),) = self.rows(NEXT)
        return int(number)

    def holders(self, mark: int, *, of_a_copy: bool = False) -> list[Holder]:
        return holders_before(mark, self.rows, of_a_copy=of_a_copy)

    @contextmanager
    def bounded_waits(self, seconds: float) -> Iterator[None]:
        # Behind a pooler a setting would stay with a session that somebody else has then.
        if self.connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            yield
            return
        self.execute(f"SET lock_timeout = {int(seconds * 1000)}")
        try:
            yield
        finally:
            self.execute("RESET lock_timeout")

    def rewriting(self) -> Rewriting | None:
        return Rewriting(self.connection)

    def rewrite_file(self) -> bool:
        return True

    def truncate_log(self) -> bool:
        return True


def _listed(values: Sequence[Any]) -> Any:
    """Numbers or texts as the one text that PostgreSQL reads an array from: the driver takes ten times as long to write
    down a list of thousands, value by value, as the server to read it. Anything else is left to the driver."""
    values = list(values)
    kinds = set(map(type, values))
    if kinds == {int}:
        return f"{{{','.join(map(str, values))}}}"
    if kinds == {str}:
        escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
        return '{"' + '","'.join(escaped) + '"}'
    return values


def _without_wildcards(text: str) -> str:
    """The text for LIKE, with its percent signs and underscores meaning themselves."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
