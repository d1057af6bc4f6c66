"""Open Badges that know their recipient by a salted digest: ``{"identity": "sha256$…", "hashed": true, "salt": "…"}``.

Nobody can look such a digest up: it is computed wherever a salt stands beside one, and only as long as the address is
known. In every spelling of the domain in small letters, and as the address is stored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from purge.addresses.tokens import is_token

#: The properties that hold the digest: Open Badges 2.0 and 3.0.
_IDENTITIES: Final = ("identity", "identityHash")
_HASHED: Final = re.compile(r"(md5|sha1|sha256)\$([0-9A-Fa-f]{32,64})\Z")


def is_salted(properties: dict[str, Any], writings: Collection[str]) -> bool:
    """Whether an object tells one of the addresses, as they may have been written, by a digest with the salt beside
    it."""
    return next(identities(properties, writings), "") != ""


def identities(properties: dict[str, Any], writings: Collection[str]) -> Iterator[str]:
    """The digests in an object that are of one of the addresses, as they are written there."""
    salt = properties.get("salt")
    if not isinstance(salt, str) or not salt:
        return
    for name in _IDENTITIES:
        identity = properties.get(name)
        found = _HASHED.match(identity) if isinstance(identity, str) else None
        if found and _is_of_one(found[1], found[2].lower(), salt, writings):
            yield found.string


def _is_of_one(algorithm: str, digest: str, salt: str, writings: Collection[str]) -> bool:
    return any(
        hashlib.new(algorithm, f"{each}{salt}".encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        == digest
        for each in writings
        if "@" in each and not is_token(each)
    )
