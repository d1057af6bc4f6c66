"""What is left of stored files, asked of the storage itself. It shares nothing with what erases them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from django.core.files.storage import Storage

from purge.bucket.place import bucket_of
from purge.proof.stored.bucket import BucketLook
from purge.proof.stored.folder import FolderLook


class Look(Protocol):
    """Looks at one storage."""

    def under(self, folder: str) -> Iterator[str]:
        """Whatever is stored in a folder, at any depth; in a bucket each version, marker and unfinished upload."""

    def has_folder(self, folder: str) -> bool:
        """Whether the folder itself is there."""

    def left_of(self, names: Collection[str]) -> set[str]:
        """Those of the files of which anything is left."""


def look_at(storage: Storage) -> Look:
    """The one for this kind of storage."""
    bucket = bucket_of(storage)
    return FolderLook(storage) if bucket is None else BucketLook(bucket)


__all__ = ["Look", "look_at"]
