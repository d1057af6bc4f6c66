"""Deleting a bounded number of somebody's rows by their physical address.

On PostgreSQL an address (``ctid``) is unique in one table of one piece only: each partition, and each table that
inherits, numbers its rows from the beginning, and an address that became free is given out again. So rows are chosen
as (partition, address) and each partition is asked for its own alone; and whatever finds a row again asks once more
whether it is one of theirs: between choosing and deleting it may have passed to somebody else. Not every minor release
of PostgreSQL sees that by itself (``tools/old_servers.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class MoreRowsThanPlanned(Exception):
    """A step changed more rows than it had chosen, or than the plan and what came after it allow.

    The chunk is rolled back, and the request stops: whose rows the others are has to be found out by people.
    """


@dataclass(frozen=True)
class Deleted:
    """``rows``: how many went. ``more``: others may remain. ``returned``: the asked columns of those that went."""

    rows: int
    more: bool
    returned: list[tuple[Any, ...]]


def all_at_once(connection: BaseDatabaseWrapper, sql: str, params: list[Any], limit: int, *, returns: bool) -> Deleted:
    """Run a statement that deletes at most ``limit`` rows. ``returns``: it says which. Raises MoreRowsThanPlanned."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        returned = list(cursor.fetchall()) if returns else []
        rows = len(returned) if returns else int(cursor.rowcount)
    if rows > limit:
        raise MoreRowsThanPlanned
    return Deleted(rows, rows == limit, returned)
