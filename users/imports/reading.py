"""Reading a CSV file as companies have them: any of the usual encodings, separators and line ends, a row at a time."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from django.utils.translation import gettext as _

BLOCK = 65_536
DELIMITERS = ",;\t"
#: Rows before the heading: titles and instructions that people leave in.
MOST_ROWS_BEFORE_HEADING = 10


class UnreadableFile(Exception):
    """The file is no CSV of users. The text says what to do."""


@dataclass(frozen=True)
class Row:
    """One row: the number of its first line (from 1) and its cells, trimmed."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class BrokenRow:
    """A row that the CSV reader could not make sense of."""

    line: int


@dataclass
class Table:
    """A file that has been looked at: how to read it, and its heading."""

    encoding: str
    delimiter: str
    headings: list[str] = field(default_factory=list)
    heading_line: int = 0


def detect_encoding(file: IO[bytes]) -> str:
    """UTF-8 (with or without its mark), UTF-16 with its mark, else Windows-1252. Reads the file once, by blocks."""
    file.seek(0)
    start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def detect_delimiter(sample: str) -> str:
    """The separator that occurs most outside quotes in the first lines; a comma when there is none."""
    counts = dict.fromkeys(DELIMITERS, 0)
    quoted = False
    for character in sample:
        if character == '"':
            quoted = not quoted
        elif not quoted and character in counts:
            counts[character] += 1
    return max(DELIMITERS, key=lambda delimiter: counts[delimiter]) if any(counts.values()) else ","


def _text(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    file.seek(0)
    # A byte that Windows-1252 does not know must not stop a whole file.
    errors = "replace" if encoding == "cp1252" else "strict"
    # newline="": all three line ends divide lines, and the reader sees them as they are.
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")


def read_rows(file: IO[bytes], table: Table) -> Iterator[Row | BrokenRow]:
    """All rows that hold something, the heading included. The file stays open."""
    text = _text(file, table.encoding)
    reader = csv.reader(text, delimiter=table.delimiter)
    try:
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield BrokenRow(line)
                continue
            cells = [cell.replace("\x00", "").strip() for cell in cells]
            if any(cells):
                yield Row(line, cells)
    finally:
        text.detach()


def look_at(file: IO[bytes], is_heading: object = None) -> Table:
    """How to read a file. Its heading is the first of its first rows for which ``is_heading`` is true.

    Raises :class:`UnreadableFile` when the file is empty, no text, or none of its rows is a heading.
    """
    encoding = detect_encoding(file)
    text = _text(file, encoding)
    try:
        sample = text.read(16_384)
    except UnicodeDecodeError:
        raise UnreadableFile(_("This file is no text. Save it as CSV (UTF-8) and upload it again.")) from None
    finally:
        text.detach()
    if not sample.strip():
        raise UnreadableFile(_("This file is empty."))
    if sample.startswith(("PK\x03\x04", "\xd0\xcf\x11\xe0")) or sample.count("\x00") > 10:
        raise UnreadableFile(_("This is a spreadsheet, not a CSV file. Save it as CSV (UTF-8) and upload it again."))
    table = Table(encoding, detect_delimiter(sample))
    for number, row in enumerate(read_rows(file, table)):
        if number >= MOST_ROWS_BEFORE_HEADING:
            break
        if isinstance(row, Row) and (is_heading is None or is_heading(row.cells)):  # type: ignore[operator]
            table.headings, table.heading_line = row.cells, row.line
            return table
    raise UnreadableFile(
        _("No row of this file names a column for the name and one for the e-mail address. Add a heading row.")
    )
