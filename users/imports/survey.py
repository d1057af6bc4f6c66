"""What a whole file says of addresses and Unique User IDs, before any of its rows goes in.

In a temporary database on disk, so that the memory it takes does not grow with the file; in it are hashes and numbers
of lines, nobody's address.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from types import TracebackType
from typing import Self

from users.imports.parsing import PersonRow

#: Kibibytes of the temporary database that stay in memory.
CACHE = 1_024


class Survey:
    """``contradicted``: lines that give one address two Unique User IDs, each with the other one."""

    def __init__(self) -> None:
        self.contradicted: dict[int, int] = {}
        # An empty name: on disk, under no name, gone when it is closed.
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute(f"PRAGMA cache_size = -{CACHE}")
        self._base.execute("PRAGMA synchronous = OFF")
        # ``other``: of an address the Unique User ID on the same line, and the other way round; NULL: none.
        self._base.execute("CREATE TABLE seen (hash INTEGER PRIMARY KEY, line INTEGER NOT NULL, other INTEGER)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def add(self, people: Sequence[PersonRow]) -> None:
        """The next rows of the file. A row that repeats an earlier one says nothing more."""
        hashes = [_hashes(person) for person in people]
        seen = self._lines(key for pair in hashes for key in pair)
        fresh: dict[int, tuple[int, int | None]] = {}
        for person, (address, *ids) in zip(people, hashes, strict=True):
            unique_id = ids[0] if ids else None
            if address in seen:
                line, other = seen[address]
                if None not in (other, unique_id) and other != unique_id:
                    self.contradicted |= {person.line: line, line: self.contradicted.get(line, person.line)}
            elif unique_id is None or unique_id not in seen:
                fresh[address] = (person.line, unique_id)
                if unique_id is not None:
                    fresh[unique_id] = (person.line, address)
                seen |= {key: fresh[key] for key in (address, *ids)}
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO seen VALUES (?, ?, ?)", ((key, *found) for key, found in fresh.items()))
        self._base.execute("COMMIT")

    def earlier(self, people: Sequence[PersonRow]) -> dict[int, tuple[str, int]]:
        """Lines of rows that are for the same one as an earlier row: by which field, and on which line that is."""
        hashes = [_hashes(person) for person in people]
        seen = self._lines(key for pair in hashes for key in pair)
        found: dict[int, tuple[str, int]] = {}
        for person, pair in zip(people, hashes, strict=True):
            for name, key in zip(("email", "unique_user_id"), pair, strict=False):
                if key in seen and seen[key][0] < person.line:
                    found.setdefault(person.line, (name, seen[key][0]))
        return found

    def gives_another_address(self, unique_user_id: str, email_key: str) -> bool:
        """Whether a row gives the user of this ID another address than this one."""
        return self._goes(_hash(f"#{unique_user_id}"), _hash(f"@{email_key}"))

    def gives_another_id(self, email_key: str, unique_user_id: str | None) -> bool:
        """Whether a row gives the user of this address another ID than this one."""
        return self._goes(_hash(f"@{email_key}"), _hash(f"#{unique_user_id}"))

    def _goes(self, key: int, from_: int) -> bool:
        found = self._lines([key]).get(key)
        return found is not None and found[0] not in self.contradicted and found[1] not in (None, from_)

    def _lines(self, keys: Iterable[int]) -> dict[int, tuple[int, int | None]]:
        wanted = list(keys)
        marks = ",".join("?" * len(wanted))
        rows = self._base.execute(f"SELECT hash, line, other FROM seen WHERE hash IN ({marks})", wanted)  # noqa: S608
        return {key: (line, other) for key, line, other in rows}


def _hashes(person: PersonRow) -> list[int]:
    """Of the address, and of the Unique User ID where there is one: what no two rows share."""
    unique_id = person.unique_user_id
    return [_hash(f"@{person.email_key}"), *([_hash(f"#{unique_id}")] if unique_id else [])]


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
