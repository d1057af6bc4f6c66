"""Many rows, a part in memory at a time, without a cursor that outlives a transaction."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
T = TypeVar("T")


def streamed(rows: QuerySet[Any, T], size: int = 2_000) -> Iterator[T]:
    """What the query yields, ``size`` at a time from the server; a lost connection is Django's ``OperationalError``.

    Out of ``iterator()`` alone may come the driver's own error, which nobody catches who catches Django's: closing the
    server's cursor is the one call that Django leaves as it is.
    """
    with connections[rows.db].wrap_database_errors:
        yield from rows.iterator(chunk_size=size)


def in_chunks(rows: QuerySet[M], size: int = 2_000) -> Iterator[M]:
    """The objects of a query in its order, ``size`` of them in memory at a time.

    The numbers of all rows are asked for first, eight bytes each, and then the rows part by part: whatever happens
    between two parts, no row comes twice, and one that the query has no more when its turn comes does not come at all.
    Django's own ``iterator()`` keeps a cursor open, for which a pooler has no session; with
    ``DISABLE_SERVER_SIDE_CURSORS`` it takes all rows into memory instead.
    """
    numbers = array("q", streamed(rows.values_list("pk", flat=True), size))
    for start in range(0, len(numbers), size):
        part = numbers[start : start + size]
        found = rows.order_by().in_bulk(part)
        yield from (found[number] for number in part if number in found)
