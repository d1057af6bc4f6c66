"""Sign-in names in settings: a login is no address, so it is compared as a whole word, never as a part of one."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from purge.addresses.identity import identity_key
from purge.addresses.tokens import SHORTEST_ID

# What stands between the words of a filter ("owner=CORP\ann; team: sales"). A backslash, a dot, a slash or an at-sign
# is a part of a login.
_BETWEEN: Final = re.compile(r"[\s;,|&<>()\[\]{}\"'`]+")
_ASSIGNED: Final = re.compile(r"[=:]+")
_AROUND: Final = ".!?"


def login_words(text: str) -> set[str]:
    """The keys of whatever in a text could be a login: the whole of it, each word, and each side of "=" and ":"."""
    found = {text}
    for word in _BETWEEN.split(text):
        found.add(word)
        found.update(_ASSIGNED.split(word))
    found |= {word.strip(_AROUND) for word in found}
    return {key for key in map(identity_key, found) if key}


def names_id(text: str, ids: Collection[str]) -> bool:
    """Whether one of these Unique User IDs stands in a text as a whole word; a short one as the whole of it, since in a
    filter it may be any number."""
    if not ids:
        return False
    return any(len(key) >= SHORTEST_ID or key == identity_key(text) for key in login_words(text) & set(ids))


def names_login(text: str, keys: Collection[str]) -> bool:
    """Whether one of these logins stands in a text as a whole word, or is the whole of it."""
    return bool(keys) and not login_words(text).isdisjoint(keys)
