"""Many rows of one table in one statement, past the ORM's instances: what a file of a hundred thousand rows needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, models

Row = Sequence[Any]


def rows_insert(model: type[models.Model], given: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows whose ``given`` columns (attribute names of the model) differ; all others get their default.

    A broken constraint raises Django's ``IntegrityError``, as a save would.
    """
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    place = {name: number for number, name in enumerate(given)}
    own = sorted((field for field in fields if field.attname in place), key=lambda field: place[field.attname])
    rest = [field for field in fields if field.attname not in place]
    constants = tuple(_stored(field)(field.get_default()) for field in rest)
    columns = [str(field.column) for field in (*own, *rest)]
    ready = (values + constants for values in _ready(own, rows))
    quote = connection.ops.quote_name
    table, names = quote(model._meta.db_table), ", ".join(quote(column) for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(ready))  # noqa: S608 - names of the model
            return
        with connection.wrap_database_errors, cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for values in ready:
                copy.write_row(values)


def rows_update(model: type[models.Model], given: Sequence[str], rows: Sequence[Row]) -> None:
    """Set the ``given`` columns of rows; each of ``rows`` is the primary key and the values."""
    own = [_field(model, name) for name in given]
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(str(_field(model, "pk").column))
    if not rows:
        return
    values_of = _ready(own, (row[1:] for row in rows))
    ready = [(row[0], *values) for row, values in zip(rows, values_of, strict=True)]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            changes = ", ".join(f"{quote(field.column)} = %s" for field in own)
            statement = f"UPDATE {table} SET {changes} WHERE {key} = %s"  # noqa: S608 - names of the model
            cursor.executemany(statement, [(*values, pk) for pk, *values in ready])
            return
        changes = ", ".join(f"{quote(field.column)} = new.{quote(field.column)}" for field in own)
        names = ", ".join(("pk", *(quote(field.column) for field in own)))
        arrays = ", ".join(("%s::bigint[]", *(f"%s::{field.db_type(connection)}[]" for field in own)))
        statement = f"UPDATE {table} SET {changes} FROM unnest({arrays}) AS new({names}) WHERE {table}.{key} = new.pk"  # noqa: S608 - names of the model
        cursor.execute(statement, [list(column) for column in zip(*ready, strict=True)])


def _ready(fields: Sequence[models.Field[Any, Any]], rows: Iterable[Row]) -> Iterable[tuple[Any, ...]]:
    """The values as the database takes them: PostgreSQL as they are, SQLite dates and UUIDs as text."""
    changes = {number: _stored(field) for number, field in enumerate(fields) if _needs_change(field)}
    if not changes:
        yield from map(tuple, rows)
        return
    for row in rows:
        values = list(row)
        for number, change in changes.items():
            values[number] = change(values[number])
        yield tuple(values)


def _needs_change(field: models.Field[Any, Any]) -> bool:
    if isinstance(field, models.JSONField):
        return True
    return connection.vendor != "postgresql" and isinstance(field, models.DateTimeField | models.UUIDField)


def _stored(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    return lambda value: field.get_db_prep_save(value, connection)


def _field(model: type[models.Model], name: str) -> Any:
    if name == "pk":
        return model._meta.pk
    return next(field for field in model._meta.concrete_fields if field.attname == name)


def statistics_refresh(model: type[models.Model]) -> None:
    """Let PostgreSQL look at a table again that is growing fast.

    Until it does by itself, a minute later, it thinks the account small, and reads all of it to find each batch.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
