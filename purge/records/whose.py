"""Whom a JSON object is about, by the property that tells: ``email``, ``userName``, ``employeeNumber``, the ``value``
of one of its ``emails``; and which of its properties are that person's.

``{"name": "Safety", "contact": "ann@x.org"}`` is about no person.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from purge.addresses import mentions
from purge.addresses.tokens import ID, SHORTEST_ID, id_token, is_at_home, is_named, plain_name
from purge.records.salted import is_salted

#: Properties (small letters and digits) that tell by an address or digest whom their object is about.
# fmt: off
_TELLING: Final = frozenset((
    "address", "email", "emailaddress", "emailhash", "gravatar", "identity", "identityhash", "login", "loginname",
    "mail", "mbox", "mboxsha1sum", "preferredusername", "primaryemail", "primaryemailaddress", "uniquename", "upn",
    "useremail", "username", "userprincipalname", "workemail",
))
# fmt: on
#: Properties that hold several of these, or objects with one.
_LISTING: Final = frozenset(["emailaddresses", "emails", "mails"])
_IN_A_LIST: Final = frozenset(("value", "address", "email"))
#: Properties that go with the person whom their object is about.
# fmt: off
_OF_A_PERSON: Final = frozenset((
    "avatar", "avatarurl", "addresses", "birthdate", "birthday", "cn", "commonname", "dateofbirth", "displayname",
    "employeename", "familyname", "firstname", "formattedname", "fullname", "gender", "givenname", "image", "lastname",
    "maidenname", "middlename", "mobile", "mobilephone", "name", "nickname", "phone", "phonenumber", "phonenumbers",
    "phones", "photo", "photos", "photourl", "picture", "postaladdress", "preferredname", "profileimage",
    "profilepicture", "sn", "streetaddress", "surname", "tel", "telephone", "telephonenumber", "thumbnail",
    "thumbnailphoto",
))
# fmt: on
#: Properties that hold addresses with names, as headers of messages do.
# fmt: off
_HEADERS: Final = frozenset((
    "attendees", "author", "authors", "bcc", "cc", "committer", "contributors", "from", "maintainers", "organizer",
    "recipient", "recipients", "replyto", "sender", "to",
))
# fmt: on
_INVERSE_FUNCTIONAL: Final = ("mbox", "mbox_sha1sum", "openid", "account")
_NAMED: Final = re.compile(r"\A[^<>@]{0,300}<([^<>]*)>\s*\Z")
_SCHEME: Final = re.compile(r"\A\s*(?:(?:mailto|acct|smtp):|(?:sha1|sha256|md5)\$)?", re.IGNORECASE)


@dataclass(frozen=True)
class Gone:
    """Who goes: search keys and tokens, identities of others that stay, where the ids among them count, and other
    writings of the addresses."""

    keys: Collection[str]
    spared: Collection[str]
    homes: Collection[str]
    written: Collection[str]


def is_agent(properties: dict[str, Any], gone: Gone) -> bool:
    for name in _INVERSE_FUNCTIONAL:
        item = properties.get(name)
        if isinstance(item, dict) and name == "account" and is_account(item, gone):
            return True
        if isinstance(item, str) and name != "account" and _is_whole(item, gone):
            return True
        if isinstance(item, str) and name == "openid" and mentions(item, gone.keys, gone.spared):
            return True
    return False


def is_account(properties: dict[str, Any], gone: Gone) -> bool:
    """Whether it is an account of theirs: by an address or a public id anywhere, also in the page's own
    address, by an ID or login at home."""
    page, name = properties.get("homePage"), properties.get("name")
    if not isinstance(page, str) or not isinstance(name, str):
        return False
    if _is_whole(name, gone) or mentions(page, gone.keys, gone.spared):
        return True
    return _is_id(name, gone) and is_at_home(page, gone.homes)


def tells(properties: dict[str, Any], gone: Gone) -> bool:
    if is_salted(properties, [*gone.keys, *gone.written]):
        return True
    for name, item in properties.items():
        plain = plain_name(name)
        if isinstance(item, str) and plain in _TELLING and _is_whole(item, gone):
            return True
        if isinstance(item, str | int) and not isinstance(item, bool) and is_named(name) and _is_id(str(item), gone):
            return True
        if plain in _LISTING and isinstance(item, list) and any(_is_in_a_list(each, gone) for each in item):
            return True
        # A directory lists even the only one.
        if plain in _TELLING and isinstance(item, list) and len(item) == 1 and _is_in_a_list(item[0], gone):
            return True
    return False


def _is_in_a_list(item: Any, gone: Gone) -> bool:
    values = [item] if isinstance(item, str) else []
    if isinstance(item, dict):
        values = [each for name, each in item.items() if plain_name(name) in _IN_A_LIST and isinstance(each, str)]
    return any(_is_whole(each, gone) for each in values)


def _is_whole(text: str, gone: Gone) -> bool:
    """Whether a text is one of their addresses or digests, from its beginning to its end, or a name and the address in
    angle brackets."""
    text = _NAMED.sub(r"\1", text)
    bare = text[_SCHEME.match(text).end() :].strip()  # type: ignore[union-attr]
    return any((each.start, each.end) == (0, len(bare)) for each in mentions(bare, gone.keys, gone.spared))


def _is_id(text: str, gone: Gone) -> bool:
    token = id_token(text)
    return len(token) >= len(ID) + SHORTEST_ID and token in gone.keys and token.removeprefix(ID) not in gone.spared


def is_header(name: str) -> bool:
    return plain_name(name) in _HEADERS


def goes(name: str) -> bool:
    return is_named(name) or plain_name(name) in _OF_A_PERSON or plain_name(name) in _TELLING
