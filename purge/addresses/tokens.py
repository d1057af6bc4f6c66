"""Whom a text names without their address: digests of it, opaque ids, and IDs under a key that says what they are.

A *token* is looked for like an address, by its key. There are two kinds:

- *a run of hexadecimal digits* of 32, 40 or 64 (MD5, SHA-1, SHA-256, an id without hyphens), or a UUID, wherever it
  stands apart. Its key: small letters, no hyphens. An xAPI ``mbox_sha1sum`` is one, and so is what Gravatar and badges
  write of an address (:func:`digests_of`).
- *an ID in JSON*, under a property whose name says that it tells somebody: ``employeeNumber``, ``userName``, the
  ``name`` of an xAPI ``account``. Its key: :data:`ID` and the value, compared whole, exact but for upper and lower
  case. Anywhere else the same letters are a number like any other; below :data:`SHORTEST_ID` characters they are so
  there too.

Nothing here raises, for any string.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from purge.addresses.identity import AROUND, REFUSED, simple_lower, trimmed

#: Stands before an ID in its key. No address and no digest begins so.
ID: Final = ":"
#: Shorter IDs are looked for in columns for a login alone.
SHORTEST_ID: Final = 4
LONGEST_ID: Final = 320

_X: Final = "[0-9A-Fa-f]"
#: Within a text, without what has to stand around it; the same in Python and PostgreSQL.
HEXADECIMAL: Final = f"{_X}{{64}}|{_X}{{40}}|{_X}{{32}}|{_X}{{8}}-{_X}{{4}}-{_X}{{4}}-{_X}{{4}}-{_X}{{12}}"
SHORTEST_HEXADECIMAL: Final = 32
#: With that: no letter or digit on either side, and it is no local part.
APART: Final = f"(?<![0-9A-Za-z])({HEXADECIMAL})(?![0-9A-Za-z@])"
_APART: Final = re.compile(APART, re.ASCII)

#: Names of properties that tell somebody, by small letters and digits alone: ``employee_number`` is one too, and so is
#: the last part of an IRI (an extension of xAPI's).
NAMED: Final = (
    "accountname",
    "adobeid",
    "customerdefineduniqueuserid",
    "employeeid",
    "employeenumber",
    "externalid",
    "externaluserid",
    "login",
    "loginid",
    "loginname",
    "onpremisessamaccountname",
    "personnelnumber",
    "preferredusername",
    "samaccountname",
    "sisuserid",
    "sourcedid",
    "staffid",
    "studentid",
    "uniquename",
    "uniqueuserid",
    "upn",
    "userlogin",
    "username",
    "userprincipalname",
)
#: A part of each of them, in a document's writing: what has none of these, whatever the case, holds no such property.
NAMED_STEMS: Final = (
    "account|adobe|employee|external|homepage|login|personnel|sis|sourced|staff|student|unique|upn|user"
)
#: The same in Python and PostgreSQL, which do not agree on what is a blank.
_AROUND: Final = re.compile(f"\\A[{AROUND}]+|[{AROUND}]+\\Z")
_IRI: Final = re.compile(r"^.*[/#:]", re.DOTALL)
_NOT_IN_A_NAME: Final = re.compile(r"[^0-9a-z]+")


def digests_of(address: str) -> frozenset[str]:
    """The digests under which systems know an address, written this very way: SHA-1 of its mailto IRI (xAPI), MD5 and
    SHA-256 (Gravatar, badges)."""
    plain = address.encode("utf-8", "surrogatepass")
    return frozenset(
        {
            hashlib.sha1(b"mailto:" + plain, usedforsecurity=False).hexdigest(),
            hashlib.md5(plain, usedforsecurity=False).hexdigest(),
            hashlib.sha256(plain).hexdigest(),
        }
    )


def digests_of_writing(written: str) -> frozenset[str]:
    """The same of an address as somebody wrote it, in each case that it is digested in."""
    return frozenset().union(*map(digests_of, cases_of(written)))


def cases_of(written: str) -> frozenset[str]:
    """An address as somebody wrote it, with its domain in small letters, and all in small letters; of what is no
    address nothing."""
    written = trimmed(written)
    local, at, domain = written.rpartition("@")
    return frozenset({written, f"{local}@{domain.lower()}", written.lower()}) if at else frozenset()


def opaque_token(public_id: str) -> str:
    """The key of a UUID."""
    return public_id.replace("-", "").lower()


def id_token(value: str) -> str:
    """The key of an ID or login, from the value or from its identity key; '' for what is none."""
    key = simple_lower(_AROUND.sub("", value))
    if REFUSED in key and "@" in key:
        key = key.replace(f"@{REFUSED}", "@", 1)
    return f"{ID}{key}" if 0 < len(key) <= LONGEST_ID else ""


def is_token(key: str) -> bool:
    """Whether a key is that of a token, and not of an address or login."""
    return key.startswith(ID) or bool(_APART.fullmatch(key))


def hexadecimal_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Spans and keys of all runs of hexadecimal digits that could be somebody's."""
    for match in _APART.finditer(text):
        yield match.start(), match.end(), opaque_token(match.group())


def is_named(name: str) -> bool:
    """Whether a property of this name tells somebody."""
    return plain_name(name) in _NAMED


_NAMED: Final = frozenset(NAMED)


def plain_name(name: str) -> str:
    """The name of a property in small letters and digits; of an IRI the last part."""
    return _NOT_IN_A_NAME.sub("", _IRI.sub("", name).lower())


def ids_in(value: Any, homes: Collection[str] | None = None) -> set[str]:
    """The keys of all IDs in a JSON value that stand under a property which says so.

    ``homes``: of accounts of xAPI's only those at home there (:func:`is_at_home`); None: all.
    """
    return {
        token
        for holder, name, token in named_ids(value)
        if homes is None or name != "name" or is_at_home(str(holder["homePage"]), homes)
    }


def is_at_home(page: str, homes: Collection[str]) -> bool:
    """Whether a home page is on one of these hosts, or below; a name without a dot is the first label of a host."""
    try:
        host = (urlsplit(page.strip()).hostname or "").rstrip(".")
    except ValueError:
        return False
    labels = host.removeprefix("www.").split(".")
    endings = {".".join(labels[start:]) for start in range(len(labels))}
    return bool(host) and not (endings - {labels[-1]} | {labels[0], host}).isdisjoint(homes)


def named_ids(value: Any) -> Iterator[tuple[dict[str, Any], str, str]]:
    """(object, name of the property, key) of all IDs in a JSON value.

    Of an xAPI account, ``{"homePage": …, "name": …}``, the name is one.
    """
    todo = [value]
    while todo:
        match todo.pop():
            case dict() as properties:
                for name, item in properties.items():
                    if isinstance(item, dict | list):
                        todo.append(item)
                    elif token := _id_under(properties, name, item):
                        yield properties, name, token
            case list() as items:
                todo += items


def _id_under(properties: dict[str, Any], name: str, item: Any) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int):
        return ""
    if not (is_named(name) or (name == "name" and "homePage" in properties)):
        return ""
    token = id_token(str(item))
    return token if len(token) >= len(ID) + SHORTEST_ID else ""


def searched_ids(keys: Iterable[str]) -> frozenset[str]:
    """Keys of the IDs and logins that are looked for under the names of properties."""
    return frozenset(token for key in keys if len(token := id_token(key)) >= len(ID) + SHORTEST_ID)
