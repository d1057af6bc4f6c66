"""Which column means what: proposed from the headings, corrected by people, remembered for the account."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.addresses import emails_in

#: What a column can mean, in the order in which people think of it.
FIELDS: dict[str, Any] = {
    "name": gettext_lazy("Name"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "email": gettext_lazy("E-mail"),
    "unique_user_id": gettext_lazy("Unique User ID"),
    "profile": gettext_lazy("Profile"),
    "manager": gettext_lazy("Manager (e-mail)"),
    "state": gettext_lazy("State (ACTIVE or DELETED)"),
    "deleted_at": gettext_lazy("Deletion date"),
    "kind": gettext_lazy("Internal or external"),
    "adobe_id": gettext_lazy("Login at the identity provider"),
}

_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_POSSESSIVE = re.compile(r"['’]s?\b")
_NO_WORD = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

#: Tried in this order: a manager's e-mail is no e-mail of the user, a deletion date no state. A heading means a field
#: when one of the alternatives is in it, all words of it.
WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("manager", ("manager email", "supervisor email", "manager", "supervisor", "reports to")),
    ("adobe_id", ("adobe id", "adobeid", "federated id", "sso id", "identity provider")),
    (
        "deleted_at",
        (
            "deletion date",
            "date deleted",
            "deleted on",
            "deleted at",
            "delete date",
            "termination date",
            "leaving date",
        ),
    ),
    (
        "unique_user_id",
        (
            *("unique id", "user id", "userid", "employee id", "employee number", "employee no", "personnel number"),
            *("staff id", "person id", "uuid", "uid", "id"),
        ),
    ),
    ("email", ("email", "mail", "emailaddress")),
    ("profile", ("profile", "designation", "job title", "jobtitle", "title", "position", "job role")),
    ("first_name", ("first name", "firstname", "given name", "forename")),
    ("last_name", ("last name", "lastname", "surname", "family name")),
    ("name", ("name", "fullname", "employee", "learner")),
    ("state", ("state", "status")),
    ("kind", ("user type", "type", "kind", "internal external", "employee type")),
)
#: Headings with these words say something else that we do not keep.
OTHER = frozenset({"manager name", "manager id", "supervisor name", "supervisor id", "company name", "department name"})


def plain(heading: str) -> str:
    """A heading as it is compared: "Employee's E-mail *" and "employee email" are the same."""
    text = _CAMEL.sub(" ", _ASIDE.sub(" ", heading)).casefold()
    text = _NO_WORD.sub(" ", _POSSESSIVE.sub("", text)).strip()
    return re.sub(r"\be mail\b", "email", text)


def meaning_of(heading: str) -> str | None:
    """The field that a heading most likely means."""
    text = plain(heading)
    words = set(text.split())
    if not words or any(words >= set(other.split()) for other in OTHER if "email" not in words):
        return None
    for field, alternatives in WORDS:
        if any(words >= set(alternative.split()) for alternative in alternatives):
            return field
    return None


def is_known(heading: str) -> bool:
    return meaning_of(heading) is not None


def propose(headings: Sequence[str], remembered: Mapping[str, str]) -> dict[str, int]:
    """Field → number of its column, from 0: as the account had it last time, else as the headings say.

    Of several columns that could mean the same the one with the fewest other words is taken ("Email" before "Private
    email"); a manager's e-mail goes before their other columns.
    """
    columns: dict[str, int] = {}
    for number, heading in enumerate(headings):
        field = remembered.get(plain(heading))
        if field in FIELDS and field not in columns and heading:
            columns[field] = number
    taken = set(columns.values())
    ranked = sorted(
        (_rank(heading, field), number, field)
        for number, heading in enumerate(headings)
        if number not in taken and (field := meaning_of(heading)) is not None
    )
    for _order, number, field in ranked:
        if field not in columns and plain(headings[number]) not in remembered:
            columns[field] = number
    if "name" in columns:
        for part in ("first_name", "last_name"):
            columns.pop(part, None)
    return columns


def _rank(heading: str, field: str) -> tuple[int, int]:
    words = plain(heading).split()
    return (0 if field != "manager" or "email" in words else 1, len(words))


def missing_in(columns: Mapping[str, int]) -> list[str]:
    """The fields without which nobody can be added, by their names."""
    missing = [] if "email" in columns else [str(FIELDS["email"])]
    if "name" not in columns and not ("first_name" in columns or "last_name" in columns):
        missing.insert(0, str(FIELDS["name"]))
    return missing


def remember(remembered: Mapping[str, str], headings: Sequence[str], columns: Mapping[str, int]) -> dict[str, str]:
    """What the account knows of headings after this choice. An empty field says "means nothing"."""
    chosen = {number: field for field, number in columns.items()}
    known = dict(remembered)
    for number, heading in enumerate(headings):
        key = plain(heading)
        if key and len(key) <= 100 and not emails_in(heading):
            known[key] = chosen.get(number, "")
    return known


def refuse_people_as_headings(headings: Sequence[str]) -> str | None:
    """Why this row cannot be the headings; None when it can. A heading is remembered, an address must not be."""
    if any(emails_in(heading) for heading in headings):
        return _(
            "The file has no row of headings: its first row holds an e-mail address. Add headings, upload it again."
        )
    return None
