"""All addresses that a text of a stored file mentions, as it stands and in another code, with whose each can be."""

from __future__ import annotations

from collections.abc import Iterator

from purge.addresses import address_key, identity_key, written_in
from purge.proof.decoding.codes import plain_texts
from purge.proof.decoding.within import addresses_within


def all_written_in(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """As :func:`purge.addresses.written_in`: what stands in a longer address may be whoever has that one."""
    for each in (text, *plain_texts(text)):
        yield from written_in(each)
        for within in addresses_within(each):
            yield address_key(within.address), frozenset(map(identity_key, within))
