"""Keyed hashes: what stays of an identifier when the identifier itself is gone."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from django.conf import settings

from purge.addresses import IDENTITY_KEY_VERSION, address_key, keys_of_other_tables, search_keys

#: An address hashes to this many bytes, written as hexadecimal digits.
HASH_BYTES = 16
MINIMUM_KEY_LENGTH = 32

# The normal form of an identifier decides what its digest can be compared with. It is stored beside each digest.
#: One loose key for every purpose (:func:`purge.addresses.address_key`), as all digests had before there were two.
FOLDED: Final = "folded-1"
#: What is looked for in texts, a digest for each spelling. It says nothing of who somebody is.
SEARCHED: Final = "search-1"
#: Identity keys, by whatever tables: what others make of a domain is asked for, too (``keys_of_other_tables``).
EXACT: Final = IDENTITY_KEY_VERSION.partition("/")[0]


class HashKeyMissing(Exception):
    """``PURGE_HASH_KEY`` is not set or too short: hashes can neither be made nor compared."""


def _key() -> bytes:
    key = (settings.PURGE_HASH_KEY or "").encode()
    if len(key) < MINIMUM_KEY_LENGTH:
        raise HashKeyMissing(
            "PURGE_HASH_KEY is not set (32 characters at least): restore it from its backup, or on a "
            "machine that never had one type manage.py keys_make."
        )
    return key


def fingerprint() -> str:
    """Eight characters that tell which key made a hash, and nothing of the key. Raises :class:`HashKeyMissing`."""
    return hmac.new(_key(), b"lms-purge key fingerprint", hashlib.sha256).hexdigest()[:8]


def current_form() -> str:
    """The normal form of an identity that is captured now."""
    return IDENTITY_KEY_VERSION


def asked_digests(kind: str, keys: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """What to look up to learn whether identities were purged: (normal form, digest) → identity keys, under each form
    in which identifiers were ever stored, and as other tables make their keys
    (:func:`purge.addresses.keys_of_other_tables` says what that leaves out). The form is that of :func:`form_of`.
    Raises :class:`HashKeyMissing`.
    """
    hash_of = hasher(kind)
    asked: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key in keys:
        # An old digest cannot tell apart what one loose key did not: all that it may have been made of is asked for.
        for folded in search_keys(key) | {address_key(key)}:
            asked[FOLDED, hash_of(folded)].append(key)
        for exact in {key} | keys_of_other_tables(key):
            asked[EXACT, hash_of(exact)].append(key)
    return dict(asked)


def form_of(stored: str) -> str:
    """A stored normal form without the versions of its tables."""
    return stored.partition("/")[0]


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
