"""What a row is called outside of the database: by its number, or by one that opens nothing and says nothing.

A primary key can be a text that lets somebody in (a session's), or that says something (a cache's). Of a table without
primary key the value itself would be the name.
"""

from __future__ import annotations

from typing import Any

from purge.hashing import hasher

DIGITS = 12


def row_name(table: str, pk: Any) -> str:
    """A row's primary key, if it is a number; else ``#`` and a number made from it with the hash key.

    Raises :class:`purge.hashing.HashKeyMissing`.
    """
    if isinstance(pk, int):
        return str(pk)
    return f"#{int(hasher('row')(f'{table}:{pk}')[:DIGITS], 16)}"
