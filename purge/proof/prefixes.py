"""The files that are stored under a person's own prefix."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.files.storage import default_storage

from purge.host import get_host
from purge.proof.stored import look_at


def files_under(public_id: str) -> Iterator[str]:
    """Names of all that is stored under a person's prefix, at any depth."""
    yield from look_at(default_storage).under(get_host().file_prefix(public_id))
