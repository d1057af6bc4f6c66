"""What people are called, as far as a text about them may not say it: the words of a name, and their keyed hashes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from purge.hashing import hasher

#: What the keyed hashes of the words of names are made for.
NAME = "name"
#: Shorter words stand in any text by chance; in scripts of syllables and signs a name is shorter.
SHORTEST_WORD, SHORTEST_OF_SIGNS, LONGEST_OF_SIGNS = 3, 2, 8
_SEPARATORS = re.compile(r"[\W_]+")


def words_of_name(name: str) -> frozenset[str]:
    """The words by which somebody is called, as they are compared."""
    return frozenset(word for word in _SEPARATORS.split(_folded(name)) if len(word) >= _shortest(word))


def name_hashes(name: str) -> bytes:
    """Keyed hashes of the words of a name, one behind the other. Raises :class:`purge.hashing.HashKeyMissing`."""
    hash_of = hasher(NAME)
    return b"".join(bytes.fromhex(hash_of(word)) for word in sorted(words_of_name(name)))


def words_of_text(text: str) -> Iterator[str]:
    """The words of a text; of what is written in signs, whose words nothing divides, all that may be one."""
    for word in _SEPARATORS.split(_folded(text)):
        if len(word) >= _shortest(word):
            yield word
        if _shortest(word) == SHORTEST_OF_SIGNS:
            for length in range(SHORTEST_OF_SIGNS, LONGEST_OF_SIGNS + 1):
                yield from (word[start : start + length] for start in range(len(word) - length + 1))


def squeezed(text: str) -> str:
    """Letters and digits alone, in small letters."""
    return _SEPARATORS.sub("", _folded(text))


def _shortest(word: str) -> int:
    """How long a word has to be to say something. Letters that have no capitals are signs."""
    of_signs = any(letter.isalpha() and letter.lower() == letter.upper() for letter in word)
    return SHORTEST_OF_SIGNS if of_signs else SHORTEST_WORD


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
