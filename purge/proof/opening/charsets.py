"""Bytes as text, in every encoding that they may be in, in parts that do not cut an address in two."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator, Sequence
from typing import IO, Final

READ: Final = 131_072
#: A text without any break is cut after so many characters.
UNBROKEN: Final = 1_000_000

#: What else office programs save text in. Only around an at-sign, since it makes a difference only there.
LESS_COMMON: Final = (
    *("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("latin-1", "latin2", "latin3", "latin4", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "latin5", "latin6"),
    *("iso8859-13", "iso8859-14", "latin9", "iso8859-16", "ibm437", "cp737", "ibm775", "ibm850", "ibm852", "ibm855"),
    *("ibm857", "ibm858", "ibm860", "ibm861", "ibm862", "ibm863", "ibm864", "ibm865", "ibm866", "ibm869", "cp874"),
    *("koi8-r", "koi8-u", "kz1048", "ptcp154", "tis-620", "macroman", "maccentraleurope", "maccyrillic", "macgreek"),
    *("macturkish", "maciceland", "mac_croatian"),
)
ASIAN: Final = ("cp932", "euc-jp", "gb18030", "cp950", "big5-hkscs", "cp949", "johab")
#: Bytes before and behind an at-sign that are looked at.
_BESIDE: Final = 160
_EDGES: Final = b' \t\r\n,;:"<>()[]'


def texts_of(content: IO[bytes], *, unfolded: bool = False) -> Iterator[str]:
    """A file's text in every encoding that it may be in. ``unfolded``: it is a calendar or a card, whose lines go on
    behind a blank."""
    block = content.read(READ)
    readers = [_Reader(encoding, unfolded) for encoding in _encodings(block[:4_096])]
    rare = _Rare() if readers[0].encoding == "utf-8" else None
    while block:
        following = content.read(READ)
        told: set[str] = set()
        for reader in readers:
            text = reader.text(block, last=not following)
            if text and text not in told:
                told.add(text)
                yield text
        if rare is not None:
            yield from rare.texts(block, last=not following)
        block = following


def _encodings(head: bytes) -> Sequence[str]:
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return (encoding,)
    return ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be") if b"\0" in head else ("utf-8",)


class _Reader:
    def __init__(self, encoding: str, unfolded: bool) -> None:
        self.encoding = encoding
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")
        self.unfolded = unfolded
        self.held = ""

    def text(self, block: bytes, *, last: bool) -> str:
        """What has been read up to the last place where no address can stand; the rest waits for what follows."""
        # What cannot be decoded counts as a letter, as whatever it is: it does not cut an address.
        text = self.held + self.decoder.decode(block, last).replace("\ufffd", "\u00fe")
        cut = len(text) if last else _last_break(text, lines_go_on=self.unfolded)
        self.held = text[cut:]
        text = text[:cut]
        if self.unfolded:
            for fold in ("\r\n ", "\r\n\t", "\n ", "\n\t"):
                text = text.replace(fold, "")
        return text


def _last_break(text: str, *, lines_go_on: bool) -> int:
    for place in range(len(text) - 2, -1, -1):
        if lines_go_on and (text[place] != "\n" or text[place + 1] in " \t"):
            continue
        # A line that ends with "=" goes on in the next (quoted-printable).
        if text[place] in " \t\r\n" and text[max(place - 3, 0) : place].rstrip()[-1:] not in ("=", ""):
            return place + 1
    return len(text) if len(text) > UNBROKEN else 0


class _Rare:
    """What stands around the at-signs of one file in another encoding than UTF-8: a block at a time, and the end of the
    one before again."""

    def __init__(self) -> None:
        self.before = b""

    def texts(self, block: bytes, *, last: bool) -> Iterator[str]:
        joined = self.before + block
        place = joined.find(b"@", _BESIDE if self.before else 0)
        until = len(joined) if last else len(joined) - _BESIDE
        while 0 <= place < until:
            yield from _in_any(joined[max(place - _BESIDE, 0) : place], joined[place : place + _BESIDE])
            place = joined.find(b"@", place + 1)
        if b"+AEA-" in joined:
            yield joined.decode("utf-7", "ignore")
        if b"\x1b" in joined:
            yield from (joined.decode(encoding, "replace") for encoding in ("iso-2022-jp-2", "iso-2022-kr"))
        self.before = joined[-2 * _BESIDE :]


def _in_any(before: bytes, after: bytes) -> Iterator[str]:
    start = max(before.rfind(edge) for edge in (_EDGES[place : place + 1] for place in range(len(_EDGES)))) + 1
    end = min((place for edge in _EDGES if (place := after.find(edge)) >= 0), default=len(after))
    spot = before[start:] + after[:end]
    if b"+" in spot and b"-" in spot:
        yield spot.decode("utf-7", "ignore")
    if spot.decode("utf-8", "ignore").encode() == spot:
        return
    yield spot.decode("cp1252", "replace").replace("\ufffd", "\u00fe")
    for encoding in LESS_COMMON:
        said = spot.decode(encoding, "replace")
        if _is_plausible(said):
            yield said
    line = before[max(before.rfind(b"\n"), before.rfind(b"\r")) + 1 :] + after[:end]
    for encoding in ASIAN:
        said = line.decode(encoding, "replace")
        tail = len(said) - len(said.rstrip("".join(map(chr, range(33, 127)))))
        if tail and len(said) > tail + 1 and min(said[-tail - 2 : -tail]) > "\u0e00":
            yield said[-tail:]


def _is_plausible(said: str) -> bool:
    """Whether all that is no ASCII in it is letters, of one script in a row: a wrong encoding makes signs of them, or
    another script, either of which would cut the address."""
    before = ""
    for sign in said:
        if sign > "\x7f" and not sign.isalpha() and not unicodedata.category(sign).startswith("M"):
            return False
        if before and sign.isalpha() and before.isalpha() and (sign > "\u024f") != (before > "\u024f"):
            return False
        before = sign
    return True
