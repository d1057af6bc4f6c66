"""Deleting a bounded number of somebody's rows by their physical address.

On PostgreSQL an address (``ctid``) is unique in one table of one piece only: each partition, and each table that
inherits, numbers its rows from the beginning, and an address that became free is given out again. So rows are chosen
as (partition, address) and each partition is asked for its own alone; and whatever finds a row again asks once more
whether it is one of theirs: between choosing and deleting it may have passed to somebody else. Not every minor release
of PostgreSQL sees that by itself (``tools/old_servers.md``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection


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


def tables_in_pieces() -> frozenset[str]:
    """The tables of the schema that have partitions, or from which others inherit. One look at the catalogue."""
    if connection.vendor != "postgresql":
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT c.relname FROM pg_catalog.pg_inherits i "
            "JOIN pg_catalog.pg_class c ON c.oid = i.inhparent AND c.relkind IN ('r', 'p', 'f') "
            "WHERE c.relnamespace = current_schema()::regnamespace"
        )
        return frozenset(name for (name,) in cursor.fetchall())


def delete_rows(
    table: str, column: str, values: Sequence[int], *, limit: int, returning: Sequence[str] = (), in_pieces: bool
) -> Deleted:
    """Delete at most ``limit`` rows of a table whose column is one of the values.

    ``in_pieces``: the table has partitions (see :func:`tables_in_pieces`). Wrong, it only costs time: the condition is
    part of every statement that deletes.
    """
    quote = connection.ops.quote_name
    names = f" RETURNING {', '.join(quote(name) for name in returning)}" if returning else ""
    if connection.vendor != "postgresql":
        chosen = f"SELECT rowid FROM {quote(table)} WHERE {quote(column)} IN (SELECT value FROM json_each(%s)) LIMIT %s"
        sql = f"DELETE FROM {quote(table)} WHERE rowid IN ({chosen}){names}"
        return _all_at_once(sql, [json.dumps(list(values)), limit], limit, bool(names))
    if in_pieces:
        return _piece_by_piece(table, column, list(values), limit, names)
    chosen = f"SELECT ctid FROM {quote(table)} WHERE {quote(column)} = ANY(%s) LIMIT %s"
    sql = f"DELETE FROM {quote(table)} WHERE ctid = ANY(ARRAY({chosen})) AND {_still(column)}{names}"
    return _all_at_once(sql, [list(values), limit, list(values)], limit, bool(names))


def _still(column: str) -> str:
    # IS TRUE: else the planner may find the rows by the column's index and compare every address with every other.
    return f"({connection.ops.quote_name(column)} = ANY(%s)) IS TRUE"


def _all_at_once(sql: str, params: list[Any], limit: int, returns: bool) -> Deleted:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        returned = list(cursor.fetchall()) if returns else []
        rows = len(returned) if returns else int(cursor.rowcount)
    if rows > limit:
        raise MoreRowsThanPlanned
    return Deleted(rows, rows == limit, returned)


def _piece_by_piece(table: str, column: str, values: list[int], limit: int, names: str) -> Deleted:
    """The rows are chosen once for all partitions; then one statement for each partition that occurs.

    The condition alone, asked of the whole table, is right too, and takes three times as long over twelve partitions:
    each is looked into at all the addresses.
    """
    quote = connection.ops.quote_name
    where = f"{quote(column)} = ANY(%s)"
    choose = (
        "SELECT pg_catalog.format('%%I.%%I', s.nspname, c.relname), p.number, p.addresses FROM ("
        "SELECT piece, count(*) AS number, array_agg(address)::text AS addresses FROM ("
        f"SELECT tableoid AS piece, ctid AS address FROM {quote(table)} WHERE {where} LIMIT %s) chosen "
        "GROUP BY piece) p JOIN pg_catalog.pg_class c ON c.oid = p.piece "
        "JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace ORDER BY 1"
    )
    rows = chosen = 0
    returned: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        cursor.execute(choose, [values, limit])
        for piece, number, addresses in cursor.fetchall():
            # Quoted by the database; a percent sign in a name is none of a parameter.
            only = piece.replace("%", "%%")
            cursor.execute(
                f"DELETE FROM ONLY {only} WHERE ctid = ANY(%s::tid[]) AND {_still(column)}{names}", [addresses, values]
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
