"""Erasing stored files for good, wherever they are: one way in for folders and for buckets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from django.core.files.storage import Storage

from purge.bucket.place import bucket_of
from purge.steps.erasing.bucket import InBucket
from purge.steps.erasing.folder import InFolder
from purge.steps.erasing.stays import Stays


class Eraser(Protocol):
    """Erases what it can, and then says what stays; what the storage raises otherwise may be tried again."""

    def erase(self, names: Collection[str]) -> Stays | None:
        """These files, with all that was ever stored under their names. What is gone already is no error."""

    def erase_under(self, folder: str) -> Stays | None:
        """Everything in a folder (no slash at its end), at any depth, and the folder."""


def eraser_of(storage: Storage) -> Eraser:
    """The one for this kind of storage."""
    bucket = bucket_of(storage)
    return InBucket(bucket) if bucket is not None else InFolder(storage)


__all__ = ["Eraser", "Stays", "eraser_of"]
