"""Reading many rows: a batch in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from purge.database.catalog import Catalog, Column


def filled(catalog: Catalog, column: Column) -> str:
    """All values of a column that are no empty texts, with their primary keys."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    return f"SELECT {pk}, {quote(column.name)} FROM {quote(column.table)} WHERE {quote(column.name)} <> ''"


def stream(sql: str) -> Iterator[tuple[Any, Any]]:
    """Rows of a long query, a batch in memory at a time."""
    if connection.vendor == "postgresql":
        # Declared here, not Django's: that one is switched off behind a pooler, and all rows would be in memory then.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DECLARE patrolled NO SCROLL CURSOR FOR {sql}")
            while True:
                cursor.execute("FETCH 2000 FROM patrolled")
                if not (rows := cursor.fetchall()):
                    break
                yield from rows
            cursor.execute("CLOSE patrolled")
        return
    with connection.cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(2_000):
            yield from rows


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
