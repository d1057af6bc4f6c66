"""Erasing what is stored under the prefix of a person who is gone: files that no row names any more."""

from __future__ import annotations

from django.core.files.storage import default_storage

from purge.host import get_host
from purge.steps.erasing import Stays, eraser_of


def erase_prefix(public_id: str) -> Stays | None:
    """Erase every file under a person's own prefix, and then the folders that they were in. What stays, if anything."""
    return eraser_of(default_storage).erase_under(get_host().file_prefix(public_id))
