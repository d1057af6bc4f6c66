"""Reading many rows: a batch in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection

from purge.database import dialect_of
from purge.database.catalog import Catalog, Column


def filled(catalog: Catalog, column: Column) -> str:
    """All values of a column that are no empty texts, with their primary keys."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    return f"SELECT {pk}, {quote(column.name)} FROM {quote(column.table)} WHERE {quote(column.name)} <> ''"


def stream(sql: str) -> Iterator[tuple[Any, ...]]:
    """Rows of a long query, a batch in memory at a time."""
    yield from dialect_of(connection).stream(sql)


def values_of(catalog: Catalog, column: Column, pks: set[Any]) -> dict[Any, Any]:
    """The values of a few rows that have one, to be looked at by the exact definition: the database finds too much."""
    if not pks:
        return {}
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    marks = ", ".join(["%s"] * len(pks))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {pk}, {quote(column.name)} FROM {quote(column.table)} WHERE {pk} IN ({marks})", list(pks)
        )
        return {row_pk: value for row_pk, value in cursor.fetchall() if value is not None}
