"""Erasing what is stored under the prefix of a person who is gone: files that no row names any more."""

from __future__ import annotations

import contextlib

from django.core.files.storage import default_storage

from purge.host import get_host


def erase_prefix(public_id: str) -> None:
    """Erase every file under a person's own prefix, and then the folders that they were in."""
    _erase_folder(get_host().file_prefix(public_id))


def _erase_folder(folder: str) -> None:
    try:
        inner, names = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        default_storage.delete(f"{folder}/{name}")
    for name in filter(None, inner):
        _erase_folder(f"{folder}/{name}")
    # Somebody may have put a file into it just now: the next look finds that.
    with contextlib.suppress(OSError):
        default_storage.delete(folder)
