"""Writings of an address that are plain to whoever reads them: folded lines, tags within, words joined to it.

Each function yields the edits that make it plain: what joins is taken away, what only touches the address becomes a
blank. All of it is looked for around an at-sign alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Final
from urllib.parse import unquote

from purge.addresses.decoders.readings import Edit

#: Elements that stand within a word.
_WITHIN: Final = (
    "a|abbr|b|bdi|bdo|big|code|del|em|font|i|ins|kbd|mark|nobr|s|samp|small|span|strong|sub|sup|tt|u|var|wbr"
)
_TAG: Final = re.compile(
    rf"</?(?:{_WITHIN})(?:\s[^<>]{{0,500}})?/?>|<!--(?:(?!-->).){{0,500}}-->", re.IGNORECASE | re.DOTALL
)
_FOLD: Final = re.compile(r"\r?\n[ \t]")
#: A line of a calendar or a card that goes on: in any other text an indented line is one of its own.
_FOLDED_LINE: Final = re.compile(
    r"^(?:[\w-]+\.)?[A-Z][A-Z0-9-]+[;:]\S[^\n]*(?:\n[ \t][^\n]*)+", re.MULTILINE | re.ASCII
)
_NAMED: Final = re.compile(r"&[A-Za-z][A-Za-z0-9]{1,30};|\\u\{0*[0-9A-Fa-f]{1,6}\}")
_HYPHENS: Final = str.maketrans({"\u2010": "-", "\u2011": "-"})
_QUOTED_LOCAL: Final = re.compile(r'(?<![\w.+-])"([\w.+\'-]{1,64})"(?=@)')
_TYPED_HYPHENS: Final = re.compile(r"(?<=[\w.@])[\u2010\u2011](?=\w)")
_FULL_STOPS: Final = re.compile(r"(?<=[\w-])[\u3002\uff61](?=[\w-])")

#: Words that lose their vowel before another (French, Italian, Catalan), and marks of strings (Python, SQL Server).
_ELIDED: Final = re.compile(
    r"(?<![\w.+-])(?<!\w['’])(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|presqu|un|gl|quest|quell"
    r"|(?:a|co|da|de|ne|su)ll|b|br|rb|r|f|u|N|E)['](?=[\w.+-]{1,64}@)",
    re.IGNORECASE,
)
_LIST_DASH: Final = re.compile(r"(?<![^\s(\[{<>\"',;:])[-\u2013\u2014_](?=[\w.+-]{1,64}@)")
#: No host name has an underscore: whatever is behind it is no part of the domain, and before the address it may
#: separate too.
_UNDERSCORED: Final = re.compile(r"@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+_\w{0,100}")
_LOCAL: Final = re.compile(r"[\w.+-]{1,64}\Z")
#: Endings of file names that are no top-level domains.
FILES: Final = "bmp|csv|docx?|eml|gif|html?|ics|jpe?g|json|log|pdf|png|pptx?|svg|txt|vcf|xlsx?|xml"
#: A letter far from Latin.
_FAR: Final = r"[^\W\d_a-zA-Z\u0080-\u024f\u2070-\u209f]"
_SENTENCE: Final = re.compile(
    r"(?<=@)([a-z0-9-]+(?:\.[a-z0-9-]+)+)"
    rf"(?:\.(?=[A-Z\u00c4\u00d6\u00dc][a-z\u00df-\u00ff]+\b)|\.(?=(?:{FILES})\b)|-(?=[A-Z\u00c4\u00d6\u00dc])|(?={_FAR}))"
)
_BEFORE_ASCII: Final = re.compile(rf"(?<={_FAR})(?=[A-Za-z0-9][\w.+-]{{0,63}}@)")
#: What stands between two signs that no address holds unquoted.
_WORD: Final = re.compile(r"[^\s<>\"'(),;:]+")
_PART: Final = re.compile(r"[^\s<>\"'(),;:&?=/]+")
_QUOTED_LETTER: Final = re.compile("=(?!D7|F7)[C-F][0-9A-F]")
_BEYOND_ASCII: Final = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]")


def folded_lines(text: str) -> Iterator[Edit]:
    """A line of a calendar or a card that goes on in the next one, behind a blank. (Between the lines of a message's
    header the blank stays, so an address is never folded there.)"""
    for line in _FOLDED_LINE.finditer(text):
        for match in _FOLD.finditer(text, line.start(), line.end()):
            yield Edit(match.start(), match.end(), "")


def tags(text: str) -> Iterator[Edit]:
    """Elements and comments of HTML that stand within a word."""
    if "<" in text:
        for match in _TAG.finditer(text):
            yield Edit(match.start(), match.end(), "")


def named_characters(text: str) -> Iterator[Edit]:
    """Named entities beyond those that the definition knows, and ``\\u{40}``."""
    for match in _NAMED.finditer(text):
        new = _named(match.group()).translate(_HYPHENS)
        if new != match.group():
            yield Edit(match.start(), match.end(), new)


def _named(writing: str) -> str:
    if writing[0] == "&":
        return unescape(writing)
    code = int(writing[3:-1], 16)
    return writing if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF else chr(code)


def quotation_marks(text: str) -> Iterator[Edit]:
    """``"ann"@x.org`` is ``ann@x.org``."""
    for match in _QUOTED_LOCAL.finditer(text):
        yield Edit(match.start(), match.end(), match.group(1))


def hyphens(text: str) -> Iterator[Edit]:
    """The hyphens that word processors put in the place of the plain one."""
    for match in _TYPED_HYPHENS.finditer(text):
        yield Edit(match.start(), match.end(), "-")


def full_stops(text: str) -> Iterator[Edit]:
    """The ideographic full stops, which separate the labels of a domain as well."""
    for match in _FULL_STOPS.finditer(text):
        yield Edit(match.start(), match.end(), ".")


def elisions(text: str) -> Iterator[Edit]:
    """``d'ann@x.org``, ``N'ann@x.org'``."""
    if "'" in text:
        for match in _ELIDED.finditer(text):
            yield Edit(match.end() - 1, match.end(), " ")


def list_dashes(text: str) -> Iterator[Edit]:
    """A dash or an underscore at the start of a word: a list, an emphasis."""
    for match in _LIST_DASH.finditer(text):
        yield Edit(match.start(), match.end(), " ")


def underscores(text: str) -> Iterator[Edit]:
    """``report_ann@x.org_2026.csv``"""
    if "_" not in text:
        return
    for match in _UNDERSCORED.finditer(text):
        local = _LOCAL.search(text, max(match.start() - 64, 0), match.start())
        for position in range(local.start() if local else match.start(), match.end()):
            if text[position] == "_":
                yield Edit(position, position + 1, " ")


def ends_of_sentences(text: str) -> Iterator[Edit]:
    """``ann@x.org.Thanks``, ``ann@x.org.png``, ``ann@x.org-Adresse``, and letters far from Latin behind it."""
    for match in _SENTENCE.finditer(text):
        yield Edit(match.end(1), match.end(), " ")


def changes_of_script(text: str) -> Iterator[Edit]:
    """Where letters far from Latin end and ASCII begins."""
    if not text.isascii():
        for match in _BEFORE_ASCII.finditer(text):
            yield Edit(match.start(), match.start(), " ")


def mistaken_encodings(text: str) -> Iterator[Edit]:
    """UTF-8 that was read as Windows-1252 or Latin-1: ``jÃ¼rgen@x.org``."""
    if text.isascii():
        return
    for match in _WORD.finditer(text):
        word = match.group()
        if not word.isascii() and "@" in word and (new := _meant(word)):
            yield Edit(match.start(), match.end(), new)


def _meant(word: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return word.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return ""


def latin_percents(text: str) -> Iterator[Edit]:
    """``j%FCrgen@x.org``: percent-encoded from Latin-1."""
    if "%" not in text:
        return
    for match in _PART.finditer(text):
        if _BEYOND_ASCII.search(match.group()):
            yield Edit(match.start(), match.end(), unquote(match.group(), encoding="cp1252", errors="replace"))


def latin_quoted(text: str) -> Iterator[Edit]:
    """``j=FCrgen@x.org``: quoted-printable in Latin-1. Letters alone: ``id=ABann@x.org`` is a value."""
    if "=" not in text:
        return
    for match in _WORD.finditer(text):
        if _QUOTED_LETTER.search(word := match.group()):
            new = _QUOTED_LETTER.sub(lambda letter: chr(int(letter.group()[1:], 16)), word)
            yield Edit(match.start(), match.end(), new)


JOINING: Final[tuple[Callable[[str], Iterator[Edit]], ...]] = (
    folded_lines,
    tags,
    named_characters,
    quotation_marks,
    hyphens,
    full_stops,
)
"""Takes away what stands within an address."""

TOUCHING: Final[tuple[Callable[[str], Iterator[Edit]], ...]] = (
    elisions,
    list_dashes,
    underscores,
    ends_of_sentences,
    changes_of_script,
    mistaken_encodings,
    latin_percents,
    latin_quoted,
)
"""Tells an address from what touches it."""
