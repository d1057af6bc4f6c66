"""Files in a bucket: every version of them, the markers of their deletion, and uploads that were never finished.

A deletion without a version only lays a marker over the file in a bucket that keeps versions; everybody with the right
to read versions still reads it. So each version is deleted by its number, which in a bucket without versions is "null".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.utils import timezone

from purge.bucket.place import Bucket, error_code, is_refused
from purge.choices import FilesStay
from purge.steps.erasing.stays import Stays, together

#: As many as the store deletes by one question.
AT_ONCE: Final = 1_000
LIST_VERSIONS, DELETE_VERSION = "s3:ListBucketVersions", "s3:DeleteObjectVersion"
LIST_UPLOADS, ABORT_UPLOAD = "s3:ListBucketMultipartUploads", "s3:AbortMultipartUpload"

#: A version: its file's key, and its number.
Version = tuple[str, str]


class StoreFailed(Exception):
    """The store said of single versions that it could not delete them. Trying again may help."""


class _Refused(Exception):
    def __init__(self, right: str) -> None:
        super().__init__(right)
        self.right = right


@dataclass(frozen=True)
class InBucket:
    bucket: Bucket

    def erase(self, names: Collection[str]) -> Stays | None:
        keys = {self.bucket.key(name): name for name in names}
        return self._erase(
            keys.get,
            (version for key in sorted(keys) for version in self._versions_of(key)),
            (upload for upload in self._uploads(self._common(keys)) if upload[0] in keys),
            everything=frozenset(names),
        )

    def erase_under(self, folder: str) -> Stays | None:
        # With the slash: what lies beside it and only begins alike is somebody else's.
        within = self.bucket.key(folder) + "/"
        return self._erase(lambda _key: folder, self._versions(within), self._uploads(within), {folder})

    def _erase(
        self,
        name_of: Callable[[str], str | None],
        versions: Iterable[Version],
        uploads: Iterable[tuple[str, str]],
        everything: Collection[str],
    ) -> Stays | None:
        found: list[Stays | None] = []
        try:
            found += self._delete(versions, name_of)
            for key, number in uploads:
                self._abort(key, number)
        except _Refused as refusal:
            found.append(Stays(FilesStay.REFUSED, frozenset(everything), right=refusal.right))
        return together(found)

    # ------------------------------------------------------------ what is there

    def _versions_of(self, key: str) -> Iterator[Version]:
        """Of one file: they stand before those whose keys only begin like it."""
        for page in self._pages("list_object_versions", LIST_VERSIONS, key):
            yield from (version for version in _versions_on(page) if version[0] == key)
            if page.get("NextKeyMarker", key) != key:
                return

    def _versions(self, prefix: str) -> Iterator[Version]:
        for page in self._pages("list_object_versions", LIST_VERSIONS, prefix):
            yield from _versions_on(page)

    def _uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        for page in self._pages("list_multipart_uploads", LIST_UPLOADS, prefix):
            yield from ((upload["Key"], upload["UploadId"]) for upload in page.get("Uploads", ()))

    def _pages(self, question: str, right: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self.bucket.client.get_paginator(question).paginate(Bucket=self.bucket.name, Prefix=prefix)
        try:
            yield from pages
        except Exception as error:
            if is_refused(error_code(error)):
                raise _Refused(right) from None
            raise

    def _common(self, keys: Iterable[str]) -> str:
        """What the keys begin with, so that unfinished uploads are asked for once."""
        first, last = min(keys, default=""), max(keys, default="")
        same = next((n for n, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), len(first))
        return first[:same]

    # ------------------------------------------------------------ taking it away

    def _delete(self, versions: Iterable[Version], name_of: Callable[[str], str | None]) -> Iterator[Stays]:
        waiting = iter(versions)
        while some := list(islice(waiting, AT_ONCE)):
            objects = [{"Key": key, "VersionId": number} for key, number in some]
            try:
                answer = self.bucket.client.delete_objects(
                    Bucket=self.bucket.name, Delete={"Objects": objects, "Quiet": True}
                )
            except Exception as error:
                if is_refused(error_code(error)):
                    raise _Refused(DELETE_VERSION) from None
                raise
            # The answer is good even where nothing was deleted.
            by_key: dict[str, list[str]] = defaultdict(list)
            for trouble in answer.get("Errors", ()):
                if trouble["Code"] in ("NoSuchVersion", "NoSuchKey"):
                    continue
                if not is_refused(trouble["Code"]):
                    raise StoreFailed(trouble["Code"])
                numbers = [number for key, number in some if key == trouble["Key"]]
                by_key[trouble["Key"]] += [trouble["VersionId"]] if trouble.get("VersionId") else numbers
            for key, those in by_key.items():
                names = frozenset({name_of(key) or key})
                yield from (self._why(key, number, names) for number in sorted(set(those)))

    def _why(self, key: str, number: str, names: frozenset[str]) -> Stays:
        """A lock and a missing right are answered alike: what the version says of itself tells them apart."""
        try:
            said = self.bucket.client.head_object(Bucket=self.bucket.name, Key=key, VersionId=number)
        except Exception as error:
            # A marker has nothing to say (405), and who may not look learns nothing.
            if error_code(error):
                return Stays(FilesStay.REFUSED, names, right=DELETE_VERSION)
            raise
        until: datetime | None = said.get("ObjectLockRetainUntilDate")
        if said.get("ObjectLockLegalHoldStatus") == "ON":
            return Stays(FilesStay.ON_HOLD, names)
        if until is not None and until > timezone.now():
            return Stays(FilesStay.LOCKED, names, until=until)
        return Stays(FilesStay.REFUSED, names, right=DELETE_VERSION)

    def _abort(self, key: str, number: str) -> None:
        try:
            self.bucket.client.abort_multipart_upload(Bucket=self.bucket.name, Key=key, UploadId=number)
        except Exception as error:
            if is_refused(error_code(error)):
                raise _Refused(ABORT_UPLOAD) from None
            if error_code(error) != "NoSuchUpload":
                raise


def _versions_on(page: dict[str, Any]) -> Iterator[Version]:
    for kind in ("Versions", "DeleteMarkers"):
        yield from ((each["Key"], each["VersionId"]) for each in page.get(kind, ()))
