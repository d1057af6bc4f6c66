"""Addresses that stand in a stored text in another code, or joined to a word: what no index and no function of the
database finds. Read by the proof's own decoding (:mod:`purge.proof.decoding.codes`), which the treatments do not use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from purge.addresses import emails_in
from purge.addresses.encodings import AT_SIGNS, ESCAPED_AT, ESCAPING
from purge.addresses.tokens import NAMED_STEMS
from purge.proof.decoding.codes import FILES, hexadecimal, plain_texts
from purge.proof.decoding.salted import salted_addresses
from purge.proof.decoding.within import TELLTALE, WITHOUT_AT, addresses_within

#: What a text holds that is worth decoding, as PostgreSQL and Python understand it alike. A run of base64, an encoded
#: word, or an at-sign with anything near it that may hide a part of the address.
_LONG_RUN: Final = "[A-Za-z0-9+/_-]{16}"
#: Each has an at-sign in it, or what introduces an escape.
_MARKED: Final = rf"=\?[A-Za-z]|commat;|u\{{0*40\}}|{WITHOUT_AT}"
_BASIC: Final = r"[Bb]asic[ \t:]+[A-Za-z0-9+/_-]{8}"
_CODED: Final = f"{_LONG_RUN}|{_MARKED}|{_BASIC}"
_JOINED: Final = (
    r"['_\"<>][^\s@]{1,80}@|=[C-F][0-9A-F][^\s@]{0,80}@|@[^\s@]{0,80}['_\"<>&%\\]|(?:^|[\s()\[\]{};:,])-[^\s@]{1,64}@|[&%\\][^\s@]{1,80}@|@[^\s@]{1,200}[.-][A-Z]"
    r"|[^\x01-\x7f][^\s@]{0,64}@|@[^\s@]{0,200}[^\x01-\x7f]|\n[ \t]"
    rf"|@[^\s@]{{1,200}}\.(?:{FILES})|" + TELLTALE
)


_IS_CODED, _IS_JOINED = re.compile(_CODED), re.compile(_JOINED)
_MAY_BE: Final = re.compile(f"@|{_CODED}")
#: What a JSON document in a text begins with; "" begins with none.
DOCUMENTS: Final = ("[", "{", '"')


def may_be_coded(text: str) -> bool:
    """Whether a text that is no document, or one of several that are joined by line feeds, may mention an address in
    another code. A superset."""
    return bool(_MAY_BE.search(text))


def coded_addresses(value: Any) -> set[str]:
    """The keys of all addresses that a stored value mentions in another code, or by a salted digest."""
    if isinstance(value, str) and value[:1] not in DOCUMENTS and not may_be_coded(value):
        return set()  # nearly all are of these: read once, not taken to pieces
    may_be_salted = not isinstance(value, str) or "salt" in value or "\\u" in value
    value = _opened(value)
    found = salted_addresses(value) if may_be_salted else set()
    for text in _strings(value):
        if _IS_CODED.search(text) or ("@" in text and _IS_JOINED.search(text)):
            found |= hexadecimal(text)
            for said in (text, *plain_texts(text)):
                # As it stands it was looked through before.
                found.update(emails_in(said) if said is not text else ())
                found.update(*(emails_in(each.address) for each in addresses_within(said)))
    return found


def worth_reading(text: str, *, is_json: bool) -> str:
    """The condition that a text, an SQL expression of PostgreSQL's, may mention an address, plainly or in another code,
    or what stands for one. A superset.

    A few quick questions: an automaton grows with what is counted in it, and with what is asked at once. A run of so
    many signs is what a digest is, too.
    """
    plain = f'({text}) COLLATE "C"'
    named = f" OR {plain} ~ '(?i){NAMED_STEMS}'" if is_json else ""
    return (
        f"({plain} ~ '[{AT_SIGNS}]' OR {plain} ~ '[{ESCAPING}]' AND {plain} ~ '{ESCAPED_AT}|{_MARKED}'"
        f" OR {plain} ~ '{_LONG_RUN}' OR position('asic' in {text}) > 0 AND {plain} ~ '{_BASIC}'{named})"
    )


def _opened(value: Any) -> Any:
    """A value, and where it is a JSON document in a text, that."""
    if isinstance(value, str) and value[:1] in DOCUMENTS:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _strings(value: Any) -> Iterator[str]:
    """The texts of a value."""
    todo = [value]
    while todo:
        match todo.pop():
            case str() as text:
                yield text
            case dict() as properties:
                todo += properties.keys()
                todo += properties.values()
            case list() as items:
                todo += items
