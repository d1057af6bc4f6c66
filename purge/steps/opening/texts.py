"""The text of a file, a piece at a time, in every encoding that it may be in; no address is cut in two."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import IO, Final
from unicodedata import category

from purge.addresses.encodings import UNSPACED

BLOCK: Final = 65_536
#: Text without a blank is cut after so many bytes.
LONGEST_PIECE: Final = 1_048_576

_MARKED: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: A byte for each character, as office programs offer them for what they save as text.
_SINGLE: Final = (
    *(f"cp125{number}" for number in range(9)),
    *(f"iso8859_{number}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)),
    *("cp437", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863"),
    *("cp864", "cp865", "cp866", "cp869", "cp874", "koi8_r", "koi8_u", "kz1048", "ptcp154", "tis_620"),
    *("mac_roman", "mac_latin2", "mac_cyrillic", "mac_greek", "mac_turkish", "mac_iceland", "mac_croatian"),
)
#: Several bytes for a character, of which one may look like an at-sign or a quotation mark.
_SEVERAL: Final = ("cp932", "euc_jp", "gb18030", "cp950", "big5hkscs", "cp949", "johab")

_WORD: Final = re.compile(rb"[^\x00-\x20\"<>(),;:\[\]]+")
_LINE: Final = re.compile(rb"[^\r\n]+")
_FOLD: Final = re.compile(rb"\r?\n[ \t]")
_UTF7: Final = re.compile(rb"\+(?:[A-Za-z0-9+/]{2,})-?")
#: Two characters of a script without spaces, and an address that touches them.
_TOUCHED: Final = re.compile(rf"[{UNSPACED}\u3000-\u303f\uff00-\uffef]{{2}}([!-~]+@[!-~]+)")
#: A word within which one alphabet follows on another.
_MIXED: Final = re.compile(r"[A-Za-z\u00c0-\u024f][\u0250-\uffff]|[\u0250-\uffff][A-Za-z\u00c0-\u024f]")
#: Stands for what cannot be decoded: a letter, so that it is a part of the address as whatever it is would be.
_LETTER: Final = "\u00ff"


def texts(content: IO[bytes], *, folded: bool = False) -> Iterator[str]:
    """Everything that the bytes can mean as text. ``folded``: a line that begins with a blank goes on the one before;
    joined as bytes, since a fold may stand within a character."""
    head = content.read(BLOCK)
    blocks = _more(head, content)
    encoding = _wide(head)
    for piece in _pieces(_recoded(blocks, encoding) if encoding else blocks, folded=folded):
        yield from _meanings(_FOLD.sub(b"", piece) if folded else piece)


def _more(head: bytes, content: IO[bytes]) -> Iterator[bytes]:
    while head:
        yield head
        head = content.read(BLOCK)


def _wide(head: bytes) -> str:
    """The encoding, where it has two or four bytes for a character, with or without a mark; else ''."""
    for mark, encoding in _MARKED:
        if head.startswith(mark):
            return encoding
    if b"\0" not in head:
        return ""
    zeros = [head[place::4].count(0) for place in range(4)]
    many = max(zeros) // 2 + 1
    match [count >= many for count in zeros]:
        case [False, True, True, True]:
            return "utf-32-le"
        case [True, True, True, False]:
            return "utf-32-be"
        case [False, True, False, True]:
            return "utf-16-le"
        case [True, False, True, False]:
            return "utf-16-be"
        case _:
            return ""


def _recoded(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")


def _pieces(blocks: Iterable[bytes], *, folded: bool) -> Iterator[bytes]:
    """The bytes in pieces that end behind a blank, so that no address is cut in two."""
    rest = b""
    for block in blocks:
        rest += block
        end = _end_of_piece(rest, folded=folded)
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _end_of_piece(text: bytes, *, folded: bool) -> int:
    """Where a text may be cut: behind its last blank, but for one behind ``=``, which joins two lines, and in folded
    text only where a line ends. 0: nowhere."""
    end = len(text)
    while (end := max(text.rfind(blank, 0, end) for blank in (b"\n", b"\r", *(() if folded else (b" ", b"\t"))))) > 0:
        joined = text[max(end - 64, 0) : end].rstrip(b"\r\n\t \0").endswith(b"=")
        goes_on = folded and text[end + 1 : end + 2] in (b"", b" ", b"\t", b"\n")
        if not joined and not goes_on:
            return end + 1
    if len(text) < LONGEST_PIECE:
        return 0
    return max(text.rfind(sign) for sign in (b",", b'"', b"<", b">", b"(", b")")) + 1 or len(text)


def _meanings(piece: bytes) -> Iterator[str]:
    # A text in UTF-16 within another file: ASCII with zero bytes between.
    plain = piece.replace(b"\0", b"")
    text = plain.decode("utf-8", "replace")
    yield text.replace("\ufffd", _LETTER)
    if b"\x1b" in plain:
        yield plain.decode("iso2022_jp_2", "replace")
        yield plain.decode("iso2022_kr", "replace")
    if b"+" in plain:
        yield from _in_utf7(plain)
    if "\ufffd" in text:
        yield from _in_others(plain)


def _in_utf7(plain: bytes) -> Iterator[str]:
    """Words in which something stands in UTF-7: ``j+APw-rgen+AEA-x.org``."""
    for match in _WORD.finditer(plain):
        if _UTF7.search(match.group()) and "@" in (meant := match.group().decode("utf-7", "ignore")):
            yield meant


def _in_others(plain: bytes) -> Iterator[str]:
    """What stands around an at-sign and is neither ASCII nor UTF-8, in every other encoding.

    A wrong one must not cut an address in two: one that makes anything but a letter of a byte, or letters of another
    alphabet, is not meant.
    """
    words = {word for match in _WORD.finditer(plain) if b"@" in (word := match.group()) and not _is_utf8(word)}
    for word in sorted(words):
        yield word.decode("cp1252", "replace").replace("\ufffd", _LETTER)
        for meant in {word.decode(encoding, "replace") for encoding in _SINGLE}:
            if _may_be_meant(meant):
                yield meant
    for match in _LINE.finditer(plain):
        line = match.group()
        if b"@" in line and not _is_utf8(line):
            for encoding in _SEVERAL:
                yield from _TOUCHED.findall(line.decode(encoding, "replace"))


def _may_be_meant(word: str) -> bool:
    letters = all(sign.isascii() or sign.isalnum() or category(sign)[0] == "M" for sign in word)
    return letters and not _MIXED.search(word)


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True
