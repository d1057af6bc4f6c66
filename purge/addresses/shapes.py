"""What a column holds, and which addresses are mentioned in it then.

A column for one address or login, or for a list of them, is compared whole before anything is looked for inside:
``r&d@x.org`` is another mailbox than ``d@x.org``, and so is ``x=d@x.org``, which in a text would be a name and a value.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Any

from purge.addresses.decoders.finding import all_mentions, others_decoded
from purge.addresses.embedded import embedded_in
from purge.addresses.identity import identity_key
from purge.addresses.matching import address_key, emails_in, is_address, others_mentioned
from purge.addresses.rewriting import emails_in_json, entries_of, names_one, strings_in_json
from purge.addresses.tokens import ID, ids_in


class Shape(Enum):
    """ONE: an address or a login. LIST: several. TEXT: anything else; JSON is text in its strings."""

    ONE = "one"
    LIST = "list"
    TEXT = "text"


def emails_in_value(value: Any, shape: Shape = Shape.TEXT) -> set[str]:
    """The search keys of all addresses that a stored value mentions."""
    if not isinstance(value, str):
        if shape is Shape.TEXT or not isinstance(value, list):
            return emails_in_json(value)
        return set().union(*(emails_in_value(item, Shape.ONE) for item in value))
    return set().union(*(_in_part(part) if whole else emails_in(part) for part, whole in _parts(value, shape)))


def others_in_value(value: Any, shape: Shape, keys: Collection[str], ours: Collection[str]) -> set[str]:
    """The identity keys, other than ``ours``, that mentions of the search keys in a stored value may be, or be a part
    of. Of these somebody has to say whether they are other people's, before anything is taken out."""
    found = {token.removeprefix(ID) for token in _ids_in(value) & frozenset(keys)}
    for text, within in _texts(value, shape):
        for part, whole in _parts(text, within):
            if whole and is_address(part):
                embedded = {key for _start, _end, key in embedded_in(part) if key in keys}
                if embedded or address_key(part) in keys:
                    found |= {identity_key(each) for each in (part, *embedded)}
            else:
                found |= others_mentioned(part, keys, ours) | others_decoded(part, keys, ours)
    return found.difference(ours)


def names(value: Any, shape: Shape, keys: Collection[str], *, spared: Collection[str] = ()) -> bool:
    """Whether a stored value mentions one of the search keys, but for what belongs to the ``spared``."""
    ids = _ids_in(value) & frozenset(keys)
    return any(token.removeprefix(ID) not in spared for token in ids) or any(
        names_one(part, keys, spared=spared) if whole else bool(all_mentions(part, keys, spared))
        for text, within in _texts(value, shape)
        for part, whole in _parts(text, within)
    )


def _ids_in(value: Any) -> set[str]:
    return set() if isinstance(value, str) else ids_in(value)


def _texts(value: Any, shape: Shape) -> list[tuple[str, Shape]]:
    if isinstance(value, str):
        return [(value, shape)]
    if shape is not Shape.TEXT and isinstance(value, list):
        return [each for item in value for each in _texts(item, Shape.ONE)]
    return [(text, Shape.TEXT) for text in strings_in_json(value)]


def _parts(text: str, shape: Shape) -> list[tuple[str, bool]]:
    """The pieces of a text that are looked at apart, and whether each is compared whole first."""
    if shape is Shape.LIST:
        return [(entry, True) for entry, _separator in entries_of(text)]
    return [(text, shape is Shape.ONE)]


def _in_part(part: str) -> set[str]:
    if not is_address(part):
        return emails_in(part)
    return {address_key(part), *(key for _start, _end, key in embedded_in(part))}
