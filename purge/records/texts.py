"""Texts, wherever they stand: in a column of their own, or as a string of a JSON value."""

from __future__ import annotations

from collections.abc import Collection

from purge.addresses import ERASED, redact
from purge.records.beside import without_names
from purge.records.documents import objects_in
from purge.records.salted import identities


def without_salted(text: str, writings: Collection[str]) -> str:
    """A text without the salted digests of badges that stand in it in JSON, the rest as it was."""
    if '"salt"' in text:
        for properties, _places in objects_in(text):
            for identity in identities(properties, writings):
                text = text.replace(identity, ERASED)
    return text


def redact_text(text: str, keys: Collection[str], *, spared: Collection[str], written: Collection[str] = ()) -> str:
    """The text without the people of the keys: first what is said beside their addresses, then every mention.

    ``written``: the addresses in other writings than the keys.
    """
    rest = without_names(text, keys, spared=spared)
    rest = without_salted(rest, [*keys, *written])
    return redact(rest, keys, spared=spared)
