"""The pages of SQLite's file as they lie there: whose each is, and which bytes of it belong to a row.

A page of a tree has a head, an array that says where its cells begin, room in the middle, and the cells. A deleted cell
becomes a gap; ``secure_delete`` overwrites most of them, and pages that are free. What does not fit into a cell goes on
in pages of its own. https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_HEAD_OF_FILE: Final = 100
_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE = 0x02, 0x05, 0x0A, 0x0D
_TREES: Final = frozenset({_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE})
_INNER: Final = frozenset({_INNER_INDEX, _INNER_TABLE})

#: Files that this process has opened, by device and number: closing one would end the locks that SQLite holds on it
#: (https://sqlite.org/howtocorrupt.html, 2.2).
_opened: dict[tuple[int, int], int] = {}


@dataclass
class Page:
    """``relation``: whose it is, empty where it is nobody's. ``cells``: (first byte, the one behind the last) of what
    belongs to rows; ``middle``: of the room that was never a cell's, or is again."""

    content: bytes
    relation: str = ""
    is_index: bool = False
    cells: list[tuple[int, int]] = field(default_factory=list)
    middle: tuple[int, int] = (0, 0)

    def is_of_a_row(self, at: int) -> bool:
        return any(first <= at < behind for first, behind in self.cells)

    def is_room(self, at: int) -> bool:
        return not self.relation or self.middle[0] <= at < self.middle[1]


@dataclass(frozen=True)
class Root:
    """The first page of a table or an index."""

    page: int
    relation: str
    is_index: bool


def read(path: str, roots: list[Root]) -> Iterator[Page]:
    """Every page of a file that nobody writes to meanwhile. Raises OSError."""
    file = _File(path)
    seen: set[int] = set()
    for root in roots:
        waiting = [root.page]
        while waiting:
            number = waiting.pop()
            if number in seen or not 0 < number <= file.pages:
                continue
            seen.add(number)
            page, below, further = _of_a_tree(file, number, root)
            yield page
            waiting += below
            for first, length in further:
                for number, page in _further(file, first, length, root):
                    seen.add(number)
                    yield page
    for number in range(1, file.pages + 1):
        if number not in seen:
            yield Page(file.page(number))


class _File:
    def __init__(self, path: str) -> None:
        status = os.stat(path)
        key = (status.st_dev, status.st_ino)
        if key not in _opened:
            _opened[key] = os.open(path, os.O_RDONLY)
        self._descriptor = _opened[key]
        head = os.pread(self._descriptor, _HEAD_OF_FILE, 0)
        size = int.from_bytes(head[16:18], "big")
        self.size = 65_536 if size == 1 else size or 4_096
        self.usable = self.size - (head[20] if len(head) > 20 else 0)
        self.pages = status.st_size // self.size

    def page(self, number: int) -> bytes:
        return os.pread(self._descriptor, self.size, (number - 1) * self.size)


def _of_a_tree(file: _File, number: int, root: Root) -> tuple[Page, list[int], list[tuple[int, int]]]:
    """The page, the pages below it, and (page, bytes) of what goes on elsewhere."""
    content = file.page(number)
    page = Page(content, root.relation, root.is_index)
    head = _HEAD_OF_FILE if number == 1 else 0
    kind = content[head]
    if kind not in _TREES:
        return page, [], []
    array = head + (12 if kind in _INNER else 8)
    count = _number(content, head + 3, 2)
    begins = _number(content, head + 5, 2) or 65_536
    page.middle = (array + 2 * count, begins)
    page.cells.append((0, array + 2 * count))
    below = [_number(content, head + 8, 4)] if kind in _INNER else []
    further: list[tuple[int, int]] = []
    for place in range(array, array + 2 * count, 2):
        start = at = _number(content, place, 2)
        if kind in _INNER:
            below.append(_number(content, at, 4))
            at += 4
        payload, at = _varint(content, at)
        if kind == _INNER_TABLE:  # what was read is the row's number
            page.cells.append((start, at))
            continue
        if kind == _LEAF_TABLE:
            _row, at = _varint(content, at)
        here = _kept_here(payload, file.usable, is_table=kind == _LEAF_TABLE)
        end = at + here
        if here < payload:
            further.append((_number(content, end, 4), payload - here))
            end += 4
        page.cells.append((start, end))
    return page, below, further


def _further(file: _File, number: int, left: int, root: Root) -> Iterator[tuple[int, Page]]:
    """The pages on which a cell goes on, each with the number of the next one at its beginning."""
    while left > 0 and 0 < number <= file.pages:
        content = file.page(number)
        here = min(left, file.usable - 4)
        yield number, Page(content, root.relation, root.is_index, [(0, 4 + here)])
        number, left = _number(content, 0, 4), left - here


def _kept_here(payload: int, usable: int, *, is_table: bool) -> int:
    most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
    if payload <= most:
        return payload
    least = (usable - 12) * 32 // 255 - 23
    fits = least + (payload - least) % (usable - 4)
    return fits if fits <= most else least


def _number(content: bytes, at: int, length: int) -> int:
    return int.from_bytes(content[at : at + length], "big")


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the place behind it."""
    value = 0
    for step in range(8):
        byte = content[at + step]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    return value << 8 | content[at + 8], at + 9
