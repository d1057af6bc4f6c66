"""The program of the child process: ``python -m purge.steps.opening.reader``.

It says each address that it finds, ``{"address": …, "identities": […]}`` with the identities that it can be as it is
written, and each kind of what it could not read, ``{"unopened": …}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Used further down, and imported here, so that the child does not even start without them.
import pypdf  # noqa: F401
import python_calamine  # noqa: F401

from purge.addresses import written_in
from purge.addresses.decoders.finding import decoded_written_in
from purge.sandbox.child import serve
from purge.sandbox.unopened import Unopened
from purge.steps.opening.contents import contents


def read(content: bytes) -> Iterator[dict[str, Any]]:
    """What stands in a file, once each."""
    told: set[tuple[str, frozenset[str]]] = set()
    unopened: set[Unopened] = set()
    for word in contents(content):
        if isinstance(word, Unopened):
            if word not in unopened:
                unopened.add(word)
                yield {"unopened": word.value}
            continue
        for address, identities in {*written_in(word), *decoded_written_in(word)} - told:
            told.add((address, identities))
            yield {"address": address, "identities": sorted(identities)}


if __name__ == "__main__":
    serve(read)
