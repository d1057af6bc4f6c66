"""Which addresses and Unique User IDs a file has had already, and on which line.

In a temporary database on disk, so that the memory it takes does not grow with the file; in it are hashes and numbers
of lines, nobody's address.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from types import TracebackType
from typing import Self

#: Kibibytes of the temporary database that stay in memory.
CACHE = 1_024


class Seen:
    def __init__(self) -> None:
        # An empty name: on disk, under no name, gone when it is closed.
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute(f"PRAGMA cache_size = -{CACHE}")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute("CREATE TABLE seen (hash INTEGER PRIMARY KEY, line INTEGER NOT NULL)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def first_lines(self, keys: Sequence[str]) -> dict[str, int]:
        """Those of the keys that were added before, with their line."""
        hashes = {_hash(key): key for key in keys}
        marks = ",".join("?" * len(hashes))
        found = self._base.execute(f"SELECT hash, line FROM seen WHERE hash IN ({marks})", list(hashes))  # noqa: S608
        return {hashes[number]: line for number, line in found}

    def add(self, lines: dict[str, int]) -> None:
        """Key → line, for keys that were not there."""
        self._base.execute("BEGIN")
        self._base.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", ((_hash(k), n) for k, n in lines.items()))
        self._base.execute("COMMIT")


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
