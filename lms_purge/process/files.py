"""Uploaded files in a bucket instead of a folder: what LMS_FILES names."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any, NoReturn
from weakref import WeakSet

from storages.backends.s3 import S3Storage

from purge.bucket.place import Place, client_config
from purge.steps.erasing import eraser_of

logger = logging.getLogger(__name__)

#: Bytes of a file that are kept in memory while it is read; longer ones lie in a nameless temporary file meanwhile.
IN_MEMORY = 8 * 1024 * 1024


class BucketFiles(S3Storage):
    """Handed out by the site's own views alone, which ask who may see them; nothing is ever overwritten, and what the
    site deletes is deleted with all its versions.
    """

    def __init__(self, *, place: Place, **settings: Any) -> None:
        super().__init__(
            bucket_name=place.bucket,
            location=place.prefix,
            endpoint_url=place.endpoint,
            region_name=place.region,
            file_overwrite=False,
            client_config=client_config(),
            max_memory_size=IN_MEMORY,
            **settings,
        )
        _made.add(self)

    def delete(self, name: str) -> None:
        """What a lock or a missing right keeps of it is hidden at least; a rule of the bucket has to end it."""
        if eraser_of(self).erase([name]) is not None:
            logger.warning("a deleted file stays in the bucket as an old version: see docs/object-storage.md")
            super().delete(name)

    def url(self, *_words: Any, **_more: Any) -> NoReturn:
        raise NotImplementedError("files are handed out by the site's own pages")

    def forget_connection(self) -> None:
        """A process that was forked speaks through connections of its own."""
        self._connections, self._bucket = threading.local(), None


_made: WeakSet[BucketFiles] = WeakSet()


def _forget_all() -> None:
    for each in list(_made):
        each.forget_connection()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
