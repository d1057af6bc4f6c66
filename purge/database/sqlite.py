"""SQLite's half of the seam (:mod:`purge.database.dialect`)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from purge.database.catalog import Catalog, Column, ColumnType, ForeignKey
from purge.database.chunk_delete import Deleted, all_at_once
from purge.database.dialect import Dialect, Identity, Listed
from purge.database.horizon import Holder
from purge.database.looking.copies import Copy
from purge.database.looking.survey import Acts, Automatic, Holds, Place, Survey
from purge.database.rewriting import Rewriting
from purge.database.statistics import Forgotten

_TABLES = "SELECT name FROM {quoted}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%%' ESCAPE '\\'"
#: Whatever is made, and other files that the connection has opened: what decides about everything below.
_MADE = """
SELECT type, name, tbl_name, sql FROM sqlite_master
WHERE type IN ('table', 'trigger') AND name NOT LIKE 'sqlite\\_%%' ESCAPE '\\'
UNION ALL SELECT 'attached', name, '', '' FROM pragma_database_list WHERE name NOT IN ('main', 'temp')
ORDER BY 1, 2
"""
# Hidden are the columns of virtual tables that hold nothing (1), and generated ones (2, 3).
_COLUMNS = f"""
SELECT m.name, c.name, c.type, c.pk, c.hidden FROM ({_TABLES}) m, pragma_table_xinfo(m.name, {{said}}) c
WHERE c.hidden <> 1 ORDER BY 1, c.cid
"""
_KEYS = f"""
SELECT m.name, k."table", k."from", k."to", k.on_delete, k.on_update
FROM ({_TABLES}) m, pragma_foreign_key_list(m.name, {{said}}) k ORDER BY 1, k."from"
"""
_ATTACHED = "SELECT name FROM pragma_database_list WHERE name NOT IN ('main', 'temp') ORDER BY 1"
_MAIN: Final = "main"
_ROWID: Final = re.compile(r"\)[^)]*\bWITHOUT\s+ROWID\b[^)]*$", re.IGNORECASE)
_LEAVES_ALONE: Final = frozenset({"NO ACTION", "RESTRICT"})
#: What was made, and what that means: worked out once, since pages ask for it.
_surveyed: tuple[Any, Survey] | None = None


class SQLite(Dialect):
    finds_addresses = False
    knows_patterns = False
    names_broken_keys = False
    vacuums_tables = False

    # ---------------------------------------------------------------- conditions

    def any_of(self, name: str, values: Any) -> tuple[str, Any]:
        return f"{name} IN (SELECT value FROM json_each(%s))", json.dumps(values)

    def still_any_of(self, name: str, values: Any) -> tuple[str, Any]:
        return f"+{name} IN (SELECT value FROM json_each(%s))", json.dumps(values)

    def begins(self, name: str, text: str, parameter: str) -> tuple[str, list[Any]]:
        return f"({name} >= {parameter} AND {name} < {parameter})", [text, f"{text}\U0010ffff"]

    def head(self, *lists: Listed) -> tuple[str, list[Any]]:
        parts = [f"{each.name} AS MATERIALIZED (SELECT value FROM json_each(%s))" for each in lists]
        return f"WITH {', '.join(parts)}", [json.dumps(list(each.values)) for each in lists]

    def among(self, name: str, kind: str) -> str:
        return f"IN (SELECT value FROM {name})"

    # ---------------------------------------------------------------- transactions

    def bound_chunk(self, *, piece: bool) -> None:
        """Nothing: one writer at a time, and no time limit for a statement."""

    def commit_without_flushing(self) -> None:
        """Nothing: what a commit waits for is a setting of the connection."""

    def check_foreign_keys(self) -> None:
        """Nothing: the check at the commit names no table, so it was looked for before."""

    @contextmanager
    def small_reads(self) -> Iterator[None]:
        yield

    def lock(self, number: int, *, shared: bool) -> None:
        """Nothing: it has one writer at a time."""

    def may_pass(self, error: Exception) -> bool:
        return "locked" in str(error)

    def gave_way(self, error: Exception) -> bool:
        return False

    def data_version(self) -> int | None:
        ((version,),) = self.rows("PRAGMA data_version")
        return int(version)

    # ---------------------------------------------------------------- looking

    def read_catalog(self) -> Catalog:
        columns: list[Column] = []
        keys: list[ForeignKey] = []
        primary: dict[str, str] = {}
        # Two statements, not two for each table: a verification reads the catalogue while somebody watches.
        for schema in (_MAIN, *self._attached()):
            for name, column, declared, position, _hidden in self.rows(_of(_COLUMNS, schema)):
                table = _called(schema, name)
                columns.append(Column(table, column, *_type_of(declared)))
                if position == 1:
                    primary[table] = column
            for name, to_name, column, to_column, *_acts in self.rows(_of(_KEYS, schema)):
                to_table = _called(schema, to_name)
                keys.append(
                    ForeignKey(_called(schema, name), column, to_table, to_column or primary.get(to_table, "id"))
                )
        return Catalog(
            tuple(columns), tuple(sorted(keys, key=lambda key: (key.table, key.column))), primary, frozenset()
        )

    def _attached(self) -> list[str]:
        return [name for (name,) in self.rows(_ATTACHED)]

    def survey(self) -> Survey:
        global _surveyed
        made = self.rows(_MADE)
        attached = [name for what, name, *_rest in made if what == "attached"]
        if attached or _surveyed is None or _surveyed[0] != made:
            found = self._survey(made, attached)
            if attached:
                return found
            _surveyed = (made, found)
        return _surveyed[1]

    def _survey(self, made: Sequence[tuple[Any, ...]], attached: Sequence[str]) -> Survey:
        without = {name for what, name, _table, sql in made if what == "table" and _ROWID.search(sql or "")}
        automatic = [Automatic(Acts.TRIGGER, name, table) for what, name, table, _sql in made if what == "trigger"]
        columns: dict[str, list[str]] = {}
        for schema in (_MAIN, *attached):
            for name, column, declared, _position, hidden in self.rows(_of(_COLUMNS, schema)):
                there = columns.setdefault(name if schema == _MAIN else f"{schema}.{name}", [])
                kind, _width = _type_of(declared)
                if not hidden and kind not in ("integer", "uuid", "other"):
                    there.append(column)
        for name, to_table, column, _to_column, *acts in self.rows(_of(_KEYS, _MAIN)):
            if not _LEAVES_ALONE.issuperset(acts):
                automatic.append(Automatic(Acts.CASCADE, f"{name}.{column}", to_table))
        places = [
            Place(name, Holds.UNNUMBERED if name in without else Holds.TABLE, tuple(there))
            for name, there in sorted(columns.items())
        ]
        return Survey(tuple(places), tuple(automatic))

    def large_object(self, number: int, start: int, length: int) -> bytes:
        return b""

    def refresh(self, view: str) -> None:
        """Nothing: it has no materialized views."""

    def tables_in_pieces(self) -> frozenset[str]:
        return frozenset()

    def identity(self) -> Identity:
        files = self.rows("PRAGMA database_list")
        path = next((str(file) for _number, name, file in files if name == "main" and file), "")
        if not path:
            return {"kind": "memory"}
        state = os.stat(path)
        digest = hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]
        return {"kind": "sqlite", "file": state.st_ino, "device": state.st_dev, "path": digest}

    def server(self) -> dict[str, str]:
        return {}

    def copies(self) -> list[Copy]:
        return []

    def logs_values(self) -> bool:
        return False

    def size(self) -> tuple[float, float]:
        ((size,),) = self.rows("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return 0, size

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            while rows := cursor.fetchmany(2_000):
                yield from rows

    def offer_function(self, name: str, function: Callable[[Any], Any]) -> None:
        self.connection.connection.create_function(name, 1, function)

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
        where, listed = self.any_of(self.quoted(column), list(values))
        chosen = f"SELECT rowid FROM {self.quoted(table)} WHERE {where} LIMIT %s"
        sql = f"DELETE FROM {self.quoted(table)} WHERE rowid IN ({chosen}){names}"
        return all_at_once(self.connection, sql, [listed, limit], limit, returns=bool(names))

    def vacuum(self, table: str) -> None:
        """Nothing: it overwrites deleted rows at once."""

    def analyze(self, table: str) -> None:
        """Nothing: its statistics are counts."""

    def forget_statistics(self, tables: Sequence[str], indexes: Iterable[int] = ()) -> Forgotten:
        return Forgotten()

    def horizon(self) -> int | None:
        return None

    def holders(self, mark: int, *, of_a_copy: bool = False) -> list[Holder]:
        return []

    @contextmanager
    def bounded_waits(self, seconds: float) -> Iterator[None]:
        yield

    def rewriting(self) -> Rewriting | None:
        return None

    def rewrite_file(self) -> bool:
        self.execute("VACUUM")
        return self.truncate_log()

    def truncate_log(self) -> bool:
        ((busy, _pages, _moved),) = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy


def _of(sql: str, schema: str) -> str:
    """A question about one of the files."""
    quoted, said = (f"{mark}{schema.replace(mark, mark * 2)}{mark}" for mark in ('"', "'"))
    return sql.format(quoted=quoted.replace("%", "%%"), said=said.replace("%", "%%"))


def _called(schema: str, name: str) -> str:
    """How a statement says a table: of another file quoted, with that."""
    if schema == _MAIN:
        return name
    return ".".join(f'"{each.replace(chr(34), chr(34) * 2)}"' for each in (schema, name))


#: Declared so by whoever means numbers, moments and truth.
_SILENT: Final = ("bool", "date", "time", "real", "float", "double", "dec", "numeric")


@cache
def _type_of(declared: str) -> tuple[ColumnType, int | None]:
    """SQLite takes any text in any column; what it was declared as tells what belongs there. A word that it does not
    know says nothing."""
    kind = declared.lower()
    width = (
        int(kind[kind.index("(") + 1 : -1]) if kind.endswith(")") and kind[kind.index("(") + 1 : -1].isdigit() else None
    )
    if kind == "char(32)":
        return "uuid", None
    if "int" in kind:
        return "integer", None
    if "char" in kind or "text" in kind or "clob" in kind:
        return "text", width
    if "json" in kind:
        return "json", None
    if "blob" in kind:
        return "binary", None
    return ("other", None) if kind.startswith(_SILENT) else ("text", None)
