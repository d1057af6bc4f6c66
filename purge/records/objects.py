"""JSON objects that are about a person: with the identifier go the name and what else stands beside it.

An object is about whomever the property tells that says so: ``email``, ``userName``, ``employeeNumber``, the ``value``
of one of its ``emails``. ``{"name": "Safety", "contact": "ann@x.org"}`` is about no person: there the address alone
goes.

An agent of xAPI's has to stay one, or nobody can read the statement any more: it becomes :data:`ERASED_ACCOUNT`, the
same for everybody. Its statement, and how often something was done, stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from purge.addresses import ERASED, mentions, redact_json
from purge.addresses.tokens import ID, SHORTEST_ID, id_token, is_at_home, is_named, plain_name
from purge.records.salted import is_salted
from purge.records.statements import with_iris

#: Whom an xAPI agent is that was somebody who is erased.
ERASED_ACCOUNT: Final = {"homePage": "https://erased.invalid/", "name": ERASED}

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
    "familyname", "firstname", "formattedname", "fullname", "gender", "givenname", "image", "lastname",
    "maidenname", "middlename", "mobile", "mobilephone", "name", "nickname", "phone", "phonenumber", "phonenumbers",
    "phones", "photo", "photos", "photourl", "picture", "postaladdress", "preferredname", "profileimage",
    "profilepicture", "sn", "streetaddress", "surname", "tel", "telephone", "telephonenumber", "thumbnail",
    "thumbnailphoto",
))
# fmt: on
_INVERSE_FUNCTIONAL: Final = ("mbox", "mbox_sha1sum", "openid", "account")
_SCHEME: Final = re.compile(r"\A\s*(?:(?:mailto|acct|smtp):|(?:sha1|sha256|md5)\$)?", re.IGNORECASE)


@dataclass(frozen=True)
class Gone:
    """Who goes: search keys and tokens, identities of others that stay, where the ids among them count, and other
    writings of the addresses."""

    keys: Collection[str]
    spared: Collection[str]
    homes: Collection[str]
    written: Collection[str]


def redact_objects(
    value: Any,
    keys: Collection[str],
    *,
    spared: Collection[str],
    homes: Collection[str],
    written: Collection[str] = (),
) -> Any:
    """A copy of the JSON value without the people of the keys: first their objects, then every mention elsewhere.

    The same object when there is nobody to take out. ``homes``: host names of home pages on which an ID or login among
    the keys is theirs (:meth:`purge.host.Host.home_pages`). ``written``: the addresses in other writings than the keys.
    """
    gone = Gone(keys, spared, homes, written)
    about = {id(each): treat for each, treat in _about(value, gone)}
    rest = redact_json(_treated(value, about) if about else value, keys, spared=spared)
    return rest if rest is value else with_iris(rest)


def _about(value: Any, gone: Gone) -> Iterator[tuple[dict[str, Any], Any]]:
    """The objects that are about one of them, and what becomes of each."""
    todo = [value]
    while todo:
        match todo.pop():
            case dict() as properties:
                todo += properties.values()
                if _is_agent(properties, gone):
                    yield properties, _erased_agent
                elif _is_account(properties, gone):
                    yield properties, _erased_account
                elif _tells(properties, gone):
                    yield properties, _emptied
            case list() as items:
                todo += items


def _treated(value: Any, about: dict[int, Any]) -> Any:
    """A copy; those of the objects that are known by their number are what their treatment makes of them."""
    top = [value]
    todo: list[Any] = [top]
    while todo:
        container = todo.pop()
        for place, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, dict | list):
                treat = about.get(id(item))
                container[place] = item.copy() if treat is None else treat(item)
                todo.append(container[place])
    return top[0]


# ---------------------------------------------------------------- whom it is about


def _is_agent(properties: dict[str, Any], gone: Gone) -> bool:
    for name in _INVERSE_FUNCTIONAL:
        item = properties.get(name)
        if isinstance(item, dict) and name == "account" and _is_account(item, gone):
            return True
        if isinstance(item, str) and name != "account" and _is_whole(item, gone):
            return True
        if isinstance(item, str) and name == "openid" and mentions(item, gone.keys, gone.spared):
            return True
    return False


def _is_account(properties: dict[str, Any], gone: Gone) -> bool:
    """Whether it is an account of theirs: by an address or a public id anywhere, also in the page's own
    address, by an ID or login at home."""
    page, name = properties.get("homePage"), properties.get("name")
    if not isinstance(page, str) or not isinstance(name, str):
        return False
    if _is_whole(name, gone) or mentions(page, gone.keys, gone.spared):
        return True
    return _is_id(name, gone) and is_at_home(page, gone.homes)


def _tells(properties: dict[str, Any], gone: Gone) -> bool:
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
    return False


def _is_in_a_list(item: Any, gone: Gone) -> bool:
    values = [item] if isinstance(item, str) else []
    if isinstance(item, dict):
        values = [each for name, each in item.items() if plain_name(name) in _IN_A_LIST and isinstance(each, str)]
    return any(_is_whole(each, gone) for each in values)


def _is_whole(text: str, gone: Gone) -> bool:
    """Whether a text is one of their addresses or digests, from its beginning to its end."""
    bare = text[_SCHEME.match(text).end() :].strip()  # type: ignore[union-attr]
    return any((each.start, each.end) == (0, len(bare)) for each in mentions(bare, gone.keys, gone.spared))


def _is_id(text: str, gone: Gone) -> bool:
    token = id_token(text)
    return len(token) >= len(ID) + SHORTEST_ID and token in gone.keys and token.removeprefix(ID) not in gone.spared


# ---------------------------------------------------------------- what becomes of it


def _erased_agent(agent: dict[str, Any]) -> dict[str, Any]:
    """The members of a group stay, and are looked at in their turn."""
    kept = {name: item for name, item in agent.items() if name in ("objectType", "member")}
    return {**kept, "account": dict(ERASED_ACCOUNT)}


def _erased_account(_account: dict[str, Any]) -> dict[str, Any]:
    return dict(ERASED_ACCOUNT)


def _emptied(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: _empty(item) if _goes(name) else item for name, item in properties.items()}


def _goes(name: str) -> bool:
    return is_named(name) or plain_name(name) in _OF_A_PERSON or plain_name(name) in _TELLING


def _empty(item: Any) -> Any:
    match item:
        case str():
            return ERASED if item else item
        case list():
            return []
        case dict():
            return {}
        case bool() | None:
            return item
        case _number:
            return None
