"""A bucket, or a part of one: as settings name it, and as Django's storage has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEME: Final = "s3://"
#: Seconds until a store that cannot be reached is given up, and until one that was reached has answered; tries of each
#: question. A page that asks does not wait longer than a database would make it.
CONNECT_SECONDS: Final = 3
ANSWER_SECONDS: Final = 20
TRIES: Final = 2

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_WORDS: Final = ("endpoint", "region")
#: Codes of an answer that says: you may not. The second is that of questions that are answered by a head alone.
_REFUSED: Final = frozenset({"AccessDenied", "403", "AllAccessDisabled", "AccountProblem"})


@dataclass(frozen=True)
class Place:
    """``s3://bucket/prefix?endpoint=https://…&region=…``. ``prefix``: without slashes at its ends, or empty."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        return SCHEME + "/".join(filter(None, (self.bucket, self.prefix)))


def is_place(text: str) -> bool:
    """Whether a setting names a bucket; else it is a path."""
    return text.startswith(SCHEME)


def home_of_the_log(text: str) -> Path | str:
    """What PURGE_JOURNAL names: a path, or a bucket as it is written. Raises ValueError, as :func:`place_of`."""
    text = text.strip()
    if not is_place(text):
        return Path(text)
    place_of(text)
    return text


def place_of(url: str) -> Place:
    """Raises ValueError, which does not repeat the URL: somebody may have written a password into it."""
    parts = urlsplit(url)
    words = dict(parse_qsl(parts.query))
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("must name a bucket, such as s3://bucket/prefix; what signs in there is in AWS_ACCESS_KEY_ID")
    if unknown := sorted(words.keys() - set(_WORDS)):
        raise ValueError(f"knows endpoint and region behind the question mark, not {', '.join(unknown)}")
    endpoint = words.get("endpoint")
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError("has an endpoint that is none: write endpoint=https://store.example")
    return Place(parts.netloc, unquote(parts.path).strip("/"), endpoint, words.get("region"))


def client_config() -> Any:
    """How long a store is waited for."""
    from botocore.config import Config

    retries = {"total_max_attempts": TRIES, "mode": "standard"}
    return Config(connect_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS, retries=retries)


@dataclass(frozen=True)
class Bucket:
    """A part of a bucket and the client (boto3's) that speaks to it."""

    client: Any
    name: str
    prefix: str

    def key(self, name: str) -> str:
        """The key of a stored file."""
        return f"{self.prefix}/{name}" if self.prefix else name


def bucket_of(storage: Any) -> Bucket | None:
    """Where a storage of django-storages' S3 backend keeps its files; None: it is none."""
    name = getattr(storage, "bucket_name", None)
    connection = getattr(storage, "connection", None) if name else None
    if connection is None:
        return None
    return Bucket(connection.meta.client, str(name), str(storage.location).strip("/"))


def error_code(error: Exception) -> str:
    """The code of an error that the store answered with; '' for every other error."""
    answer = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def is_refused(code: str) -> bool:
    """Whether a right is missing, or a lock lies on it."""
    return code in _REFUSED
