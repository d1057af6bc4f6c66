"""How words are compared, whoever wrote them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Where letters of the Latin, Greek and Cyrillic scripts end: beyond, a mark on a letter makes another letter of it.
_LAST_LETTER = 0x2E7F
_NO_WORD = re.compile(r"[\W_]+")
#: Marks that only say in which direction to write, which spreadsheets and directories leave in what is copied.
DIRECTION_MARKS = dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF))


@lru_cache(maxsize=8_192)
def bare(text: str) -> str:
    """Words in small letters without accents, one blank between them: "Prénom_" and "prenom" are the same."""
    text = unicodedata.normalize("NFKC", text.translate(DIRECTION_MARKS)).casefold()
    if all(ord(letter) <= _LAST_LETTER for letter in text):
        text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return _NO_WORD.sub(" ", text).strip()
