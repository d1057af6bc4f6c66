"""Whether a purge may do in the bucket of the stored files what it has to: asked without changing anything there.

What is asked for is a file that was never stored. The store looks whether one may before it looks whether it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from purge.bucket.place import Bucket, bucket_of, error_code, is_refused

#: Nothing is stored under it.
NOBODYS: Final = "lms-purge-never-stored"

_QUESTIONS: Final[dict[str, Callable[[Any, str, str], Any]]] = {
    "s3:ListBucket": lambda client, name, key: client.list_objects_v2(Bucket=name, Prefix=key, MaxKeys=1),
    "s3:ListBucketVersions": lambda client, name, key: client.list_object_versions(Bucket=name, Prefix=key, MaxKeys=1),
    "s3:ListBucketMultipartUploads": lambda client, name, key: client.list_multipart_uploads(
        Bucket=name, Prefix=key, MaxUploads=1
    ),
    "s3:DeleteObjectVersion": lambda client, name, key: client.delete_object(Bucket=name, Key=key, VersionId="null"),
    "s3:AbortMultipartUpload": lambda client, name, key: client.abort_multipart_upload(
        Bucket=name, Key=key, UploadId="never-begun"
    ),
}


def missing_rights(bucket: Bucket) -> list[str]:
    """The rights that a purge needs and does not have. Raises what the client raises when the store is away."""
    return [right for right, question in _QUESTIONS.items() if is_refused(_answer(bucket, question))]


def _answer(bucket: Bucket, question: Callable[[Any, str, str], Any]) -> str:
    try:
        question(bucket.client, bucket.name, bucket.key(NOBODYS))
    except Exception as error:
        if code := error_code(error):
            return code  # that there is no such version is an answer too
        raise
    return ""


def kept_by_default(bucket: Bucket) -> str:
    """How long the bucket locks everything that is stored in it; '' where it does not, or does not say."""
    try:
        answer = bucket.client.get_object_lock_configuration(Bucket=bucket.name)
    except Exception as error:
        if error_code(error):
            return ""
        raise
    rule = answer["ObjectLockConfiguration"].get("Rule", {}).get("DefaultRetention", {})
    return next((f"{rule[unit]} {unit.lower()}" for unit in ("Days", "Years") if rule.get(unit)), "")


def bucket_troubles() -> list[str]:
    """For operators: what keeps purges from erasing the stored files, with what to do. Nothing for a folder."""
    bucket = bucket_of(default_storage)
    if bucket is None:
        return []
    try:
        missing, kept = missing_rights(bucket), kept_by_default(bucket)
    except Exception as error:  # noqa: BLE001 - whatever the client raises; that the store is away is said elsewhere
        return [_("The bucket of the stored files does not answer (%(why)s).") % {"why": type(error).__name__}]
    found = []
    if missing:
        text = _("Stored files cannot be erased: grant %(rights)s on the bucket of LMS_FILES.")
        found.append(text % {"rights": ", ".join(missing)})
    if kept:
        text = _("The bucket of LMS_FILES locks each file for %(kept)s: no purge with files completes before.")
        found.append(text % {"kept": kept})
    return found
