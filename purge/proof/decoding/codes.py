"""Text that stands in another code, made plain: whole, without asking where it stood."""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final
from urllib.parse import unquote

DEEPEST: Final = 3
#: A property of a calendar or a card over several lines.
_GOES_ON: Final = re.compile(r"(?m)^[\w.-]*[A-Z][A-Z0-9-]+[;:]\S[^\n]*(?:\n[ \t][^\n]*)+", re.ASCII)
_RUN: Final = re.compile(r"[\w+/-]{12,}(?:\r?\n[ \t]?[\w+/-]{4,})*", re.ASCII)
_ENDING_SIGN: Final = re.compile("[/_-]")
_ONE_ALPHABET: Final = str.maketrans("-_", "+/")
#: Shorter than a run, or broken by percent signs: what says itself that it is base64.
_ANNOUNCED: Final = re.compile(r"(?:\bbasic[ \t:]+|;base64,)([\w+/%-]{8,})", re.ASCII | re.IGNORECASE)
_QUOTED: Final = re.compile(r"(?:=[0-9A-F]{2})+|=[ \t]*\r?\n")
_WORDS: Final = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?]*\?=(?:\s*=\?[^?\s]+\?[BbQq]\?[^?]*\?=)*")
_TAG: Final = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|big|code|del|em|font|i|ins|kbd|mark|nobr|s|samp|small|span|strong|su[bp]|tt|u|var|wbr)\b[^<>]{0,500}>|<!--.{0,200}?-->",
    re.IGNORECASE,
)
#: Endings of names of files.
FILES: Final = "bmp|csv|docx?|eml|gif|html?|ics|jpe?g|json|log|pdf|png|pptx?|svg|txt|vcf|xlsx?|xml"
_ENDING: Final = r"(@[a-z0-9-]+(?:\.[a-z0-9-]+)+)"
_CAPITAL: Final = "[A-Z\u00c4\u00d6\u00dc]"
_FAR: Final = re.compile("[\u0370-\u1fff\u2010\u2011\u2013\u3002\uff61]")
#: What touches an address and is no part of it: what stands in every such text, what is looked for, and what is read
#: instead.
_TOUCHING: Final = (
    (_FAR, re.compile("[\u2010\u2011]"), "-"),
    (
        re.compile("'"),
        re.compile(
            r"(?<![\w.+-])(?<!\w['\u2019])"
            r"(?:[b-fjlmnrstu]|br|rb|qu|un|gl|[a-z]{1,6}ll|[a-z]{1,5}qu|quell?|quest)'(?=[\w.+-]{1,64}@)",
            re.IGNORECASE,
        ),
        " ",
    ),
    (
        re.compile(f"[.-]{_CAPITAL}"),
        re.compile(rf"{_ENDING}(?:\.(?={_CAPITAL}[a-z\u00df-\u00ff]+\b)|-(?={_CAPITAL}))"),
        r"\1 ",
    ),
    (
        re.compile(rf"\.(?:{FILES})\b"),
        re.compile(rf"{_ENDING}\.(?=(?:{FILES})\b)"),
        r"\1 ",
    ),
    (
        re.compile(r"[-_](?=[^\s@]{1,64}@)"),
        re.compile(r"(?:(?<=[\s()\[\]{}<>\"',;:])|^)[-_](?=[\w.+-]{1,64}@)", re.MULTILINE),
        " ",
    ),
    (re.compile('"@'), re.compile(r"\"([^\s\"@]{1,64})\"@"), r"\1@"),
    (_FAR, re.compile(rf"{_ENDING}(?=[\u0370-\u1fff])"), r"\1 "),
    (_FAR, re.compile(r"(?<=[\u0370-\u1fff])(?=[a-z0-9][a-z0-9.+_-]{0,63}@)", re.IGNORECASE), " "),
    (_FAR, re.compile("[\u3002\uff61]"), "."),
)
#: What may be a digest of an address or somebody's number: apart from letters, digits, and an address that it begins.
_HEXADECIMAL: Final = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-z@])",
    re.ASCII | re.IGNORECASE,
)
_UNDERSCORED: Final = re.compile(r"[^\s@<>()\"',;:]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+_", re.IGNORECASE)


def hexadecimal(text: str) -> set[str]:
    """The runs of hexadecimal digits that may be a digest or an opaque id: small letters, no hyphens."""
    return {match.group().replace("-", "").lower() for match in _HEXADECIMAL.finditer(text)}


def plain_texts(text: str, depth: int = DEEPEST) -> Iterator[str]:
    """What the text says in base64, quoted-printable, encoded words, entities, percent signs, behind tags, and apart
    from what touches an address; not as it stands."""
    if "@" in text or "&" in text or "u{" in text:
        yield from (said for said in _beside(text) if said and said != text)
    if "=" in text and "@" in text:
        yield _QUOTED.sub(lambda match: _unquoted(match.group()), text)
    if "=?" in text:
        yield _WORDS.sub(lambda match: _of_words(match.group()), text)
    if depth:
        codes = [unquote(match.group(1)) for match in _ANNOUNCED.finditer(text)]
        for code in (*codes, *(match.group() for match in _RUN.finditer(text))):
            for said in _of_run(code):
                yield said
                yield from plain_texts(said, depth - 1)


def _beside(text: str) -> Iterator[str]:
    opened = html.unescape(text) if "&" in text else text
    if "u{" in text:
        opened = re.sub(r"\\u\{0*([0-9A-Fa-f]{1,4})\}", lambda match: chr(int(match.group(1), 16)), opened)
    if "<" in text:
        opened = _TAG.sub("", opened)
    for sign, sought, instead in _TOUCHING:
        if sign.search(opened):
            if instead == ".":
                yield opened  # a full stop of these may also end a sentence
            opened = sought.sub(instead, opened)
    yield opened
    if "\n " in text or "\n\t" in text:
        yield "\n".join(re.sub(r"\r?\n[ \t]", "", line.group()) for line in _GOES_ON.finditer(text))
    if "_" in text:
        yield "\n".join(match.group().replace("_", " ") for match in _UNDERSCORED.finditer(opened))
    if "%" in text:
        yield "\n".join(unquote(word, encoding="latin-1") for word in re.split(r"[\s?&=\"'<>]+", text) if "%" in word)
    if not text.isascii():
        yield "\n".join(_mended(word) for word in text.split() if not word.isascii() and "@" in word)


def _unquoted(code: str) -> str:
    """Quoted-printable, where it stands for what an address is made of: ``?id=ABann@x.org`` is a value."""
    if code[1] in " \t\r\n":
        return ""
    raw = bytes.fromhex(code.replace("=", ""))
    try:
        said = raw.decode()
    except UnicodeDecodeError:
        said = raw.decode("latin-1")
    return said if all(sign.isalpha() or sign in "@.-_+" for sign in said) else code


def _mended(word: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return word.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return word


def _of_words(words: str) -> str:
    try:
        return "".join(
            said if isinstance(said, str) else said.decode(charset or "ascii", "replace")
            for said, charset in decode_header(words)
        )
    except (HeaderParseError, LookupError, binascii.Error, ValueError):
        return words


def _of_run(run: str) -> Iterator[str]:
    """Both alphabets in one; from the start, and behind each sign that may end what stands before."""
    run = "".join(run.split()).rstrip("=")
    starts = [0, *(sign.end() for sign in _ENDING_SIGN.finditer(run, 0, 300))][:8]
    plain = run.translate(_ONE_ALPHABET)
    for start in starts:
        code = plain[start:]
        code = code[:-1] if len(code) % 4 == 1 else code
        try:
            raw = binascii.a2b_base64(code + "=" * (-len(code) % 4))
        except (binascii.Error, ValueError):
            continue
        if b"@\0" in raw:
            yield raw.decode("utf-16-le", "replace")
        if raw.isascii() or b"@" in raw or b"%40" in raw:
            yield raw.decode("utf-8", "replace").replace("\ufffd", "\u00fe")
            yield raw.decode("cp1252", "replace").replace("\ufffd", "\u00fe")
