"""Which addresses a text mentions beyond what :mod:`purge.addresses.matching` reads, and where.

Every reading is bounded: three deep, so many of them, and so much text in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from purge.addresses.decoders.encoded import credentials, data_urls, encoded_words, runs, tokens
from purge.addresses.decoders.obfuscations import JOINING, TOUCHING
from purge.addresses.decoders.readings import Edit, Reading
from purge.addresses.identity import identity_key
from purge.addresses.matching import Mention, emails_in, mentions, others_mentioned

Decoder = Callable[[str], Iterator[Edit]]

ENCODED: Final[tuple[Decoder, ...]] = (encoded_words, tokens, credentials, data_urls, runs)
#: The longer stretch before the shorter: a token goes whole, not only its part that says something.
DECODERS: Final[tuple[Decoder, ...]] = (*ENCODED, *JOINING, *TOUCHING)

#: How often what was decoded is decoded again.
DEEPEST: Final = 3
MOST_READINGS: Final = 60
#: Characters of all readings of a text together, beside six times its own.
MOST_CHARACTERS: Final = 2_000_000


def readings_of(text: str) -> Iterator[Reading]:
    """The text read in every other way; not as it stands."""
    seen = {text}
    level = [Reading(text)]
    left = MOST_CHARACTERS + 6 * len(text)
    for _depth in range(DEEPEST):
        deeper: list[Reading] = []
        for reading in level:
            for decoder in DECODERS:
                made = reading.edited(_apart(decoder(reading.text)))
                if made is reading or made.text in seen:
                    continue
                seen.add(made.text)
                left -= len(made.text)
                if left < 0 or len(seen) > MOST_READINGS:
                    return
                yield made
                deeper.append(made)
        level = deeper


def _apart(edits: Iterator[Edit]) -> Iterator[Edit]:
    done = 0
    for edit in edits:
        if edit.start >= done:
            yield edit
            done = edit.end


def decoded_emails_in(text: str) -> set[str]:
    """The keys of all addresses that a text mentions in one of these readings."""
    return set().union(*(emails_in(reading.text) for reading in readings_of(text)))


def decoded_mentions(text: str, keys: Collection[str], spared: Collection[str] = ()) -> list[Mention]:
    """Mentions of the keys in these readings, as :func:`purge.addresses.matching.mentions` has them: left to right,
    apart, the longest first. What was decoded is named by the whole stretch of code."""
    found: set[Mention] = set()
    for reading in readings_of(text):
        for mention in mentions(reading.text, keys, spared):
            start, end = reading.origin(mention.start, mention.end)
            found.add(Mention(start, end, mention.key))
    if found and spared:
        found = {mention for mention in found if _longer(text, mention).isdisjoint(spared)}
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
    for reading in readings_of(text):
        if not mentions(reading.text, keys):
            continue
        found |= others_mentioned(reading.text, keys, ours)
        for mention in mentions(reading.text, keys):
            found |= _longer(text, Mention(*reading.origin(mention.start, mention.end), mention.key))
    return found.difference(ours)


def _longer(text: str, mention: Mention) -> set[str]:
    """The identities of addresses, read as the text stands, of which the mention is a part (``d'angelo@x.org``)."""
    return {
        identity_key(text[each.start : each.end])
        for each in mentions(text)
        if each.start <= mention.start and each.end >= mention.end
    }
