"""Stored files, from the side that asks: plain text is read here, everything else in a child process."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Self

from django.core.files.storage import Storage

from purge.addresses import written_in
from purge.addresses.decoders.finding import decoded_written_in
from purge.sandbox import child
from purge.sandbox.parent import Sandbox
from purge.sandbox.unopened import Unopened
from purge.steps.opening.kinds import HEAD, Kind, kind_of
from purge.steps.opening.texts import texts

READER: Final = "purge.steps.opening.reader"
_TROUBLE: Final = {child.LIMIT: Unopened.LIMIT, child.FAILED: Unopened.DAMAGED}


@dataclass(frozen=True)
class Found:
    """The addresses that were looked for and stand in a file, with the identities that each mention can be, and the
    kinds of what could not be read in it."""

    addresses: Mapping[str, Collection[frozenset[str]]] = field(default_factory=dict)
    unopened: frozenset[Unopened] = frozenset()


class Opener:
    """Reads stored files, for as long as the ``with`` block lasts.

    ``seconds``: so long what is no plain text is opened; afterwards such a file is taken for one that says nothing.
    """

    def __init__(self, *, seconds: float = math.inf) -> None:
        self._sandbox = Sandbox("-m", READER)
        self._left = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._sandbox.__exit__()

    def look(self, storage: Storage, name: str, keys: Collection[str]) -> Found:
        """Which of the addresses a stored file mentions; a file that is gone says nothing."""
        if not keys or not storage.exists(name):
            return Found()
        with storage.open(name, "rb") as stored:
            kind = kind_of(stored.read(HEAD))
            stored.seek(0)
            if kind not in (Kind.TEXT, Kind.FOLDED):
                if self._left < 0:
                    return Found()
                begun = time.monotonic()
                answer = self._sandbox.read(stored)
                self._left -= time.monotonic() - begun
                said = [(word["address"], frozenset(word["identities"])) for word in answer.said if "address" in word]
                unopened = {Unopened(word["unopened"]) for word in answer.said if "unopened" in word}
                unopened |= {_TROUBLE[answer.trouble]} if answer.trouble else set()
                return Found(_by_key(said, keys), frozenset(unopened))
            every = (
                (*written_in(text), *decoded_written_in(text)) for text in texts(stored, folded=kind is Kind.FOLDED)
            )
            return Found(_by_key(chain.from_iterable(every), keys))


def _by_key(said: Iterable[tuple[str, frozenset[str]]], keys: Collection[str]) -> dict[str, set[frozenset[str]]]:
    found: dict[str, set[frozenset[str]]] = defaultdict(set)
    for key, identities in said:
        if key in keys:
            found[key].add(identities)
    return dict(found)
