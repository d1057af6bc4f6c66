"""Addresses that systems have put into other addresses, as the proof reads them: word by word, not by patterns.

Return paths of mailing lists (``list-bounces+ann=x.org@…``), senders that a relay rewrites (``SRS0=…=x.org=ann@…``),
Entra's guests (``ann_x.org#EXT#@…``), sandboxes (``ann@x.org.uat``, ``ann=x.org@example.com``) and users that were
deleted from Moodle (``ann@x.org.1732838400``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_letters, digits, hexdigits
from typing import Final, NamedTuple

#: What stands behind an address and is no top-level domain, besides labels with a digit.
NO_ENDINGS: Final = (
    *("devbox", "devpro", "fullcopy", "fullsandbox", "hotfix", "invalid", "partial", "partialcopy", "preprod", "qabox"),
    *("sandbox", "sbx", "sit", "stage", "staging", "uat", "uatfull"),
)
_LETTERS_AND_DIGITS: Final = frozenset(ascii_letters + digits)
_OF_A_DOMAIN: Final = _LETTERS_AND_DIGITS | {".", "-"}
_OF_A_LOCAL_PART: Final = _LETTERS_AND_DIGITS | frozenset("._'+-")
_OF_A_WORD: Final = _OF_A_LOCAL_PART | {"="}
#: So far back a word is read.
_FARTHEST: Final = 512
_AT: Final = re.compile(r"@|%40")
_GUESTS: Final = ("#ext#", "%23ext%23")


class Within(NamedTuple):
    """An address, and the longer one that it stands in, in small letters."""

    address: str
    longer: str


def _either_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" for letter in word)


#: What such a text has, as PostgreSQL and Python understand it alike; :data:`WITHOUT_AT`: that may have no at-sign.
WITHOUT_AT: Final = "[Ee][Xx][Tt](?:#|%23)(?:@|%40)"
TELLTALE: Final = (
    r"=[A-Za-z0-9-]+\.[A-Za-z0-9.-]*@|[Ss][Rr][Ss][01][=+-]"
    rf"|@[A-Za-z0-9.-]+\.(?:[A-Za-z0-9-]*[0-9]|{'|'.join(map(_either_case, NO_ENDINGS))})"
)
_MAY_HOLD: Final = re.compile(f"{WITHOUT_AT}|{TELLTALE}")


def addresses_within(text: str) -> Iterator[Within]:
    """All of them in a text."""
    if not _MAY_HOLD.search(text):
        return
    for at in _AT.finditer(text):
        before = text[max(at.start() - _FARTHEST, 0) : at.start()]
        right = _leading(text[at.end() : at.end() + _FARTHEST]).lower()
        for local, domain in _read(before, right, at.group()):
            if _is_local(local) and _is_domain(domain):
                longer = f"{_trailing(before, _OF_A_WORD)}@{right}"
                yield Within(f"{local}@{domain}".lower(), longer.lower())


def _read(before: str, right: str, sign: str) -> Iterator[tuple[str, str]]:
    """(local part, domain) of whatever may stand there; whether they are such is asked afterwards."""
    lowered = before.lower()
    for guest in _GUESTS:
        if lowered.endswith(guest):
            local, _underscore, domain = _trailing(before[: -len(guest)], _OF_A_WORD).rpartition("_")
            if "=" not in local:
                yield local, domain
    if sign != "@":
        return
    word = _trailing(before, _OF_A_WORD)
    beginning, equals, domain = word.rpartition("=")
    if equals:
        yield from ((local, domain) for local in _returning(beginning.rpartition("=")[2]))
        if right == "example.com" and "=" not in beginning:
            yield beginning, domain
    yield from _rewritten(before)
    ending = right.rstrip(".")
    domain, _dot, label = ending.rpartition(".")
    if label in NO_ENDINGS or any(sign in digits for sign in label):
        yield _quoted(word), domain


def _returning(path: str) -> Iterator[str]:
    """What may be a local part in what a list puts before ``=x.org``."""
    _list, plus, rest = path.partition("+")
    if plus:
        yield rest
        number, dash, behind = rest.partition("-")
        token, another, local = behind.partition("-")
        if dash and another and number.isdigit() and len(token) >= 4 and set(token) <= set(hexdigits):
            yield local
    _list, marked, rest = path.partition("-return-")
    number, dash, local = rest.partition("-")
    if marked and dash and number.isdigit():
        yield local


def _rewritten(before: str) -> Iterator[tuple[str, str]]:
    """What a relay has made of a sender: hash, time stamp, domain and local part; or that of another relay."""
    word = re.split(r"\s", before)[-1]
    place = max(word.lower().rfind("srs0"), word.lower().rfind("srs1"))
    if place < 0 or word[place + 4 : place + 5] not in ("=", "+", "-"):
        return
    match word[place + 3], word[place + 5 :].split("="):
        case ("0", [_hash, _time, domain, local]) | ("1", [_, _, "", _hash, _time, domain, local]):
            yield local, domain


def _quoted(word: str) -> str:
    """A word without what stands before a quotation mark that opens it."""
    for place in range(len(word) - 1, -1, -1):
        if word[place] == "'" and (place == 0 or word[place - 1] not in _LETTERS_AND_DIGITS):
            return word[place + 1 :]
    return word


def _trailing(text: str, signs: frozenset[str]) -> str:
    start = len(text)
    while start and text[start - 1] in signs:
        start -= 1
    return text[start:]


def _leading(text: str) -> str:
    end = 0
    while end < len(text) and text[end] in _OF_A_DOMAIN:
        end += 1
    return text[:end]


def _is_local(text: str) -> bool:
    return text[:1] in _LETTERS_AND_DIGITS and text != "" and _OF_A_LOCAL_PART.issuperset(text)


def _is_domain(text: str) -> bool:
    labels = text.split(".")
    ending = labels[-1]
    return (
        len(labels) > 1
        and all(labels)
        and labels[0][0] != "-"
        and _OF_A_DOMAIN.issuperset(text)
        and len(ending) > 1
        and not set(ending) - set(ascii_letters)
    )
