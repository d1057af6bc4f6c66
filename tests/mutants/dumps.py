"""Whether a mutant that nobody notices changes anything at all: the whole database with it, and without.

What differs between two purges without any mutant (times, tokens, hashes with a salt) is not compared; every other
column of every table is, whether a table of expectations names it or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import connection

#: How the work was cut into pieces: that depends on the machine's speed, and says nothing of anybody.
PIECES = frozenset(
    {("purge_purgerequest", "rows_planned"), ("purge_purgestep", "planned"), ("purge_purgestep", "late")}
)
#: Whether a file was opened before its account was known to lose somebody, or went with the account.
NOTES = frozenset({"purge_unopenedfile", "purge_filereading"})
#: (table, column) → its values, in an order of their own.
Dump = Mapping[tuple[str, str], list[str]]


def dump() -> Dump:
    """Every column of every table, the values sorted: new rows of two runs need not have the same ids."""
    found: dict[tuple[str, str], list[str]] = {}
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT * FROM {quote(table)}")
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            for place, name in enumerate(names):
                found[table, name] = sorted(repr(row[place]) for row in rows)
    return found


class Unchanged:
    """``after``: makes the dump after a route in a fresh world."""

    def __init__(self, after: Callable[[str], Dump]) -> None:
        self.after = after
        self._without: dict[str, tuple[Dump, frozenset[Any]]] = {}

    def differences(self, route: str, with_mutant: Dump) -> Iterator[str]:
        """The columns, as "table.column", that the mutant has changed."""
        if route not in self._without:
            once, again = self.after(route), self.after(route)
            self._without[route] = once, PIECES | {key for key in once if once[key] != again[key]}
        without, volatile = self._without[route]
        for key in sorted(without.keys() | with_mutant.keys()):
            if key not in volatile and key[0] not in NOTES and without.get(key) != with_mutant.get(key):
                yield ".".join(key)
