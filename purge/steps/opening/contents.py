"""What a file says, whatever it is packed into: its texts, and the kinds of what could not be read in it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from purge.sandbox.unopened import Unopened
from purge.steps.opening import mail, office, pdf
from purge.steps.opening.kinds import HEAD, Kind, kind_of
from purge.steps.opening.texts import texts

#: How deep files in files are opened.
DEEPEST: Final = 5
#: Bytes of everything that a file unfolds to, and how many members it may have.
MOST_BYTES: Final = 400_000_000
MOST_MEMBERS: Final = 20_000
#: Bytes of one member.
LARGEST_MEMBER: Final = 150_000_000

#: A text that was found, or the kind of something that could not be read.
Word = str | Unopened


class TooMuch(Exception):
    """A file unfolds to more than is looked at."""


@dataclass
class Allowance:
    """What may still be unfolded of a file."""

    bytes_left: int = MOST_BYTES
    members_left: int = MOST_MEMBERS

    def take(self, size: int, *, members: int = 0) -> None:
        self.bytes_left -= size
        self.members_left -= members
        if self.bytes_left < 0 or self.members_left < 0:
            raise TooMuch


def contents(
    content: bytes, allowance: Allowance | None = None, depth: int = 0, *, shown: bool = True
) -> Iterator[Word]:
    """What a file says. ``shown``: pictures are listed; not those that only adorn a document or a message."""
    if depth > DEEPEST:
        yield Unopened.LIMIT
        return
    try:
        yield from _contents(content, allowance or Allowance(), depth, shown)
    except TooMuch:
        yield Unopened.LIMIT


def _contents(content: bytes, allowance: Allowance, depth: int, shown: bool) -> Iterator[Word]:
    match kind_of(content[:HEAD]):
        case Kind.TEXT:
            yield from texts(io.BytesIO(content))
        case Kind.FOLDED:
            yield from texts(io.BytesIO(content), folded=True)
        case Kind.MAIL | Kind.MAILBOX as kind:
            yield from texts(io.BytesIO(content))
            for part in mail.parts(content, is_box=kind is Kind.MAILBOX):
                yield from _nested(part, allowance, depth)
        case Kind.ZIP:
            yield from _archive(content, allowance, depth)
        case Kind.GZIP | Kind.BZIP | Kind.XZ as kind:
            yield from _compressed(kind, content, allowance, depth)
        case Kind.TAR:
            yield from _tape(content, allowance, depth)
        case Kind.PDF:
            for part in pdf.parts(content):
                yield from _nested(part, allowance, depth)
        case Kind.OLE:
            yield from texts(io.BytesIO(content))
            locked = "EncryptedPackage".encode("utf-16-le") in content
            yield from office.cells(content, otherwise=Unopened.ENCRYPTED if locked else Unopened.UNKNOWN)
        case Kind.PICTURE:
            yield from texts(io.BytesIO(content))
            if shown:
                yield Unopened.PICTURE
        case Kind.UNKNOWN:
            yield from texts(io.BytesIO(content))
            yield Unopened.UNKNOWN


def _nested(part: Word | bytes, allowance: Allowance, depth: int, *, shown: bool = False) -> Iterator[Word]:
    """A part of a file: a text, or a file of its own."""
    if isinstance(part, bytes):
        allowance.take(len(part), members=1)
        yield from contents(part, allowance, depth + 1, shown=shown)
    else:
        yield part


# ---------------------------------------------------------------- archives


def _archive(content: bytes, allowance: Allowance, depth: int) -> Iterator[Word]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        yield from texts(io.BytesIO(content))
        yield Unopened.DAMAGED
        return
    kind = office.kind_of_document(archive.namelist())
    if archive.comment:
        yield from texts(io.BytesIO(archive.comment))
    for member in archive.infolist():
        allowance.take(0, members=1)
        yield member.filename
        if member.is_dir():
            continue
        if member.flag_bits & 0x1:
            yield Unopened.ENCRYPTED
            continue
        try:
            with archive.open(member) as opened:
                inner = _read(opened, allowance)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError):
            yield Unopened.DAMAGED
            continue
        except (NotImplementedError, RuntimeError):
            yield Unopened.UNKNOWN
            continue
        if kind is None:
            yield from contents(inner, allowance, depth + 1)
        elif office.is_xml(member.filename, inner):
            yield from office.texts_of_xml(inner, member.filename)
        else:
            # What has no name of its own (settings of a printer, a font) is a part of the document.
            said = contents(inner, allowance, depth + 1, shown=False)
            yield from (word for word in said if word is not Unopened.UNKNOWN)
    if kind == office.WORKBOOK:
        yield from office.cells(content, otherwise=None)
    elif kind == office.BINARY_WORKBOOK:
        yield from office.cells(content, otherwise=Unopened.DAMAGED)


def _read(opened: IO[bytes], allowance: Allowance) -> bytes:
    """A member, as far as it is allowed: what the archive says of its size may be wrong."""
    most = min(LARGEST_MEMBER, allowance.bytes_left)
    content = opened.read(most + 1)
    if len(content) > most:
        raise TooMuch
    allowance.take(len(content))
    return content


def _compressed(kind: Kind, content: bytes, allowance: Allowance, depth: int) -> Iterator[Word]:
    openers: dict[Kind, Callable[[IO[bytes]], Any]] = {
        Kind.GZIP: _gunzip,
        Kind.BZIP: bz2.BZ2File,
        Kind.XZ: lzma.LZMAFile,
    }
    try:
        with openers[kind](io.BytesIO(content)) as opened:
            inner = _read(opened, allowance)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        yield Unopened.DAMAGED
        return
    if kind is Kind.GZIP:
        yield from _name_in_gzip(content)
    yield from contents(inner, allowance, depth + 1)


def _gunzip(stored: IO[bytes]) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=stored)


def _name_in_gzip(content: bytes) -> Iterator[str]:
    """The name of the file that was compressed, and a remark: both in the head."""
    yield from texts(io.BytesIO(content[10:1_034].partition(b"\0")[0]))


def _tape(content: bytes, allowance: Allowance, depth: int) -> Iterator[Word]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                allowance.take(0, members=1)
                yield f"{member.name}\n{member.linkname}\n{member.uname}"
                opened = archive.extractfile(member) if member.isreg() else None
                if opened is not None:
                    yield from contents(_read(opened, allowance), allowance, depth + 1)
    except (tarfile.TarError, OSError, EOFError, ValueError):
        yield Unopened.DAMAGED
