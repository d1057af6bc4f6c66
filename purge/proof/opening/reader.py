"""The program of the proof's child process: ``python -m purge.proof.opening.reader``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Used further down, and imported here, so that the child does not even start without them.
import pypdf  # noqa: F401
import python_calamine  # noqa: F401

from purge.proof.decoding.written import all_written_in
from purge.proof.opening.unpacking import Unpacker
from purge.sandbox.child import serve
from purge.sandbox.unopened import Unopened


def read(content: bytes) -> Iterator[dict[str, Any]]:
    """Each address in a file, and each kind of what could not be read, once."""
    told: set[tuple[str, frozenset[str]]] = set()
    for said in Unpacker().say(content):
        words = {(said.value, frozenset[str]())} if isinstance(said, Unopened) else set(all_written_in(said))
        for word, identities in words - told:
            if isinstance(said, Unopened):
                yield {"unopened": word}
            else:
                yield {"address": word, "identities": sorted(identities)}
        told |= words


if __name__ == "__main__":
    serve(read)
