"""The program of the child process: ``python -m purge.steps.opening.reader``.

It says each address that it finds, ``{"address": …}``, and each kind of what it could not read, ``{"unopened": …}``.
"""

from __future__ import annotations

from collections.abc import Iterator

# Used further down, and imported here, so that the child does not even start without them.
import pypdf  # noqa: F401
import python_calamine  # noqa: F401

from purge.addresses import emails_in
from purge.addresses.decoders.finding import decoded_emails_in
from purge.sandbox.child import serve
from purge.sandbox.unopened import Unopened
from purge.steps.opening.contents import contents


def read(content: bytes) -> Iterator[dict[str, str]]:
    """What stands in a file, once each."""
    addresses: set[str] = set()
    unopened: set[Unopened] = set()
    for word in contents(content):
        if isinstance(word, Unopened):
            if word not in unopened:
                unopened.add(word)
                yield {"unopened": word.value}
            continue
        for address in (emails_in(word) | decoded_emails_in(word)) - addresses:
            addresses.add(address)
            yield {"address": address}


if __name__ == "__main__":
    serve(read)
