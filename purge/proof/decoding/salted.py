"""Whose a salted digest is that stands with its salt in a badge: computed from the addresses that are still known.

While a request is open it knows them in plain. Once it is closed nobody can say any more whose such a digest is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import md5, sha1, sha256
from json import JSONDecoder
from types import MappingProxyType
from typing import Any, Final

_KNOWN: Final[ContextVar[Mapping[str, Collection[str]]]] = ContextVar("known addresses", default=MappingProxyType({}))
#: So many beginnings of documents in a text may be none.
MOST_FAILED: Final = 100
_DIGESTS: Final = (md5, sha1, sha256)


@contextmanager
def knowing(addresses: Mapping[str, Collection[str]]) -> Iterator[None]:
    """Within the block these search keys are recognised by salted digests of any of their writings."""
    token = _KNOWN.set(addresses)
    try:
        yield
    finally:
        _KNOWN.reset(token)


def salted_addresses(document: Any) -> set[str]:
    """The search keys of the known addresses that a JSON value tells so."""
    known, found = _KNOWN.get(), set[str]()
    todo = [document] if known else []
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            todo += _documents_in(item)
        elif isinstance(item, list):
            todo += item
        elif isinstance(item, dict):
            todo += item.values()
            if isinstance(salt := item.get("salt"), str):
                written = {
                    str(value).rpartition("$")[2].lower() for name, value in item.items() if "identity" in name.lower()
                }
                found |= {
                    key
                    for key, writings in known.items()
                    if any(not written.isdisjoint(_digests(each + salt)) for each in writings)
                }
    return found


def _documents_in(text: str) -> Iterator[Any]:
    """The JSON documents that a text is, or holds."""
    if "salt" not in text:
        return
    decoder, place, failed = JSONDecoder(), text.find("{"), 0
    while place >= 0 and failed < MOST_FAILED:
        try:
            document, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place, failed = place + 1, failed + 1
        else:
            yield document
        place = text.find("{", place)


def _digests(text: str) -> set[str]:
    plain = text.encode("utf-8", "surrogatepass")
    return {digest(plain, usedforsecurity=False).hexdigest() for digest in _DIGESTS}
