"""Reading many rows: a batch in memory at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import connection

from purge.database import dialect_of
from purge.database.catalog import Catalog, Column


def filled(catalog: Catalog, column: Column) -> str:
    """All values of a column that are no empty texts, with their primary keys."""
    quote = connection.ops.quote_name
    name = quote(column.name)
    return f"SELECT {key_of(catalog, column)}, {name} FROM {quote(column.table)} WHERE {name} <> ''"


def said(column: Column) -> str:
    """The expression by which a column is read."""
    return column.expression or connection.ops.quote_name(column.name)


def key_of(catalog: Catalog, column: Column) -> str:
    """The expression that names a row of the column's table: its primary key, or the first column of that, which then
    names several; without one, the value itself."""
    name = catalog.primary_keys.get(column.table)
    if name is None:
        return said(column)
    quoted = connection.ops.quote_name(name)
    return quoted if type_of_key(catalog, column) in _PLAIN else f"CAST({quoted} AS text)"


def type_of_key(catalog: Catalog, column: Column) -> str:
    """Of what type that expression is: names of one statement have one."""
    name = catalog.primary_keys.get(column.table)
    if name is None:
        return "text" if column.expression else column.type
    return next((each.type for each in catalog.tables[column.table] if each.name == name), "other")


_PLAIN = ("integer", "text", "uuid")


def stream(sql: str) -> Iterator[tuple[Any, ...]]:
    """Rows of a long query, a batch in memory at a time."""
    yield from dialect_of(connection).stream(sql)


def values_of(catalog: Catalog, column: Column, pks: set[Any]) -> dict[Any, list[Any]]:
    """The values of a few rows that have one, to be looked at by the exact definition: the database finds too much.

    Several to a name where the primary key has several columns.
    """
    if not pks:
        return {}
    quote = connection.ops.quote_name
    pk = key_of(catalog, column)
    marks = ", ".join(["%s"] * len(pks))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {pk}, {said(column)} FROM {quote(column.table)} WHERE {pk} IN ({marks})", list(pks))
        found: dict[Any, list[Any]] = defaultdict(list)
        for row_pk, value in cursor.fetchall():
            if value is not None:
                found[row_pk].append(value)
        return found
