"""Stretches of a text that stand in another code: encoded words, tokens, data URLs, runs of base64.

Each function yields the edits that make it plain. What was a stretch of code is set apart by line ends, so that nothing
beside it becomes a part of an address.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final
from urllib.parse import unquote_to_bytes

from purge.addresses.decoders.readings import Edit

#: A shorter run of base64 holds no address: six characters make eight.
SHORTEST_RUN: Final = 16
#: Code of one stretch beyond this is not decoded.
LONGEST_RUN: Final = 4_000_000
#: Places of a run that are tried as its beginning, since a path before it is of the same characters.
MOST_BEGINNINGS: Final = 6

_ENCODED_WORDS: Final = re.compile(
    r"=\?[\w-]+(?:\*[\w-]*)?\?[BbQq]\?[^?\s]*\?=(?:\s+=\?[\w-]+(?:\*[\w-]*)?\?[BbQq]\?[^?\s]*\?=)*"
)
_TOKEN: Final = re.compile(r"eyJ[\w-]{4,}(?:\.[\w-]*){1,4}", re.ASCII)
_BASIC: Final = re.compile(r"(?<![\w-])basic[ \t:]+([A-Za-z0-9+/_-]{8,}={0,2})", re.ASCII | re.IGNORECASE)
_DATA_URL: Final = re.compile(
    r"data:[\w.+/-]*(?:;[\w.+-]+(?:=[^;,\s]*)?)*;base64,([A-Za-z0-9+/_%-]{8,}={0,2})", re.ASCII
)
_RUN: Final = re.compile(rf"[A-Za-z0-9+/_-]{{{SHORTEST_RUN},}}(?:\r?\n[ \t]?[A-Za-z0-9+/_-]{{4,}})*={{0,2}}", re.ASCII)
#: In bytes, before they are text: what every writing of an at-sign holds, UTF-16 too.
_AT: Final = re.compile(rb"@|%40|&#0*64|&#[xX]0*40|&commat|\\u0040|\\x40|=40|[A-Za-z0-9+/_-]{16}")
_CONTROL: Final = bytes(range(9)) + bytes(range(14, 32))
_PLAIN: Final = re.compile(rb"[\x21-\x7e]{1,320}@[\x21-\x7e]{1,320}")
_ADDRESS: Final = re.compile(r"[\w.+-]@[\w-]")
_MARGIN: Final = "\n"


def encoded_words(text: str) -> Iterator[Edit]:
    """RFC 2047: ``=?utf-8?b?…?=``, several in a row as one."""
    if "=?" not in text:
        return
    for match in _ENCODED_WORDS.finditer(text):
        try:
            parts = decode_header(match.group())
        except (HeaderParseError, binascii.Error, ValueError):
            continue
        yield Edit(match.start(), match.end(), "".join(_word(said, charset) for said, charset in parts))


def _word(said: bytes | str, charset: str | None) -> str:
    if isinstance(said, str):
        return said
    try:
        return said.decode(charset or "ascii", "replace")
    except LookupError:
        return said.decode("utf-8", "replace")


def tokens(text: str) -> Iterator[Edit]:
    """JSON Web Tokens: head and claims; whatever follows them, such as the signature, goes with them."""
    if "eyJ" not in text:
        return
    for match in _TOKEN.finditer(text):
        said = [found for part in match.group().split(".") if (found := _said(part))]
        if said:
            yield Edit(match.start(), match.end(), _set_apart(said))


def credentials(text: str) -> Iterator[Edit]:
    """``Authorization: Basic …``: name and password."""
    for match in _BASIC.finditer(text):
        if said := _said(match.group(1)):
            yield Edit(match.start(1), match.end(1), _set_apart([said]))


def data_urls(text: str) -> Iterator[Edit]:
    """``data:text/csv;base64,…``"""
    if ";base64," not in text:
        return
    for match in _DATA_URL.finditer(text):
        if said := _said(unquote_to_bytes(match.group(1)).decode("ascii", "replace")):
            yield Edit(match.start(), match.end(), _set_apart([said]))


def runs(text: str) -> Iterator[Edit]:
    """Base64 wherever it stands, over several lines too: a part of a message, a value, a piece of a URL."""
    for match in _RUN.finditer(text):
        if match.end() - match.start() > LONGEST_RUN:
            continue
        run = match.group()
        said = {beginning: found for beginning in _beginnings(run) if (found := _said(run[beginning:]))}
        if said:
            # What stands before is none of the code; it is not known where that begins unless it says something.
            begins = next((place for place, found in said.items() if _ADDRESS.search(found)), min(said))
            yield Edit(match.start() + begins, match.end(), _set_apart(list(said.values())))


def _beginnings(run: str) -> list[int]:
    """Where the code may begin: at the start, or behind what separates the parts of a path or name."""
    parts = [match.end() for match in re.finditer(r"[/_-]", run[:400]) if len(run) - match.end() >= SHORTEST_RUN]
    return [0, *parts[: MOST_BEGINNINGS - 1]]


def _said(code: str) -> str:
    """What base64 of either alphabet says; '' when it says nothing that may be an address."""
    code = re.sub(r"\s+", "", code).rstrip("=").replace("-", "+").replace("_", "/")
    code = code[: len(code) - 1] if len(code) % 4 == 1 else code
    try:
        raw = base64.b64decode(code + "=" * (-len(code) % 4))
    except (binascii.Error, ValueError):
        return ""
    if not _AT.search(raw):
        return ""
    if len(raw.translate(None, _CONTROL)) * 20 < len(raw) * 19 and b"@\0" not in raw:
        # No text: a picture, something compressed. Only what is plain in it can be read.
        return _MARGIN.join(word.decode("ascii") for word in _PLAIN.findall(raw))
    # UTF-16 is what Windows' own tools put into base64.
    readings = [raw.decode(encoding, "replace") for encoding in ("utf-8", "cp1252")]
    readings += [raw.decode("utf-16-le", "replace")] if b"@\0" in raw else []
    return _MARGIN.join(dict.fromkeys(readings))


def _set_apart(said: list[str]) -> str:
    return _MARGIN + _MARGIN.join(said) + _MARGIN
