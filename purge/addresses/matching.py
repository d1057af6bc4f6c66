"""Which addresses a text mentions, and where.

**The definition.** A text is read as it stands and decoded, once and twice (:mod:`purge.addresses.encodings`); in each
reading invisible characters are dropped and compatibility forms made plain (NFKC). There an address is a local part,
``@`` and a domain, where no word character, dot, plus or hyphen stands before it, and no word character or hyphen, nor
a dot and one of these, after it. Two addresses are the same when their keys are: case-folded, never by substring,
``ann+x@x.org`` and ``jo.ann@x.org`` are others than ``ann@x.org``.

Some characters may belong to a local part and may separate (``?email=ann@x.org``). They separate at the start of a
word (``#ann@x.org``), in a URL, after ``name=``, and where the same sign stands behind the address too
(``a|ann@x.org|b``), so one ``@`` can mention several addresses; who looks for given keys gets the longest. Elsewhere
they are a part of the address: ``r&d@x.org`` is not ``d@x.org``. Dots at the very start separate ("…ann@x.org"), and so
does the change from a script without spaces to ASCII ("联系ann@x.org").

*Somebody else's.* Search keys are wider than identities, and an address can stand inside a longer one. Whoever takes
addresses out names the identities that other people have there (``spared``): what may be one of theirs stays.

Nothing here raises, for any string; the time is linear in its length.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from purge.addresses.decoders.readings import Edit, Reading
from purge.addresses.embedded import embedded_in, may_embed
from purge.addresses.encodings import (
    AT_SIGNS,
    CONTROL_ESCAPES,
    ENTITIES,
    ESCAPE_NEAR_AT,
    ESCAPED_AT,
    ESCAPES,
    ESCAPING,
    LONGEST,
    MARKS,
    MELTING,
    MOST_MARKS,
    MOST_STARTS,
    QUOTED_PRINTABLE,
    RARELY_MELTING,
    SEPARATING,
    UNSPACED,
    ZERO_WIDTH,
    local_characters,
    start_pattern,
)
from purge.addresses.identity import identity_key
from purge.addresses.tokens import ID, SHORTEST_HEXADECIMAL, hexadecimal_in

_WORD: Final = rf"\w{MARKS}"
_LOCAL: Final = local_characters(_WORD)

_AT_SIGN: Final = re.compile(f"[{AT_SIGNS}]")
_ESCAPING: Final = re.compile(f"[{ESCAPING}]")
_ESCAPED_AT: Final = re.compile(ESCAPED_AT)
_ESCAPE_NEAR_AT: Final = re.compile(ESCAPE_NEAR_AT)
_ZERO_WIDTH: Final = re.compile(f"[{ZERO_WIDTH}]+")
# Patterns begin with one character or class wherever they can: ``re`` skips to it quickly.
_AT: Final = re.compile(rf"@(?<=[{_LOCAL}]@)(?=[{_WORD}-])")
_RUN: Final = re.compile(f"[{_LOCAL}]+")
_DOMAIN: Final = re.compile(rf"[{_WORD}-]+(?:\.[{_WORD}-]+)*")
# In ASCII: what stands after an at-sign, or '' for what introduces an escape.
_DOMAIN_OR_ESCAPE: Final = re.compile(rf"[{ESCAPING}@](?:(?<=@)([\w-]+(?:\.[\w-]+)*))?", re.ASCII)
_START: Final = re.compile(f"^\\.*|{start_pattern(_WORD)}")
# What is a URL, or an encoded word: there every sign that can separate does.
_URL: Final = re.compile(r"/|=\?|[\w-]+(?:\.[\w-]+)+/")
_NAMED: Final = re.compile(r"(?:^|[?&;])[\w.-]+=")
_CLOSING: Final = {"{": "}"}
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")
_ESCAPE: Final = re.compile(ESCAPES)
_ESCAPE_OR_QUOTED: Final = re.compile(f"{ESCAPES}|{QUOTED_PRINTABLE}")

# Classes within the basic plane: one character beyond it makes ``re`` search the whole class for each character.
_CLUSTER: Final = re.compile(
    rf"[\x00-\U0010ffff](?:[{MELTING}]|(?=[\U00010000-\U0001ffff])[{RARELY_MELTING}])+|[^\x00-\x7f]"
)
_FAR_FROM_LATIN: Final = re.compile(rf"[^\x00-\u02ff][^\x00-\u02ff]{{{MOST_MARKS}}}")
_MANY_MARKS: Final = re.compile(f"[{MELTING}{RARELY_MELTING}]{{{MOST_MARKS + 1},}}")

# What an address cannot begin after, and what it cannot end before.
_INTO: Final = re.compile(rf"(?:[{_WORD}+-]\.*|[{_WORD}]')\Z")
_ONWARD: Final = re.compile(rf"\.?[{_WORD}-]")
_OPENING: Final = frozenset("%&\\")
_BESIDE: Final = 64

_PLAUSIBLE: Final = re.compile(
    rf"(?!\.)[{_LOCAL}]{{1,64}}(?<!\.)@(?:(?!-)[{_WORD}-]{{1,63}}(?<!-)\.)+(?!-)(?![0-9]+\Z)[{_WORD}-]{{2,63}}(?<!-)"
)
_LONGEST_PLAUSIBLE: Final = 254


class Mention(NamedTuple):
    """An address in a text: where it stands in the text as it was given, and its key."""

    start: int
    end: int
    key: str


def address_key(text: str) -> str:
    """The form in which addresses are compared: trimmed, NFKC, without invisible characters, case-folded."""
    if text.isascii():
        return text.strip().lower()
    plain = _plain(Reading(text)).text
    return unicodedata.normalize("NFKC", plain.casefold()).strip()


def is_address(text: str) -> bool:
    """Whether the text, trimmed, is one whole plausible address, as forms ask for it; such one is always found."""
    key = address_key(text)
    return len(key) <= _LONGEST_PLAUSIBLE and bool(_PLAUSIBLE.fullmatch(key)) and key in emails_in(key)


def emails_in(text: str) -> set[str]:
    """The keys of all addresses the text mentions, in any writing, and of what may stand for one
    (:mod:`purge.addresses.tokens`)."""
    if not _AT_SIGN.search(text) and not _ESCAPING.search(text):
        return {key for _start, _end, key in hexadecimal_in(text)} if len(text) >= SHORTEST_HEXADECIMAL else set()
    found = {key for reading in _readings(text) for _start, _end, key in _candidates(reading.text)}
    found.update(key for _start, _end, key in hexadecimal_in(text))
    found.update(key for _start, _end, key in embedded_in(text))
    return found


def mentions(text: str, keys: Collection[str] | None = None, spared: Collection[str] = ()) -> list[Mention]:
    """The addresses mentioned, left to right, without overlaps, the longest first where several readings compete.

    ``keys``: only these (as :func:`address_key` makes them). ``spared``: identity keys of other people; what is written
    like one of them, or stands within one, is left out.
    """
    if keys is not None and cannot_mention(text, keys):
        return []
    every = _every(text)
    found = {mention for mention in every.mentions if keys is None or mention.key in keys}
    if spared:
        found = {mention for mention in found if every.identities_around(mention).isdisjoint(spared)}
    apart: list[Mention] = []
    for mention in sorted(found, key=lambda each: (each.start, -each.end, each.key)):
        if not apart or mention.start >= apart[-1].end:
            apart.append(mention)
    return apart


def others_mentioned(text: str, keys: Collection[str], ours: Collection[str]) -> set[str]:
    """The identity keys, other than ``ours``, that a mention of the search keys may be, or may be a part of.

    Of these somebody has to say whether they are other people's, before the mentions are taken out.
    """
    if cannot_mention(text, keys):
        return set()
    every = _every(text)
    found = (every.identities_around(mention) for mention in every.mentions if mention.key in keys)
    return set().union(*found).difference(ours)


def written_in(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The search key of each mention of an address, or of what may stand for one, and the identities that it, and every
    longer address it is a part of, can be. Of all mentions of one key somebody may ask whose each is."""
    every = _Every(text)
    for mention in every.mentions:
        yield mention.key, frozenset(every.identities_around(mention))


class _Every:
    """All that can be an address in a text, or stand for one, overlapping as they do; by place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._embedded = {Mention(*each) for each in embedded_in(text)}
        found = {
            Mention(*reading.origin(start, end), key)
            for reading in _readings(text)
            for start, end, key in _candidates(reading.text)
        }
        found.update(Mention(*each) for each in hexadecimal_in(text))
        self.mentions = sorted(found | self._embedded)
        self._longest = max((each.end - each.start for each in self.mentions), default=0)
        self._written: dict[tuple[int, int], set[str]] = {}

    def identities_around(self, mention: Mention) -> set[str]:
        """The identities that the mention, and every longer address it is a part of, can be: as they are written."""
        found: set[str] = set()
        first = bisect_left(self.mentions, (mention.end - self._longest,))
        for each in self.mentions[first : bisect_left(self.mentions, (mention.start + 1,))]:
            if each.end >= mention.end:
                found |= self._identities_at(each.start, each.end)
                if each in self._embedded:
                    # Embedded in another it is written otherwise.
                    found.add(identity_key(each.key))
        return found

    def _identities_at(self, start: int, end: int) -> set[str]:
        if (start, end) not in self._written:
            self._written[start, end] = {identity_key(each) for each in _decodings(self._text[start:end])}
        return self._written[start, end]


@lru_cache(maxsize=1)
def _every(text: str) -> _Every:
    """One text is remembered, since it is asked about more than once in a row; no more, for it is people's."""
    return _Every(text)


def _decodings(writing: str) -> set[str]:
    """What is written there, decoded never, once and twice; no compatibility form is made plain."""
    level, seen = {writing}, {writing}
    for _depth in range(2):
        level = {
            _decoded(Reading(each), pattern).text for each in level for pattern in (_ESCAPE, _ESCAPE_OR_QUOTED)
        } - seen
        seen |= level
    return seen


def cannot_mention(text: str, keys: Collection[str]) -> bool:
    """Whether a plain text certainly mentions none of the keys. False for any text that would have to be decoded.

    Ten times as quick as looking at every address; a walk over texts that no index narrows is made of this question.
    """
    if not text.isascii():
        return False
    lowered = text.lower()
    keys = keys if isinstance(keys, frozenset) else frozenset(keys)
    if _may_hold_token(lowered, *_tokens_of(keys)) or may_embed(lowered):
        return False
    found = _DOMAIN_OR_ESCAPE.findall(lowered)
    if not found:
        return True
    # Such a text is read in one way only, and there an address ends where its domain does.
    locals_of = _by_domain(keys)
    if locals_of.keys().isdisjoint(found):
        return True
    if "" in found:
        return False
    for domain in found:
        at, parts = locals_of.get(domain, ("", ()))
        here = lowered.find(at) if at else -1
        while here >= 0:
            if lowered.endswith(parts, 0, here):
                return False
            here = lowered.find(at, here + 1)
    return True


def _may_hold_token(lowered: str, digests: frozenset[str], ids: tuple[str, ...]) -> bool:
    if digests and any(key in digests for _start, _end, key in hexadecimal_in(lowered)):
        return True
    # IDs stand in JSON alone, where a backslash may write any character.
    return bool(ids) and '"' in lowered and ("\\" in lowered or any(each in lowered for each in ids))


@lru_cache(maxsize=4)
def _tokens_of(keys: frozenset[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Those of the keys that are no addresses: digests and the like, and IDs as they are written."""
    ids = tuple(key.removeprefix(ID) for key in keys if key.startswith(ID))
    return frozenset(key for key in keys if "@" not in key and not key.startswith(ID)), ids


@lru_cache(maxsize=4)
def _by_domain(keys: frozenset[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By domain: the at-sign and it, and the keys' local parts; '' for an escape. Few are remembered: they are
    people's."""
    found: dict[str, list[str]] = {"": []}
    for key in keys:
        local, at, domain = key.rpartition("@")
        if not at or key.startswith(ID):
            continue
        found.setdefault(domain, []).append(local)
    return {domain: (domain and f"@{domain}", tuple(parts)) for domain, parts in found.items()}


def _readings(text: str) -> Iterator[Reading]:
    if not _AT_SIGN.search(text) and not (_ESCAPING.search(text) and _ESCAPED_AT.search(text)):
        return
    level = [_plain(Reading(text))]
    seen: set[str] = set()
    for _depth in range(3):
        fresh = [reading for reading in level if reading.text not in seen]
        yield from fresh
        seen.update(reading.text for reading in fresh)
        level = [
            _plain(_decoded(reading, pattern))
            for reading in fresh
            if _ESCAPED_AT.search(reading.text) or _ESCAPE_NEAR_AT.search(reading.text)
            for pattern in (_ESCAPE, _ESCAPE_OR_QUOTED)
        ]


def _decoded(reading: Reading, pattern: re.Pattern[str]) -> Reading:
    return reading.edited(
        Edit(match.start(), match.end(), new)
        for match in pattern.finditer(reading.text)
        if (new := _meaning(match.group())) is not None
    )


def _meaning(escape: str) -> str | None:
    """What an escape stands for; None for one that stands for nothing and stays as it is."""
    match escape[0], escape[1]:
        case "&", "#":
            digits = escape[2:].rstrip(";")
            return _character(int(digits[1:], 16) if digits[0] in "Xx" else int(digits))
        case "&", _:
            return ENTITIES.get(escape[1:-1])
        case "\\", "u" if len(escape) > 6:
            high, low = int(escape[2:6], 16), int(escape[8:], 16)
            return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        case "\\", "u" | "x":
            return chr(int(escape[2:], 16))
        case "\\", itself:
            return itself
        case "=", " " | "\t" | "\r" | "\n":
            return ""
        case sign, _:
            return bytes.fromhex(escape.replace(sign, "")).decode()


def _character(code: int) -> str | None:
    return None if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF else chr(code)


def _plain(reading: Reading) -> Reading:
    """Without invisible characters, compatibility forms made plain."""
    if reading.text.isascii():
        return reading
    reading = reading.edited(Edit(*match.span(), "") for match in _ZERO_WIDTH.finditer(reading.text))
    if _FAR_FROM_LATIN.search(reading.text):
        # Sorting marks takes quadratic time.
        many = _MANY_MARKS.finditer(reading.text)
        reading = reading.edited(Edit(match.start() + MOST_MARKS, match.end(), "") for match in many)
    if unicodedata.is_normalized("NFKC", reading.text):
        return reading
    clusters = (
        Edit(match.start(), match.end(), unicodedata.normalize("NFKC", match.group()))
        for match in _CLUSTER.finditer(reading.text)
    )
    return reading.edited(edit for edit in clusters if edit.new != reading.text[edit.start : edit.end])


def _candidates(text: str) -> Iterator[tuple[int, int, str]]:
    """Spans and keys of everything that is an address in a plain text."""
    for match in _AT.finditer(text):
        at = match.start()
        ends = list(_ends(text, at))
        for start in _starts(text, at, ends):
            for end in ends:
                if end - start > LONGEST or _goes_on(text, start, end):
                    continue
                if len(key := address_key(text[start:end])) <= LONGEST:
                    yield start, end, key


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether an escape beside the span is a part of a longer address: ``o&#39;neil@x.org``, ``ann@x.org%2Eau``."""
    if text[start - 1 : start] == ";":
        before = _opened(text[max(start - _BESIDE, 0) : start])
        run = _RUN.match(before[::-1])
        if _INTO.search(before) or (run and not _separates(before, len(before) - run.end(), len(before), ())):
            return True
    return text[end : end + 1] in _OPENING and bool(_ONWARD.match(_opened(text[end : end + _BESIDE])))


def _opened(window: str) -> str:
    reading = Reading(window)
    for _depth in range(2):
        reading = _plain(_decoded(reading, _ESCAPE))
    return reading.text


def _ends(text: str, at: int) -> Iterator[int]:
    domain = _DOMAIN.match(text, at + 1, at + 1 + LONGEST)
    if domain is None:
        return
    yield domain.end()
    if not text.isascii() and (prose := _UNSPACED.search(domain.group())):
        before = domain.group()[: prose.start()].rstrip(".")
        if before:
            yield at + 1 + len(before)


def _starts(text: str, at: int, ends: Collection[int]) -> list[int]:
    """Where an address with this ``@`` may start: after what separates. The nearest ones, whatever their number."""
    floor = max(at - LONGEST - 1, 0)
    # Reversed, so that the run before the ``@`` is matched in one go.
    run = _RUN.match(text[floor:at][::-1])
    if run is None:
        return []
    begin = at - run.end()
    places = {begin + match.end() for match in _START.finditer(text[begin:at])}
    if begin > 0 and text[begin - 1] == "\\" and text[begin] in CONTROL_ESCAPES:
        # ``\nann@x.org`` can be a line break and an address.
        places |= {begin + 1 + match.end() for match in _START.finditer(text[begin + 1 : at])}
    nearest = sorted(place for place in places if place < at)[-MOST_STARTS:]
    return [place for place in nearest if _separates(text, begin, place, ends)]


def _separates(text: str, begin: int, place: int, ends: Collection[int]) -> bool:
    """Whether what stands before a place in a run (which begins at ``begin``) can be no part of an address there."""
    before = text[begin:place].rstrip(".")
    sign = before[-1:]
    if sign not in SEPARATING or not before.strip(SEPARATING + ".'"):
        return True
    if _URL.match(before) or (sign in "=&" and _NAMED.search(before)):
        return True
    closing = _CLOSING.get(sign, sign)
    return any(text[end : end + 1] == closing for end in ends)
