"""A text read in another way, with every place of it traced back to the text as it was given."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

#: Between words: blanks, but for a line break that joins two lines (quoted-printable).
_BETWEEN: Final = re.compile(r"(?<![=\s])\s+")


class Edit(NamedTuple):
    """What is read in the place of a span."""

    start: int
    end: int
    new: str


class Reading:
    """A text made from another by edits, from which every span can be traced back."""

    __slots__ = ("_edits", "_made_at", "parent", "text")

    def __init__(self, text: str, parent: Reading | None = None) -> None:
        self.text = text
        self.parent = parent
        self._made_at: list[int] = []
        self._edits: list[Edit] = []

    def edited(self, edits: Iterable[Edit]) -> Reading:
        """This reading with the edits (ascending, apart) made; itself when there are none."""
        made = Reading("", self)
        pieces: list[str] = []
        done = length = 0
        for edit in edits:
            pieces += self.text[done : edit.start], edit.new
            length += edit.start - done
            made._made_at.append(length)
            made._edits.append(edit)
            length += len(edit.new)
            done = edit.end
        if not made._edits:
            return self
        pieces.append(self.text[done:])
        made.text = "".join(pieces)
        return made

    def changed(self) -> Iterator[tuple[int, int]]:
        """Spans of the words that an edit has made or changed. What stands in none of them stands in the parent too."""
        between = [match.span() for match in _BETWEEN.finditer(self.text)]
        begins, ends = [0, *(end for _start, end in between)], [*(start for start, _end in between), len(self.text)]
        done = 0
        for made_at, edit in zip(self._made_at, self._edits, strict=True):
            upto = made_at + len(edit.new)
            if upto > done or upto == made_at >= done:
                start = begins[bisect_right(begins, made_at) - 1]
                done = ends[bisect_left(ends, upto)]
                yield start, done

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span of the first text that the span of this one was made from."""
        reading = self
        while reading.parent is not None:
            start, end = reading._before(start)[0], reading._before(end - 1)[1]
            reading = reading.parent
        return start, end

    def _before(self, position: int) -> tuple[int, int]:
        """The span in the parent from which the character at the position was made."""
        index = bisect_right(self._made_at, position) - 1
        if index < 0:
            return position, position + 1
        edit = self._edits[index]
        offset = position - self._made_at[index] - len(edit.new)
        if offset < 0:
            return edit.start, edit.end
        return edit.end + offset, edit.end + offset + 1
