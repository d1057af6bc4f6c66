"""What a bucket still has, listed page by page: versions, markers of deletions, uploads that were never finished."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from purge.bucket.place import Bucket, error_code, is_refused

#: What an answer calls where the next one goes on → what the question calls it.
_VERSIONS: Final = {"NextKeyMarker": "KeyMarker", "NextVersionIdMarker": "VersionIdMarker"}
_UPLOADS: Final = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}


class NotAllowedToLook(Exception):
    """The bucket does not let this process see what it has. Says which right is missing."""


@dataclass(frozen=True)
class BucketLook:
    bucket: Bucket

    def under(self, folder: str) -> Iterator[str]:
        yield from self._keys(self.bucket.key(folder) + "/")

    def has_folder(self, folder: str) -> bool:
        """A bucket has no folders: an object may have the name of one."""
        return self.bucket.key(folder) in self._keys(self.bucket.key(folder), only=True)

    def left_of(self, names: Collection[str]) -> set[str]:
        return {name for name in names if any(True for _key in self._keys(self.bucket.key(name), only=True))}

    def _keys(self, start: str, *, only: bool = False) -> Iterator[str]:
        """The key of everything whose key begins so; ``only``: of what has this very key."""
        client = self.bucket.client
        for page in self._asked(client.list_object_versions, _VERSIONS, "s3:ListBucketVersions", start):
            keys = [each["Key"] for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))]
            yield from (key for key in keys if not only or key == start)
            if only and page.get("NextKeyMarker", start) > start:
                break  # they come in the order of their keys, and those of the very key first
        for page in self._asked(client.list_multipart_uploads, _UPLOADS, "s3:ListBucketMultipartUploads", start):
            keys = [each["Key"] for each in page.get("Uploads", ())]
            yield from (key for key in keys if not only or key == start)
            if only and page.get("NextKeyMarker", start) > start:
                break

    def _asked(self, question: Any, goes_on: dict[str, str], right: str, start: str) -> Iterator[dict[str, Any]]:
        where: dict[str, str] = {}
        while True:
            try:
                page = question(Bucket=self.bucket.name, Prefix=start, **where)
            except Exception as error:
                if is_refused(error_code(error)):
                    raise NotAllowedToLook(right) from None
                raise
            yield page
            if not page.get("IsTruncated"):
                return
            where = {ours: page[theirs] for theirs, ours in goes_on.items() if page.get(theirs)}
