"""The ways an address can be written: which characters it may hold, and which escapes may stand for them.

The patterns are kept to what Python's ``re`` and PostgreSQL's regular expressions understand alike, because
:mod:`purge.addresses.index` builds the database's function from them.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from html.entities import html5
from typing import Final

#: No address is longer. RFC 5321 allows 64 + 1 + 255.
LONGEST: Final = 320
#: How many places of one run of characters are tried as the start of an address, nearest to the ``@`` first.
MOST_STARTS: Final = 12
#: Combining marks after one character beyond these are not looked at: sorting them takes quadratic time.
MOST_MARKS: Final = 30

#: Characters that can be part of a local part and can just as well stand before an address (``?email=ann@x.org``).
#: The apostrophe is one too, but not within a word: ``o'neil@x.org`` is an address of its own.
SEPARATING: Final = "!#$%&*/=?`{|}~^"
#: Scripts written without spaces, where prose touches an address on both sides.
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u312f"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
)
#: Invisible: soft hyphen, zero-width and direction marks, variation selectors.
ZERO_WIDTH: Final = "\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
#: The commercial at, its full-width and its small form.
AT_SIGNS: Final = "@\uff20\ufe6b"
#: What introduces an escape.
ESCAPING: Final = r"%&\\="
#: What every writing of an at-sign holds, one that is escaped twice too. A text without this and without an at-sign
#: mentions no address, which is seen at once.
ESCAPED_AT: Final = "40|64|commat|[Ff][Ff]20|65312|[Bb][Cc].[Aa]0|[Ff][Ee]6[Bb]|65131|[Bb]9.[Aa][Bb]"
#: Where an escape touches what stands around an at-sign. Elsewhere in a text, escapes mean nothing for its addresses.
ESCAPE_NEAR_AT: Final = (
    r'(?:[;%&=\\]|=[ \t]*\r?\n)[^ \t\r\n<>"(),:;%&=\\@]*@'
    r"""|@[^ \t\r\n<>"(),:;%&=\\@?/#!$'*+^`{|}~\[\]]*[%&=\\]"""
)
#: Letters of a backslash escape that stand for a control character.
CONTROL_ESCAPES: Final = "abfnrtv0"

_HEX = "[0-9A-Fa-f]"


def _bytes_of_utf8(sign: str) -> str:
    """The well-formed UTF-8 sequences of one character (Unicode, table 3-7), each byte written as ``sign`` + hex."""
    more = f"{sign}[89ABab]{_HEX}"
    return "|".join(
        (
            f"{sign}[0-7]{_HEX}",
            f"{sign}(?:[Cc][2-9A-Fa-f]|[Dd]{_HEX}){more}",
            f"{sign}[Ee]0{sign}[ABab]{_HEX}{more}",
            f"{sign}[Ee][1-9A-Ca-cEFef]{more}{more}",
            f"{sign}[Ee][Dd]{sign}[89]{_HEX}{more}",
            f"{sign}[Ff]0{sign}[9ABab]{_HEX}{more}{more}",
            f"{sign}[Ff][1-3]{more}{more}{more}",
            f"{sign}[Ff]4{sign}8{_HEX}{more}{more}",
        )
    )


PERCENT: Final = _bytes_of_utf8("%")
#: HTML entities, and the backslash escapes of JSON and JavaScript. Half a surrogate pair is none.
ENTITIES_AND_BACKSLASHES: Final = "|".join(
    (
        "&#0*[1-9][0-9]{0,6};?",
        f"&#[Xx]0*[1-9A-Fa-f]{_HEX}{{0,5}};?",
        "&[A-Za-z][A-Za-z0-9]{1,23};",
        rf"\\u(?:[0-9A-Ca-cEFef]{_HEX}{{3}}|[Dd][0-7]{_HEX}{{2}})",
        rf"\\u[Dd][89ABab]{_HEX}{{2}}\\u[Dd][C-Fc-f]{_HEX}{{2}}",
        rf"\\x{_HEX}{{2}}",
        r"\\[\\/]",
    )
)
ESCAPES: Final = f"{PERCENT}|{ENTITIES_AND_BACKSLASHES}"
SOFT_LINE_BREAK: Final = r"=[ \t]*\r?\n"
QUOTED_BYTES: Final = _bytes_of_utf8("=")
#: Quoted-printable, apart from the others because ``email=1234%40x.org`` is not meant so.
QUOTED_PRINTABLE: Final = f"{QUOTED_BYTES}|{SOFT_LINE_BREAK}"


def _is_useful(character: str) -> bool:
    """A character that can be in an address or has no width; the others separate, written out or not."""
    code = ord(character)
    return character in "@.-_+'" + SEPARATING or 0xC0 <= code < 0x250 or code == 0xAD or 0x200B <= code <= 0x200F


#: HTML's named characters that can stand in an address, by name.
ENTITIES: Final[dict[str, str]] = {
    name[:-1]: value
    for name, value in html5.items()
    if name.endswith(";") and len(value) == 1 and _is_useful(value) and (value.isalpha() or not value.isalnum())
}


def _ranges(codes: list[int]) -> str:
    """Code points in ascending order, as the inside of a bracket expression."""
    parts: list[list[int]] = []
    for code in codes:
        if parts and parts[-1][1] == code - 1:
            parts[-1][1] = code
        else:
            parts.append([code, code])
    return "".join(chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in parts)


def _is_mark(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "M"


#: Combining marks of the basic plane: a letter is one with its marks, which ``\w`` does not know.
MARKS: Final = _ranges([code for code in range(0x300, 0x10000) if _is_mark(code)])
#: What can melt into the character before it: marks, vowels and finals of Hangul, half-width voice marks.
MELTING: Final = rf"{MARKS}\u1160-\u11ff\uff9e-\uffdc"
#: Beyond the basic plane, what is sorted and what can melt.
RARELY_MELTING: Final = _ranges([code for code in range(0x10000, 0x20000) if _is_mark(code)])


def local_characters(word: str) -> str:
    """What a local part may hold, as the inside of a bracket expression; ``word``: the word characters, likewise."""
    return f"{word}.+'{SEPARATING}-"


def start_pattern(word: str) -> str:
    """What stands before an address within a run of local characters (apart from the run's start itself)."""
    return rf"(?:[{SEPARATING}]|(?<![{word}])'|(?<=[{UNSPACED}])(?=[0-9A-Za-z]))\.*"


@cache
def word_characters() -> str:
    r"""What Python's ``\w`` matches beyond ASCII, and the marks, as the inside of a bracket expression."""
    marks = {code for code in range(0x300, 0x10000) if _is_mark(code)}
    return _ranges([code for code in range(0x80, 0x110000) if chr(code).isalnum() or code in marks])
