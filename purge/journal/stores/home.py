"""What a home of the purge log can do, whatever it is made of, and what a line looks like.

Every home has the same chains, byte for byte. A folder has a file for each; a bucket has an object for each line, whose
name says where in the file the line stands. Whatever cannot be read or written is an OSError.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

#: The format of the lines; 1 was one file without order or hashes.
VERSION: Final = 2
#: What no line's number reaches, and the characters of a line's hash.
_MOST_LINES: Final = 2**63
_HASH_LENGTH: Final = 64


class ChainCut(OSError):
    """The disk took only a part of a line."""


class HomeAway(OSError):
    """One of several homes lacks a file of the log that another one has, cannot be reached, or tells otherwise."""

    def __init__(self, home: object, why: str) -> None:
        super().__init__(f"{home}: {why}")
        self.home, self.why = home, why


def words_of(error: OSError) -> str:
    """Why, in a word for operators: nothing of it is the system's own sentence, which may name what it likes."""
    return error.why if isinstance(error, HomeAway) else type(error).__name__


@dataclass(frozen=True)
class Position:
    """How far a chain was read: bytes, number and hash of the last line. The beginning: ``Position()``."""

    offset: int = 0
    seq: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Tail:
    """The end of a chain. ``whole``: bytes up to its last line's end; what follows is a line that a crash cut.
    ``usable``: whether the chain may be continued."""

    size: int
    whole: int
    seq: int = 0
    digest: str = ""
    usable: bool = True

    @property
    def torn(self) -> bool:
        return self.whole < self.size

    @property
    def position(self) -> Position:
        return Position(self.whole, self.seq, self.digest)


@dataclass(frozen=True)
class Piece:
    """A line with its end, behind what a crash cut off before it, and the end of the chain after it."""

    data: bytes
    tail: Tail


class Home(Protocol):
    """A place that holds the whole log. ``str()`` of it is for operators: no password stands in it."""

    def is_there(self) -> bool:
        """Whether it was made already."""

    def make(self) -> None: ...

    def can_be_made(self) -> bool: ...

    def probe(self) -> None:
        """Whether it would take the next line. Raises OSError, and leaves nothing behind."""

    def names(self, installation: uuid.UUID | None = None, *, now: bool = True) -> set[str]:
        """The names of its chains, of one installation or of all. ``now``: not as seen some time ago."""

    def size(self, chain: str, near: Tail | None = None, *, now: bool = True) -> int:
        """Bytes of a chain. ``near``: where another home has its end. Raises FileNotFoundError where it has none."""

    def tail(self, chain: str, near: Tail | None = None) -> Tail:
        """The end of a chain, which may be being written. Raises as :meth:`size`."""

    def marks(self, chain: str, near: Tail) -> dict[int, str]:
        """Where some of the last lines up to ``near`` end, in bytes, and their hashes."""

    def read(self, chain: str, start: Position, size: int) -> Iterator[bytes]:
        """The lines from ``start`` up to ``size`` bytes as they are, with their ends."""

    def settle(self, chain: str) -> int:
        """Force a chain to the disk; how many bytes of it nobody is writing any more."""

    def lock(self, chain: str) -> AbstractContextManager[object]:
        """Nobody writes to the chain meanwhile."""

    def hold(self, chain: str, near: Tail | None) -> AbstractContextManager[Copy]:
        """Open a chain for writing, locked."""

    def create(self, chain: str, piece: Piece) -> None:
        """A new chain with its first line, on the disk; else nothing of it stays."""

    def remove(self, chain: str) -> None:
        """Take away a chain that :meth:`create` has just made, where that can be done."""

    def fill(self, chain: str, start: int, pieces: Iterable[Piece]) -> None:
        """Add what comes after ``start`` bytes, to the disk; 0: the whole chain."""


class Copy(Protocol):
    """A chain in one home, open and locked."""

    @property
    def home(self) -> Home: ...

    @property
    def chain(self) -> str: ...

    @property
    def tail(self) -> Tail: ...

    def append(self, piece: Piece, *, to_disk: bool) -> None:
        """A line at the end. Raises OSError, with the chain as it was where that is possible."""

    def take_back(self, tail: Tail) -> None:
        """As it was. Where that fails it is a line that nothing confirms, and the others are filled with it."""

    def cut(self) -> None:
        """Cut away what a crash has cut off."""


def pieces_of(lines: Iterable[bytes], after: Position) -> Iterator[Piece]:
    """The lines, those that are none in one piece with the next one that is. Such ones at the end are left out."""
    kept, offset = b"", after.offset
    for raw in lines:
        if not raw.endswith(b"\n"):
            return
        kept += raw
        offset += len(raw)
        if (line := decode(raw[:-1])) is not None:
            yield Piece(kept, tail_after(line, raw[:-1], offset))
            kept = b""


def tail_after(line: dict[str, Any], raw: bytes, size: int) -> Tail:
    """The end of a chain whose last line this is."""
    return Tail(size, size, line["seq"], digest(raw), usable=line["event"] != "closed")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def decode(raw: bytes) -> dict[str, Any] | None:
    """A line of this format, or None."""
    try:
        data = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(data, dict) or data.get("v") != VERSION or not isinstance(data.get("event"), str):
        return None
    seq, prev = data.get("seq"), data.get("prev")
    fits = isinstance(seq, int) and 0 < seq < _MOST_LINES and isinstance(prev, str) and len(prev) in (0, _HASH_LENGTH)
    return data if fits else None
