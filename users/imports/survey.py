"""What a whole file says of addresses and Unique User IDs, before any of its rows goes in.

In a temporary database on disk, so that the memory it takes does not grow with the file; in it are hashes and numbers
of lines, nobody's address.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from types import TracebackType
from typing import NamedTuple, Self

from users.imports.parsing import PersonRow
from users.models import UserState

#: Kibibytes of the temporary database that stay in memory.
CACHE = 1_024


class _Said(NamedTuple):
    """What the file says first of an address or Unique User ID: on which line, with which of the other kind (None:
    with none), and whether it deletes."""

    line: int
    other: int | None
    deletes: bool


#: Rows of a file that are remembered as they were understood: it is walked through three times.
MOST_UNDERSTOOD = 5_000


class Survey:
    """What the rows of a file say of each other.

    ``understood``: line → the person, or what is wrong with the row, of the first rows. ``contradicted``: line → the
    field in which another line contradicts it, and that line: they give one address two Unique User IDs, or one deletes
    whom the other does not.
    """

    def __init__(self) -> None:
        self.understood: dict[int, PersonRow | str] = {}
        self.contradicted: dict[int, tuple[str, int]] = {}
        # An empty name: on disk, under no name, gone when it is closed.
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute(f"PRAGMA cache_size = -{CACHE}")
        self._base.execute("PRAGMA synchronous = OFF")
        # ``other``: of an address the Unique User ID on the same line, and the other way round; NULL: none.
        columns = "hash INTEGER PRIMARY KEY, line INTEGER NOT NULL, other INTEGER, deletes INTEGER NOT NULL"
        self._base.execute(f"CREATE TABLE seen ({columns})")

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
        fresh: dict[int, _Said] = {}
        for person, (address, *ids) in zip(people, hashes, strict=True):
            unique_id = ids[0] if ids else None
            deletes = person.state == UserState.DELETED
            earlier = seen.get(address) or (seen.get(unique_id) if unique_id is not None else None)
            if earlier is None:
                fresh[address] = _Said(person.line, unique_id, deletes)
                if unique_id is not None:
                    fresh[unique_id] = _Said(person.line, address, deletes)
                seen |= {key: fresh[key] for key in (address, *ids)}
            elif address in seen and None not in (earlier.other, unique_id) and earlier.other != unique_id:
                self._contradict("unique_user_id", earlier.line, person.line)
            elif earlier.deletes != deletes:
                self._contradict("state", earlier.line, person.line)
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", ((key, *said) for key, said in fresh.items()))
        self._base.execute("COMMIT")

    def _contradict(self, name: str, earlier: int, later: int) -> None:
        self.contradicted.setdefault(earlier, (name, later))
        self.contradicted[later] = (name, earlier)

    def earlier(self, people: Sequence[PersonRow]) -> dict[int, tuple[str, int]]:
        """Lines of rows that are for the same one as an earlier row: by which field, and on which line that is."""
        hashes = [_hashes(person) for person in people]
        seen = self._lines(key for pair in hashes for key in pair)
        found: dict[int, tuple[str, int]] = {}
        for person, pair in zip(people, hashes, strict=True):
            for name, key in zip(("email", "unique_user_id"), pair, strict=False):
                if key in seen and seen[key].line < person.line:
                    found.setdefault(person.line, (name, seen[key].line))
        return found

    def gives_another_address(self, unique_user_id: str, email_key: str) -> bool:
        """Whether a row gives the user of this ID another address than this one."""
        return self._goes(_hash(f"#{unique_user_id}"), _hash(f"@{email_key}"))

    def gives_another_id(self, email_key: str, unique_user_id: str | None) -> bool:
        """Whether a row gives the user of this address another ID than this one."""
        return self._goes(_hash(f"@{email_key}"), _hash(f"#{unique_user_id}"))

    def deletes(self, email_key: str | None, unique_user_id: str | None) -> bool:
        """Whether a row deletes the user of this address or ID."""
        keys = [_hash(f"@{email_key}")] if email_key else []
        keys += [_hash(f"#{unique_user_id}")] if unique_user_id else []
        said = self._lines(keys).values()
        return any(each.deletes and each.line not in self.contradicted for each in said)

    def _goes(self, key: int, from_: int) -> bool:
        said = self._lines([key]).get(key)
        return said is not None and said.line not in self.contradicted and said.other not in (None, from_)

    def _lines(self, keys: Iterable[int]) -> dict[int, _Said]:
        wanted = list(keys)
        marks = ",".join("?" * len(wanted))
        rows = self._base.execute(f"SELECT * FROM seen WHERE hash IN ({marks})", wanted)  # noqa: S608 - question marks
        return {key: _Said(line, other, bool(deletes)) for key, line, other, deletes in rows}


def _hashes(person: PersonRow) -> list[int]:
    """Of the address, and of the Unique User ID where there is one: what no two rows share."""
    unique_id = person.unique_user_id
    return [_hash(f"@{person.email_key}"), *([_hash(f"#{unique_id}")] if unique_id else [])]


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
