"""The database's own catalogue: every table, column and foreign key, whether a model knows it or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

ColumnType = Literal["text", "json", "uuid", "integer", "binary", "other"]


@dataclass(frozen=True)
class Column:
    """``width``: the most characters a text column takes; None: no limit."""

    table: str
    name: str
    type: ColumnType
    width: int | None = None


@dataclass(frozen=True)
class ForeignKey:
    table: str
    column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class Catalog:
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...]
    primary_keys: dict[str, str]
    address_indexed: frozenset[tuple[str, str]]

    @cached_property
    def tables(self) -> dict[str, list[Column]]:
        tables: dict[str, list[Column]] = {}
        for column in self.columns:
            tables.setdefault(column.table, []).append(column)
        return tables

    def keys_to(self, table: str) -> list[ForeignKey]:
        """The foreign keys that point at this table, by table and column."""
        return [key for key in self.foreign_keys if key.to_table == table]


# A partition is a piece of its table, by which it is read; where that is not among these, it is a table of its own.
_OF_ITS_OWN = """NOT (c.relispartition AND EXISTS (
  SELECT 1 FROM pg_catalog.pg_class root
  WHERE root.oid = pg_catalog.pg_partition_root(c.oid) AND root.relnamespace = c.relnamespace))"""
_POSTGRES_COLUMNS = f"""
SELECT c.relname, a.attname, t.typname, CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND {_OF_ITS_OWN}
ORDER BY c.relname, a.attnum
"""
_POSTGRES_TABLES = f"""
SELECT c.relname FROM pg_catalog.pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND {_OF_ITS_OWN}
"""
_SQLITE_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%%' ESCAPE '\\' ORDER BY name"
)
_POSTGRES_KEYS = f"""
SELECT c.relname, a.attname, f.relname, fa.attname
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
JOIN pg_catalog.pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = k.confkey[1]
WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace AND {_OF_ITS_OWN}
ORDER BY c.relname, a.attname
"""
_POSTGRES_PRIMARY = """
SELECT c.relname, a.attname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND c.relnamespace = current_schema()::regnamespace
"""
# By what the indexes depend on: spelling out each index's definition takes ten times as long.
_POSTGRES_ADDRESS_INDEXES = """
SELECT c.relname, a.attname
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_depend f ON f.refclassid = 'pg_catalog.pg_proc'::regclass AND f.refobjid = p.oid
JOIN pg_catalog.pg_index i ON i.indexrelid = f.objid AND f.classid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
  AND d.refobjid = c.oid AND d.refobjsubid > 0
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE starts_with(p.proname::text, 'purge_emails_in') AND p.pronamespace = current_schema()::regnamespace
  AND i.indisvalid AND i.indisready AND c.relnamespace = current_schema()::regnamespace
"""
_POSTGRES_TYPES: dict[str, ColumnType] = {
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "citext": "text",
    "name": "text",
    "json": "json",
    "jsonb": "json",
    "uuid": "uuid",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "bytea": "binary",
    "_text": "json",
    "_varchar": "json",
}


def read_catalog(connection: Any) -> Catalog:
    """The catalogue as it is now (four queries on PostgreSQL, four per table on SQLite)."""
    if connection.vendor == "postgresql":
        return _read_postgres(connection)
    return _read_sqlite(connection)


def read_tables(connection: Any) -> frozenset[str]:
    """The names alone of the catalogue's tables, as they are now: one query, where pages ask it at each look."""
    sql = _POSTGRES_TABLES if connection.vendor == "postgresql" else _SQLITE_TABLES
    return frozenset(name for (name,) in _rows(connection, sql))


def _rows(connection: Any, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _read_postgres(connection: Any) -> Catalog:
    return Catalog(
        columns=tuple(
            Column(table, name, _POSTGRES_TYPES.get(kind, "other"), width)
            for table, name, kind, width in _rows(connection, _POSTGRES_COLUMNS)
        ),
        foreign_keys=tuple(ForeignKey(*row) for row in _rows(connection, _POSTGRES_KEYS)),
        primary_keys=dict(_rows(connection, _POSTGRES_PRIMARY)),
        address_indexed=frozenset((table, name) for table, name in _rows(connection, _POSTGRES_ADDRESS_INDEXES)),
    )


def _read_sqlite(connection: Any) -> Catalog:
    columns: list[Column] = []
    keys: list[ForeignKey] = []
    primary: dict[str, str] = {}
    tables = _rows(connection, _SQLITE_TABLES)
    for (table,) in tables:
        for _n, name, declared, _not_null, _default, position in _rows(
            connection, 'SELECT cid, name, type, "notnull", dflt_value, pk FROM pragma_table_info(%s)', [table]
        ):
            columns.append(Column(table, name, *_sqlite_type(declared)))
            if position == 1:
                primary[table] = name
        for to_table, column, to_column in _rows(
            connection, 'SELECT "table", "from", "to" FROM pragma_foreign_key_list(%s)', [table]
        ):
            keys.append(ForeignKey(table, column, to_table, to_column or primary.get(to_table, "id")))
    return Catalog(tuple(columns), tuple(sorted(keys, key=lambda key: (key.table, key.column))), primary, frozenset())


def _sqlite_type(declared: str) -> tuple[ColumnType, int | None]:
    """SQLite takes any text in any column; what it was declared as tells what belongs there."""
    kind = declared.lower()
    width = (
        int(kind[kind.index("(") + 1 : -1]) if kind.endswith(")") and kind[kind.index("(") + 1 : -1].isdigit() else None
    )
    if kind == "char(32)":
        return "uuid", None
    if "int" in kind:
        return "integer", None
    if "char" in kind or "text" in kind or "clob" in kind or not kind:
        return "text", width
    if "json" in kind:
        return "json", None
    if "blob" in kind:
        return "binary", None
    return "other", None
