"""The reference that a sender gives a message: kept for good, so it may say nothing of whom the message is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 200
_OPAQUE: Final = re.compile(r"[A-Za-z0-9._:/-]+")
_SEPARATORS: Final = re.compile(r"[\W_]+")
#: Shorter identifiers stand in any text by chance; they are compared with the whole reference and its parts.
SHORTEST_PART: Final = 4
SHORTEST_WORD: Final = 3


def is_opaque(reference: str) -> bool:
    """Whether a reference is made of letters, digits and ``- _ . : /`` alone, and not too long."""
    return len(reference) <= LONGEST and bool(_OPAQUE.fullmatch(reference))


def names_one_of(reference: str, identifiers: Iterable[str], *, names: Iterable[str] = ()) -> bool:
    """Whether a reference is or contains one of these addresses, logins, numbers or names, however it is punctuated.

    A number, and what is short, has to be a part of its own: it stands in longer numbers by chance. So has a single
    word of a name.
    """
    whole = _squeezed(reference)
    parts = {_squeezed(part) for part in _SEPARATORS.split(reference)} | {whole}
    names = list(names)
    words = {_squeezed(word) for name in names for word in name.split() if len(word) >= SHORTEST_WORD}
    if words & parts:
        return True
    for identifier in (*identifiers, *names):
        wanted = {_squeezed(identifier), _squeezed(identifier.rpartition("@")[0])} - {""}
        for text in wanted:
            if text in parts or (len(text) >= SHORTEST_PART and not text.isdigit() and text in whole):
                return True
    return False


def _squeezed(text: str) -> str:
    return _SEPARATORS.sub("", text).casefold()
