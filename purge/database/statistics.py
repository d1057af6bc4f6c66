"""What PostgreSQL's planner remembers of values, and how it is made to forget them.

ANALYZE keeps samples: of columns, of what indexes are made on, of columns together. It renews them from the rows that
it meets. So a table without a row keeps what was sampled before, and so does an index none of whose rows was among
those that were met: for good, and readable by a SELECT.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, transaction

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

#: An index that is being made anew, and one whose place the new one has taken: followed by the old one's number.
ANEW, OLD = "purge_anew_", "purge_old_"
#: How long a lock is waited for that keeps others waiting meanwhile.
_BRIEFLY: Final = "SET LOCAL lock_timeout = '300ms'"
#: From this version on a statistic can be taken away.
_CLEARS: Final = 180_000
#: States of errors after which it may work the next time: somebody held a lock, or was met by chance.
_PASSING: Final = frozenset({"55P03", "40P01", "40001", "57014"})

_PIECES = """
WITH RECURSIVE piece (oid, depth) AS (
  SELECT c.oid, 0 FROM pg_catalog.pg_class c WHERE c.relname = ANY(%s) AND c.relkind IN ('r', 'p')
    AND c.relnamespace = pg_catalog.current_schema()::regnamespace
  UNION SELECT i.inhrelid, p.depth + 1 FROM pg_catalog.pg_inherits i JOIN piece p ON p.oid = i.inhparent)
SELECT c.oid::bigint, n.nspname, c.relname FROM piece p
JOIN pg_catalog.pg_class c ON c.oid = p.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') GROUP BY c.oid, n.nspname, c.relname ORDER BY max(p.depth), n.nspname, c.relname
"""
# The number of its rows is what the last ANALYZE found: none of the sample's.
_INDEXES = """
SELECT c.oid::bigint, n.nspname, c.relname, pg_catalog.pg_get_indexdef(c.oid),
  array_agg(DISTINCT s.attname::text), c.relispartition
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
WHERE i.indrelid = ANY(%s) AND c.relkind = 'i' AND (c.reltuples <= 0 OR c.oid = ANY(%s))
GROUP BY c.oid, n.nspname, c.relname, c.relispartition ORDER BY n.nspname, c.relname
"""
_SAMPLED = """
SELECT s.attname, bool_or(s.inherited), bool_or(NOT s.inherited),
  pg_catalog.format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attcollation <> t.typcollation
    THEN (SELECT pg_catalog.format(' COLLATE %%I.%%I', cn.nspname, k.collname) FROM pg_catalog.pg_collation k
      JOIN pg_catalog.pg_namespace cn ON cn.oid = k.collnamespace WHERE k.oid = a.attcollation) ELSE '' END,
  EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE (k.conrelid = a.attrelid AND k.contype IN ('p', 'f')
    AND a.attnum = ANY(k.conkey)) OR (k.confrelid = a.attrelid AND a.attnum = ANY(k.confkey)))
FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_attribute a ON a.attrelid = %s AND a.attname = s.attname
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE s.schemaname = %s AND s.tablename = %s GROUP BY s.attname, a.attrelid, a.attnum, a.atttypid, a.atttypmod,
  a.attcollation, t.typcollation ORDER BY a.attnum
"""
_TOGETHER = """
SELECT n.nspname, e.stxname, pg_catalog.pg_get_statisticsobjdef(e.oid), e.stxstattarget
FROM pg_catalog.pg_statistic_ext e JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace
WHERE e.stxrelid = %s AND pg_catalog.pg_has_role(e.stxowner, 'USAGE') ORDER BY 1, 2
"""
_LEFT_HALF_WAY = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND c.relname ~ %s ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Forgotten:
    """``postponed``: relations that somebody kept busy, so that it has to be done again. ``refused``: those of which
    the database let nothing be taken away (a view needs the column, it is somebody else's)."""

    postponed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Statistics:
    """What the planner remembers of some tables, partitions and heirs included."""

    def __init__(self, connection: BaseDatabaseWrapper, tables: Sequence[str]) -> None:
        self.connection = connection
        self.pieces = self._rows(_PIECES, [list(tables)])
        self._postponed: set[str] = set()
        self._refused: set[str] = set()

    def forget(self, indexes: Iterable[int] = ()) -> Forgotten:
        """After ANALYZE: take away what it could not renew. ``indexes``: numbers of indexes that are to go in any case.

        An index is made anew beside the old one, whose name it then takes; nobody waits for that. Not within a
        transaction. Whoever is killed at it leaves an index too many, which the next one drops.
        """
        self.drop_left_half_way()
        for number, schema, name, definition, columns, is_piece in self._rows(
            _INDEXES, [[piece[0] for piece in self.pieces], list(indexes)]
        ):
            if self._clears:
                self._attempt(f"{schema}.{name}", partial(self._clear, schema, name, columns))
            elif is_piece:
                self._refused.add(f"{schema}.{name}")
            else:
                self._attempt(f"{schema}.{name}", partial(self._make_anew, number, schema, name, definition))
        for number, schema, name in self.pieces:
            if not self._has_rows(schema, name):
                self._forget_emptied(number, schema, name)
        return Forgotten(tuple(sorted(self._postponed)), tuple(sorted(self._refused)))

    def drop_left_half_way(self) -> None:
        """Drop the indexes that somebody left who was killed: both kinds are of no use to anybody."""
        for schema, name in self._rows(_LEFT_HALF_WAY, [f"^({ANEW}|{OLD})[0-9]+$"]):
            self._attempt(f"{schema}.{name}", partial(self._drop, schema, name))

    # ---------------------------------------------------------------- indexes

    def _make_anew(self, number: int, schema: str, name: str, definition: str) -> None:
        quote, anew, old = self._quoted, f"{ANEW}{number}", f"{OLD}{number}"
        begins = re.compile(rf"CREATE (UNIQUE )?INDEX (?:{re.escape(name)}|{re.escape(quote(name))}) ON ")
        self._execute(begins.sub(rf"CREATE \1INDEX CONCURRENTLY {anew} ON ", definition, count=1))
        with transaction.atomic(using=self.connection.alias):
            self._execute(_BRIEFLY)
            self._execute(f"ALTER INDEX {quote(schema)}.{quote(name)} RENAME TO {old}")
            self._execute(f"ALTER INDEX {quote(schema)}.{anew} RENAME TO {quote(name)}")
        self._drop(schema, old)

    def _drop(self, schema: str, name: str) -> None:
        self._execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self._quoted(schema)}.{self._quoted(name)}")

    # ---------------------------------------------------------------- tables without a row

    def _forget_emptied(self, number: int, schema: str, name: str) -> None:
        where = f"{schema}.{name}"
        for column, inherited, own, kind, is_key in self._rows(_SAMPLED, [number, schema, name]):
            if self._clears:
                for which in [True] * inherited + [False] * own:
                    self._attempt(where, partial(self._clear, schema, name, [column], inherited=which))
            elif not is_key:  # numbers of rows, which would keep two tables locked
                self._attempt(where, partial(self._say_type_again, schema, name, column, kind))
        for of_schema, statistic, definition, target in self._rows(_TOGETHER, [number]):
            self._attempt(
                f"{of_schema}.{statistic}",
                partial(self._make_statistic_anew, schema, name, of_schema, statistic, definition, target),
            )

    def _say_type_again(self, schema: str, name: str, column: str, kind: str) -> None:
        """A column that is given a type, be it its own, loses its statistic: no row is written."""
        table = f"{self._quoted(schema)}.{self._quoted(name)}"
        with transaction.atomic(using=self.connection.alias):
            self._lock_emptied(schema, name)
            if not self._has_rows(schema, name):
                self._execute(f"ALTER TABLE {table} ALTER COLUMN {self._quoted(column)} TYPE {kind}")

    def _make_statistic_anew(
        self, schema: str, name: str, of_schema: str, statistic: str, definition: str, target: int | None
    ) -> None:
        named = f"{self._quoted(of_schema)}.{self._quoted(statistic)}"
        with transaction.atomic(using=self.connection.alias):
            self._lock_emptied(schema, name)
            if self._has_rows(schema, name):
                return
            self._execute(f"DROP STATISTICS {named}")
            self._execute(definition)
            if target is not None and target >= 0:
                self._execute(f"ALTER STATISTICS {named} SET STATISTICS {int(target)}")

    def _lock_emptied(self, schema: str, name: str) -> None:
        self._execute(_BRIEFLY)
        self._execute(f"LOCK TABLE {self._quoted(schema)}.{self._quoted(name)} IN ACCESS EXCLUSIVE MODE")

    def _has_rows(self, schema: str, name: str) -> bool:
        """Whether a table, with its partitions and heirs, has any."""
        table = f"{self._quoted(schema)}.{self._quoted(name)}"
        try:
            ((filled,),) = self._rows(f"SELECT EXISTS (SELECT 1 FROM {table})")
        except DatabaseError:
            return True  # it may not be read, or is gone: what it has, the proof says
        return bool(filled)

    # ---------------------------------------------------------------- asking

    @property
    def _clears(self) -> bool:
        return int(self.connection.pg_version) >= _CLEARS  # type: ignore[attr-defined]

    def _clear(self, schema: str, name: str, columns: Iterable[str], *, inherited: bool = False) -> None:
        for column in columns:
            self._rows(
                "SELECT pg_catalog.pg_clear_attribute_stats(%s::text, %s::text, %s::text, %s::boolean)",
                [schema, name, column, inherited],
            )

    def _attempt(self, relation: str, work: Callable[[], None]) -> None:
        try:
            work()
        except DatabaseError as error:
            passing = getattr(error.__cause__, "sqlstate", None) in _PASSING
            (self._postponed if passing else self._refused).add(relation)

    def _quoted(self, name: str) -> str:
        return f'"{name.replace(chr(34), chr(34) * 2)}"'

    def _execute(self, statement: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)

    def _rows(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return list(cursor.fetchall())
