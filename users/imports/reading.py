"""Rows of a file, whatever wrote it: encodings, delimiters, line ends, rows above the headings, torn quotation marks.

Everything streams: a file is never in memory, only some lines of it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

from users.imports.parsing import cleaned

BLOCK = 65_536
#: A line longer than this is cut: no file of people has one, and a file without line ends must not fill the memory.
LONGEST_LINE = 262_144
#: Where the headings are looked for.
HEAD_ROWS = 20
DELIMITERS = (",", ";", "\t", "|")
#: What goes over more lines than this, or over several and is longer, is a quotation mark that was never closed.
MOST_LINES_OF_A_ROW = 30
LONGEST_CELL = 4_000
#: A file of people has some dozens of columns. Each one is a choice in eleven lists of the page that matches them.
MOST_COLUMNS = 500
#: What no text has, but for the tab and the ends of lines, and zeros, which are left out where a line is read.
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f]")

_ARCHIVE = b"PK\x03\x04"
#: Where the name of an archive's first member stands, and what it is called in Excel's and LibreOffice's workbooks.
_NAME_IN_ARCHIVE = 30
_OF_A_WORKBOOK = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"mimetype")

csv.field_size_limit(1_000_000)


class UnreadableFile(ValueError):
    """The file is no CSV. The message says what to do."""


@dataclass(frozen=True)
class Shape:
    """How a file is written. ``heading_line``: the line on which the headings begin, from 1."""

    encoding: str
    delimiter: str
    heading_line: int
    headings: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """Cells, and the line on which they begin. ``torn``: a quotation mark is opened there and never closed."""

    line: int
    cells: list[str]
    torn: bool = False


# ---------------------------------------------------------------- encodings


def encoding_of(stored: BinaryIO) -> str:
    """The codec of a file, from its mark or else its bytes. Reads it to the end; the position is the start again."""
    stored.seek(0)
    start = stored.read(4096)
    if start.startswith(_ARCHIVE) and not start[_NAME_IN_ARCHIVE:].startswith(_OF_A_WORKBOOK):
        raise UnreadableFile(_("This is a zip archive. Unpack it, then upload the CSV file in it."))
    if start.startswith((_ARCHIVE, b"\xd0\xcf\x11\xe0")):
        raise UnreadableFile(_("This is an Excel workbook. Save it as CSV, then upload that file."))
    try:
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if (wide := _unmarked_utf16(start)) is not None:
            return wide
        return "utf-8" if _is_utf8(stored) else "cp1252"
    finally:
        stored.seek(0)


def _unmarked_utf16(start: bytes) -> str | None:
    """Half of the bytes of Western text in UTF-16 are zero."""
    half = max(len(start) // 2, 1)
    if start[1::2].count(0) > half * 0.4:
        return "utf-16-le"
    if start[0::2].count(0) > half * 0.4:
        return "utf-16-be"
    return None


def _is_utf8(stored: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    stored.seek(0)
    try:
        while block := stored.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def text_of(stored: BinaryIO, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file as text from its start, line ends as they are; it stays open afterwards."""
    stored.seek(0)
    text = io.TextIOWrapper(stored, encoding=encoding, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()


# ---------------------------------------------------------------- rows


class _Lines:
    """The lines of a text, which can be given back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._given_back: deque[str] = deque()
        self._of_row: list[str] = []
        self.number = 0
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else self._text.readline(LONGEST_LINE)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self._of_row.append(line)
        return line.replace("\x00", "")

    def begin_row(self) -> int:
        """Forget the lines of the row before; the number of the line on which the next one begins."""
        self._of_row.clear()
        return self.number + 1

    @property
    def in_row(self) -> int:
        return len(self._of_row)

    def give_back_all_but_first(self) -> None:
        self._given_back.extendleft(reversed(self._of_row[1:]))
        self.number -= len(self._of_row) - 1
        self.ended = False


def _reader(lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter)


def rows_of(text: io.TextIOWrapper, delimiter: str) -> Iterator[Row]:
    """All rows that say something, from the first line. After a torn one it goes on with the line that follows."""
    lines = _Lines(text)
    reader = _reader(lines, delimiter)
    while True:
        line = lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = []
            torn = True
        else:
            torn = _is_torn(cells, lines)
        if torn:
            lines.give_back_all_but_first()
            reader = _reader(lines, delimiter)
            yield Row(line, [], torn=True)
        elif any(cell and not cell.isspace() for cell in cells):
            yield Row(line, cells)


def _is_torn(cells: list[str], lines: _Lines) -> bool:
    """Whether a quotation swallowed what follows. The reader asks for a line after the last one only inside of one."""
    if lines.ended or lines.in_row > MOST_LINES_OF_A_ROW:
        return True
    return lines.in_row > 1 and any(len(cell) > LONGEST_CELL for cell in cells)


# ---------------------------------------------------------------- shape


def shape_of(stored: BinaryIO, knows: Callable[[str], bool]) -> Shape:
    """How the file is written. ``knows`` tells whether a heading is one that means something.

    The headings are the row, of the first ones, with most known headings; where none has any, the first row with at
    least two cells. Raises :class:`UnreadableFile` for what is no CSV, or an empty one.
    """
    encoding = encoding_of(stored)
    best: tuple[int, int, Shape] | None = None
    for delimiter in DELIMITERS:
        for row in _head(stored, encoding, delimiter):
            headings = _headings(row)
            # Somebody's row, whatever words are in it: "Manager" and "Active" are headings, and cells.
            is_somebody = any("@" in heading for heading in headings)
            known = 0 if is_somebody else sum(1 for heading in headings if knows(heading))
            filled = min(sum(1 for heading in headings if heading), 50)
            if best is None or (known, filled if known else 0) > best[:2]:
                best = (known, filled if known else 0, Shape(encoding, delimiter, row.line, headings))
    if best is None:
        raise UnreadableFile(_("This file is empty. Upload one with a row of headings and a row for each user."))
    shape = (_unknown_headings(stored, encoding) if best[0] == 0 else None) or best[2]
    _refuse_noise(stored, shape, is_known=best[0] > 0)
    if len(shape.headings) > MOST_COLUMNS:
        words = _("This file has more than %(most)d columns. Keep the ones about users, then upload it again.")
        raise UnreadableFile(words % {"most": MOST_COLUMNS})
    return shape


def _refuse_noise(stored: BinaryIO, shape: Shape, *, is_known: bool) -> None:
    """Headings have no control characters; where none is known, nor has anything beside them: it may be no text at all.
    Of rows below known headings each is judged on its own."""
    for row in _head(stored, shape.encoding, shape.delimiter):
        if (row.line == shape.heading_line or not is_known) and has_control_character(row.cells):
            words = _("Line %(line)d has a control character, which no text has. Save the file as CSV again.")
            raise UnreadableFile(words % {"line": row.line})


def has_control_character(cells: Sequence[str]) -> bool:
    return _CONTROL.search("".join(cells)) is not None


def _headings(row: Row) -> tuple[str, ...]:
    """The cells of a row as headings, without the empty ones behind the last; of too many only as many as tell so."""
    headings = [cleaned(cell) for cell in row.cells[: MOST_COLUMNS + 1]]
    while headings and not headings[-1]:
        headings.pop()
    return tuple(headings)


def _head(stored: BinaryIO, encoding: str, delimiter: str) -> Iterator[Row]:
    with text_of(stored, encoding) as text:
        for number, row in enumerate(rows_of(text, delimiter)):
            if number >= HEAD_ROWS:
                return
            if not row.torn:
                yield row


def _unknown_headings(stored: BinaryIO, encoding: str) -> Shape | None:
    """In a language we do not know: the widest first row."""
    shapes = []
    for delimiter in DELIMITERS:
        first = next(_head(stored, encoding, delimiter), None)
        if first is not None:
            headings = _headings(first)
            shapes.append(Shape(encoding, delimiter, first.line, headings))
    return max(shapes, key=lambda shape: len(shape.headings), default=None)


def people_rows(stored: BinaryIO, *, encoding: str, delimiter: str, heading_line: int) -> Generator[Row]:
    """The rows below the headings."""
    with text_of(stored, encoding) as text:
        for row in rows_of(text, delimiter):
            if row.line > heading_line:
                yield row
