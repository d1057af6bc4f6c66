"""Taking files apart: archives, workbooks and documents by their XML, PDFs by their objects, messages by parts."""

from __future__ import annotations

import bz2
import contextlib
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from typing import Any, Final
from xml.etree import ElementTree

from purge.proof.opening.charsets import texts_of
from purge.sandbox.unopened import Unopened

DEEPEST: Final = 5
#: Bytes of all that is unpacked of one file.
MOST: Final = 400_000_000
#: Bytes of one member.
LARGEST: Final = 150_000_000

Said = str | Unopened

_MESSAGE: Final = re.compile(rb"\A(?:From [^\n]*\n)?(?:[A-Za-z-]+:[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){2,}", re.IGNORECASE)
_PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"ID3", b"OggS", b"\x1aE\xdf\xa3")
#: Elements of workbooks and documents that hold a text of their own; within them runs are one text.
_WHOLE: Final = frozenset(
    [
        "p",
        "si",
        "is",
        "comment",
        "author",
        "c",
        "row",
        "title",
        "creator",
        "lastModifiedBy",
        "description",
        "subject",
        "keywords",
        "definedName",
        "h",
        "oddHeader",
        "oddFooter",
        "evenHeader",
        "evenFooter",
        "firstHeader",
        "firstFooter",
    ]
)


class Unpacker:
    """Takes one file apart, however deep, within what may be unpacked of it."""

    def __init__(self) -> None:
        self.left = MOST

    def say(self, content: bytes, depth: int = 0, *, adorns: bool = False) -> Iterator[Said]:
        """Every text in a file, and the kinds of what could not be read. ``adorns``: it is a part of a document."""
        self.left -= len(content)
        if depth > DEEPEST or self.left < 0:
            yield Unopened.LIMIT
        elif content[:2] == b"PK":
            yield from self._zip(content, depth)
        elif content[:2] == b"\x1f\x8b":
            yield from texts_of(io.BytesIO(content[:600]))
            yield from self._stream(zlib.decompressobj(31), content, depth)
        elif content[:3] == b"BZh":
            yield from self._stream(bz2.BZ2Decompressor(), content, depth)
        elif content[:6] == b"\xfd7zXZ\0":
            yield from self._stream(lzma.LZMADecompressor(), content, depth)
        elif content[257:262] == b"ustar":
            yield from self._tar(content, depth)
        elif b"%PDF-" in content[:1_024]:
            yield from self._pdf(content, depth)
        elif content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            yield from texts_of(io.BytesIO(content))
            stream = re.search(rb"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e", content)
            yield from _cells(content, Unopened.ENCRYPTED if stream else Unopened.UNKNOWN)
        elif content[:64].lstrip(b"\xef\xbb\xbf \r\n").upper().startswith((b"BEGIN:VCALENDAR", b"BEGIN:VCARD")):
            yield from texts_of(io.BytesIO(content), unfolded=True)
        elif _MESSAGE.match(content[:100_000]):
            yield from texts_of(io.BytesIO(content))
            yield from self._mail(content, depth)
        else:
            yield from texts_of(io.BytesIO(content))
            if (kind := _kind(content)) is not None and not adorns:
                yield kind

    # ------------------------------------------------------------ archives

    def _zip(self, content: bytes, depth: int) -> Iterator[Said]:
        try:
            archive = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            yield from texts_of(io.BytesIO(content))
            yield Unopened.DAMAGED
            return
        names = archive.namelist()
        office = "[Content_Types].xml" in names or "content.xml" in names
        yield "\n".join(names)
        yield archive.comment.decode("latin-1")
        for member in archive.infolist():
            try:
                with archive.open(member) as opened:
                    inner = opened.read(min(self.left, LARGEST) + 1)
            except RuntimeError:
                yield Unopened.ENCRYPTED if member.flag_bits & 1 else Unopened.UNKNOWN
                continue
            except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
                yield Unopened.DAMAGED
                continue
            if len(inner) > min(self.left, LARGEST):
                yield Unopened.LIMIT
                return
            if office and inner.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
                self.left -= len(inner)
                yield from _xml(inner)
            else:
                yield from self.say(inner, depth + 1, adorns=office)
        if "xl/workbook.bin" in names:
            yield from _cells(content, Unopened.DAMAGED)

    def _stream(self, decompressor: Any, content: bytes, depth: int) -> Iterator[Said]:
        try:
            inner = decompressor.decompress(content, min(self.left, LARGEST) + 1)
        except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError):
            yield Unopened.DAMAGED
            return
        if len(inner) > min(self.left, LARGEST):
            yield Unopened.LIMIT
        elif not decompressor.eof:
            yield Unopened.DAMAGED
        else:
            yield from self.say(inner, depth + 1)

    def _tar(self, content: bytes, depth: int) -> Iterator[Said]:
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive.getmembers():
                    yield f"{member.path} {member.linkpath} {member.uname} {member.gname}"
                    if member.isfile() and (opened := archive.extractfile(member)) is not None:
                        yield from self.say(opened.read(self.left + 1), depth + 1)
        except (tarfile.TarError, OSError, EOFError, ValueError):
            yield Unopened.DAMAGED

    # ------------------------------------------------------------ messages

    def _mail(self, content: bytes, depth: int) -> Iterator[Said]:
        for written in re.split(rb"(?m)^From .*\n", content) if content.startswith(b"From ") else [content]:
            message = BytesParser(policy=policy.compat32).parsebytes(written)
            for part in message.walk():
                yield "\n".join(re.sub(r"\s*\n\s+", "", str(value)) for value in part.values())
                yield part.get_filename("") or ""
                body = part.get_payload(decode=True)
                if isinstance(body, bytes):
                    charset = str(part.get_content_charset("utf-8"))
                    with contextlib.suppress(LookupError):
                        yield body.decode(charset, "replace")
                    yield from self.say(body, depth + 1, adorns=True)

    # ------------------------------------------------------------ PDF

    def _pdf(self, content: bytes, depth: int) -> Iterator[Said]:
        import pypdf

        try:
            reader = pypdf.PdfReader(io.BytesIO(content))
            if reader.is_encrypted and not reader.decrypt(""):
                yield Unopened.ENCRYPTED
                return
            pages = [page.extract_text() for page in reader.pages]
            yield from ("\n".join((page, "".join(page.split("\n")))) for page in pages)
            pictured = False
            for number in range(1, int(reader.trailer.get("/Size", 1))):
                found: Any = reader.get_object(number) if _is_there(reader, number) else None
                pictured = pictured or (isinstance(found, dict) and found.get("/Subtype") == "/Image")
                yield from self._object(found, depth)
            yield from _strings(dict(reader.trailer), 3)
            yield from _strings(dict(reader.metadata or {}), 3)
        except pypdf.errors.DependencyError:
            yield Unopened.ENCRYPTED
            return
        except (pypdf.errors.PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError):
            yield Unopened.DAMAGED
            return
        if pictured and not "".join(pages).strip():
            yield Unopened.PICTURE

    def _object(self, found: Any, depth: int) -> Iterator[Said]:
        """The strings of an object, and what its stream holds, but for what draws a page or a letter."""
        yield from _strings(found, 6)
        if isinstance(found, dict) and hasattr(found, "get_data"):
            if found.get("/Type") == "/EmbeddedFile":
                yield from self.say(found.get_data(), depth + 1)
            elif found.get("/Subtype") == "/XML":
                yield found.get_data().decode("utf-8", "replace")


def _is_there(reader: Any, number: int) -> bool:
    return number in reader.xref_objStm or any(number in table for table in reader.xref.values())


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner, depth - 1)
    elif depth and isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner, depth - 1)


# ---------------------------------------------------------------- XML, workbooks


def _xml(content: bytes) -> Iterator[str]:
    """The attributes of a member, and the text of each element that holds one of its own."""
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - in a child process with limits, and expat knows of bombs
    except (ElementTree.ParseError, ValueError):
        yield from texts_of(io.BytesIO(content))
        return
    for element in root.iter():
        for value in element.attrib.values():
            yield _without_escapes(value)
        if _local(element) in _WHOLE or not len(element):
            said = "".join(_inside(element, element))
            if said:
                yield _without_escapes(said)
                # The places and fonts of a header or footer.
                yield re.sub(r'&(?:"[^"]*"|K[0-9A-F]{6}|\d+|[A-Z])', " ", said)


def _inside(element: ElementTree.Element, whole: ElementTree.Element) -> Iterator[str]:
    if element is not whole and _local(element) in _WHOLE:
        return  # said on its own
    if _local(element) in ("br", "tab", "cr", "line-break", "s"):
        yield "\n"
    yield element.text or ""
    for inner in element:
        yield from _inside(inner, whole)
        yield inner.tail or ""


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _without_escapes(text: str) -> str:
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match.group(1), 16)), text)


def _cells(content: bytes, otherwise: Unopened) -> Iterator[Said]:
    import python_calamine

    try:
        workbook = python_calamine.load_workbook(io.BytesIO(content))
        for sheet in workbook.sheets_metadata:
            yield sheet.name
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet:
                for row in workbook.get_sheet_by_name(sheet.name).to_python():
                    yield from (value for value in row if isinstance(value, str))
    except python_calamine.PasswordError:
        yield Unopened.ENCRYPTED
    except (python_calamine.CalamineError, OSError, ValueError):
        yield otherwise


def _kind(content: bytes) -> Unopened | None:
    """Why bytes that are no text could not be read; None for text."""
    if content.startswith(_PICTURES) or content[4:8] == b"ftyp" or content[:4] == b"RIFF":
        return Unopened.PICTURE
    head = content[:8_192]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    zeros = head.count(0)
    if zeros and (len(head) // 5 < max(head[0::2].count(0), head[1::2].count(0))):
        return None  # UTF-16 or UTF-32
    strange = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    return Unopened.UNKNOWN if strange * 50 > len(head) else None
