"""Which addresses a text mentions beyond what :mod:`purge.addresses.matching` reads, and where.

Every reading is bounded: three deep, so many of them, and so much text in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from purge.addresses.decoders.encoded import SHORTEST_RUN, credentials, data_urls, encoded_words, runs, tokens
from purge.addresses.decoders.obfuscations import FILES, JOINING, TOUCHING
from purge.addresses.decoders.readings import Edit, Reading
from purge.addresses.encodings import AT_SIGNS
from purge.addresses.identity import identity_key
from purge.addresses.matching import Mention, emails_in, mentions, others_mentioned, written_in

Decoder = Callable[[str], Iterator[Edit]]

ENCODED: Final[tuple[Decoder, ...]] = (encoded_words, tokens, credentials, data_urls, runs)
OBFUSCATED: Final[tuple[Decoder, ...]] = (*JOINING, *TOUCHING)

#: Every writing of an at-sign but the plain one.
_ESCAPED: Final = re.compile(rf"commat|%40|\\u00|u\{{|&#|[{AT_SIGNS.replace('@', '')}]")
#: The same, or what says that a code follows.
_ANNOUNCED: Final = re.compile(rf"=\?|[bB](?:asic|ASIC)[ \t:]|{_ESCAPED.pattern}")
#: Enough of a run of base64 to be decoded.
_RUN: Final = re.compile(rf"[A-Za-z0-9+/_-]{{{SHORTEST_RUN}}}")
#: What most words with an at-sign look like: an address, and signs around it that no reading minds.
_PLAIN_WORD: Final = re.compile(
    r"[(\[{:;,]*(?:\"?[\w.]+\"?[=:,;])?[\"<(\[]*(?:mailto:)?[a-z0-9][a-z0-9.+]*(?:[-_][a-z0-9.+]+)*"
    rf"@[a-z0-9-]+(?:\.(?!(?:{FILES})\b)[a-z0-9-]+)+[\")\]}}>,;:.!?]*",
    re.ASCII,
)
#: How far around an at-sign something may stand that hides a part of the address or touches it, and what that is: one
#: alternative for each of the readings that are not of another code, a little wider than they are.
_BEFORE, _BEHIND = 90, 270
_TOUCHED: Final = re.compile(
    r"[A-Za-z]'[^\s@]{0,80}@"
    r"|(?:^|[\s(\[{<>\"',;:])[-\u2013\u2014_][^\s@]{0,80}@"
    r"|>[^\s@<>]{0,80}@|@[^\s@<>]{0,250}<[/!A-Za-z]"
    r"|\n[ \t][^\s@]{0,80}@|@[^\s@]{0,250}\n[ \t]|@[^\s@]{0,250}\r\n[ \t]"
    r'|"@'
    r"|@[^\s@_]{1,250}_"
    r"|@[^\s@]{1,250}[.-][A-Z\u00c4\u00d6\u00dc]"
    rf"|@[^\s@]{{1,250}}\.(?:{FILES})\b"
    r"|&[A-Za-z][A-Za-z0-9]*;|u\{0*[0-9A-Fa-f]|%[89A-Fa-f][0-9A-Fa-f]|=[C-F][0-9A-F]"
    r"|[^\x00-\x7f]"
)

#: How often what was decoded is decoded again.
DEEPEST: Final = 3
MOST_READINGS: Final = 60
#: Characters of all readings of a text together, beside six times its own.
MOST_CHARACTERS: Final = 2_000_000


def readings_of(text: str) -> Iterator[Reading]:
    """The text read in every other way; not as it stands.

    What stands in another code is read again in the same way, some levels deep. Of what hides a part of an address each
    kind is taken away for itself, and all together.
    """
    seen = {text}
    level = [Reading(text)]
    left = MOST_CHARACTERS + 6 * len(text)
    for _depth in range(DEEPEST):
        deeper: list[Reading] = []
        for reading in level:
            if is_plain(reading.text):
                continue
            for made, is_code in _read(reading):
                if made.text in seen:
                    continue
                seen.add(made.text)
                left -= len(made.text)
                if left < 0 or len(seen) > MOST_READINGS:
                    return
                yield made
                if is_code:
                    deeper.append(made)
        level = deeper


def _read(reading: Reading) -> Iterator[tuple[Reading, bool]]:
    """The readings of one, and whether what they say is to be read again."""
    for decoder in ENCODED:
        if (made := reading.edited(_apart(decoder(reading.text)))) is not reading:
            yield made, True
    if not _has_at_sign(reading.text):
        return
    together, kinds = reading, 0
    for decoder in OBFUSCATED:
        made = reading.edited(_apart(decoder(reading.text)))
        if made is not reading:
            yield made, False
        # Some have something to read only behind another: in ``x\u2010y.example_`` there is no domain before.
        after = made if together is reading else together.edited(_apart(decoder(together.text)))
        kinds += after is not together
        together = after
    if kinds > 1:
        yield together, True


def is_plain(text: str) -> bool:
    """Whether no decoder finds anything to read in another way where an address could stand: seen at once, since it is
    so of nearly every text."""
    if _ANNOUNCED.search(text):
        return False
    plain_words = "\n " not in text and "\n\t" not in text
    for word in text.split():
        if len(word) >= SHORTEST_RUN and _RUN.search(word):
            return False
        if plain_words and "@" in word and not _PLAIN_WORD.fullmatch(word):
            plain_words = False
    if plain_words:
        return True
    place = text.find("@")
    while place >= 0:
        if _TOUCHED.search(text, max(place - _BEFORE, 0), place + _BEHIND):
            return False
        place = text.find("@", place + 1)
    return True


def _has_at_sign(text: str) -> bool:
    return "@" in text or bool(_ESCAPED.search(text))


def _apart(edits: Iterator[Edit]) -> Iterator[Edit]:
    done = 0
    for edit in edits:
        if edit.start >= done:
            yield edit
            done = edit.end


def decoded_emails_in(text: str) -> set[str]:
    """The keys of all addresses that a text mentions in one of these readings."""
    return set().union(*(emails_in(part) for reading in readings_of(text) for part, _place in _changed(reading)))


def decoded_written_in(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The same as :func:`purge.addresses.matching.written_in` of what a text mentions in these readings."""
    for reading in readings_of(text):
        for part, _place in _changed(reading):
            yield from written_in(part)


def decoded_mentions(text: str, keys: Collection[str], spared: Collection[str] = ()) -> list[Mention]:
    """Mentions of the keys in these readings, as :func:`purge.addresses.matching.mentions` has them: left to right,
    apart, the longest first. What was decoded is named by the whole stretch of code."""
    found: set[Mention] = set()
    for reading in readings_of(text):
        for part, place in _changed(reading):
            for mention in mentions(part, keys, spared):
                start, end = reading.origin(mention.start + place, mention.end + place)
                found.add(Mention(start, end, mention.key))
    if found and spared:
        whole = mentions(text)
        found = {mention for mention in found if _longer(text, mention, whole).isdisjoint(spared)}
    apart: list[Mention] = []
    for mention in sorted(found, key=lambda each: (each.start, -each.end, each.key)):
        if not apart or mention.start >= apart[-1].end:
            apart.append(mention)
    return apart


def all_mentions(text: str, keys: Collection[str], spared: Collection[str] = ()) -> list[Mention]:
    """The mentions of the keys in a text as it stands; where there is none, in these readings."""
    return mentions(text, keys, spared) or decoded_mentions(text, keys, spared)


def others_decoded(text: str, keys: Collection[str], ours: Collection[str]) -> set[str]:
    """The identity keys, other than ``ours``, that a mention in these readings may be, or be a part of."""
    found: set[str] = set()
    whole: list[Mention] | None = None
    for reading in readings_of(text):
        for part, place in _changed(reading):
            if not (met := mentions(part, keys)):
                continue
            found |= others_mentioned(part, keys, ours)
            whole = mentions(text) if whole is None else whole
            for mention in met:
                origin = reading.origin(mention.start + place, mention.end + place)
                found |= _longer(text, Mention(*origin, mention.key), whole)
    return found.difference(ours)


def _changed(reading: Reading) -> Iterator[tuple[str, int]]:
    """The parts of a reading that are not read in another one already, each with its place."""
    for start, end in reading.changed():
        yield reading.text[start:end], start


def _longer(text: str, mention: Mention, whole: Iterable[Mention]) -> set[str]:
    """The identities of addresses, read as the text stands (``whole``), of which the mention is a part, as in
    ``d'angelo@x.org``."""
    return {
        identity_key(text[each.start : each.end])
        for each in whole
        if each.start <= mention.start and each.end >= mention.end
    }
