"""Keyed hashes: what stays of an identifier when the identifier itself is gone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from django.conf import settings

#: An address hashes to this many bytes, written as hexadecimal digits.
HASH_BYTES = 16
MINIMUM_KEY_LENGTH = 32


class HashKeyMissing(Exception):
    """``PURGE_HASH_KEY`` is not set or too short: hashes can neither be made nor compared."""


def _key() -> bytes:
    key = (settings.PURGE_HASH_KEY or "").encode()
    if len(key) < MINIMUM_KEY_LENGTH:
        raise HashKeyMissing("PURGE_HASH_KEY is not set (32 characters at least): restore it from its backup.")
    return key


def fingerprint() -> str:
    """Eight characters that tell which key made a hash, and nothing of the key. Raises :class:`HashKeyMissing`."""
    return hmac.new(_key(), b"lms-purge key fingerprint", hashlib.sha256).hexdigest()[:8]


def keyed_hash(kind: str, value: str) -> str:
    """HMAC-SHA256 of a normalised identifier, cut to :data:`HASH_BYTES`. Raises :class:`HashKeyMissing`.

    Nothing is remembered between calls: a cache would keep purged addresses in the memory of a worker.
    """
    return hasher(kind)(value)


def hasher(kind: str) -> Callable[[str], str]:
    """:func:`keyed_hash` for many identifiers of a kind: the key is looked up once. Raises :class:`HashKeyMissing`."""
    key, digest = _key(), hmac.digest

    def hash_of(value: str) -> str:
        # Lone surrogates can stand in decoded text; they must hash like anything else.
        message = f"{kind}:{value}".encode("utf-8", "surrogatepass")
        return digest(key, message, "sha256")[:HASH_BYTES].hex()

    return hash_of
