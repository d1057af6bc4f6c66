"""Looking into one stored file: plain text here, everything else in a child process."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from django.core.files.storage import Storage

from purge.proof.decoding.written import all_written_in
from purge.proof.opening.charsets import texts_of
from purge.sandbox import child
from purge.sandbox.parent import Sandbox
from purge.sandbox.unopened import Unopened

READER: Final = "purge.proof.opening.reader"
_CALENDAR: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*BEGIN:V(?:CALENDAR|CARD)", re.IGNORECASE)
_LIKE_A_HEADER: Final = re.compile(rb"\A(?:From [^:\n]*\n)?[A-Za-z-]+:")
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]|\APK|\A\x1f\x8b|\ABZh|%PDF-")


@dataclass(frozen=True)
class Seen:
    """All addresses in a file, with what each mention can be, and the kinds of what could not be read in it."""

    addresses: Mapping[str, Collection[frozenset[str]]] = field(default_factory=dict)
    unopened: frozenset[Unopened] = frozenset()


class Looker:
    """Looks into stored files, for as long as the ``with`` block lasts."""

    def __init__(self) -> None:
        self.sandbox = Sandbox("-m", READER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.sandbox.__exit__()

    def look(self, storage: Storage, name: str) -> Seen:
        """What a stored file says; one that is gone says nothing."""
        if not storage.exists(name):
            return Seen()
        with storage.open(name, "rb") as stored:
            head = stored.read(4_096)
            stored.seek(0)
            calendar = bool(_CALENDAR.match(head))
            if _NO_TEXT.search(head) or (_LIKE_A_HEADER.match(head) and not calendar):
                return self._from_the_child(stored)
            found: dict[str, set[frozenset[str]]] = defaultdict(set)
            for text in texts_of(stored, unfolded=calendar):
                for key, identities in all_written_in(text):
                    found[key].add(identities)
            return Seen(dict(found))

    def _from_the_child(self, stored: object) -> Seen:
        answer = self.sandbox.read(stored)  # type: ignore[arg-type]
        addresses: dict[str, set[frozenset[str]]] = defaultdict(set)
        for word in answer.said:
            if "address" in word:
                addresses[word["address"]].add(frozenset(word["identities"]))
        unopened = {Unopened(word["unopened"]) for word in answer.said if "unopened" in word}
        if answer.trouble:
            unopened.add(Unopened.LIMIT if answer.trouble == child.LIMIT else Unopened.DAMAGED)
        return Seen(dict(addresses), frozenset(unopened))
