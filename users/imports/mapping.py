"""Which column of a file is which: proposed from the headings, corrected by people, remembered per account."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from users.models import Account


class Field(TextChoices):
    """What a column may hold."""

    NAME = "name", _("Name")
    EMAIL = "email", _("E-mail")
    UNIQUE_ID = "unique_id", _("Unique User ID")
    PROFILE = "profile", _("Profile")
    MANAGER = "manager", _("Manager (e-mail)")
    STATE = "state", _("State (ACTIVE or DELETED)")
    DELETED_ON = "deleted_on", _("Deletion date")
    KIND = "kind", _("Internal or external")
    ADOBE_ID = "adobe_id", _("Login at the identity provider")


REQUIRED = (Field.NAME, Field.EMAIL)

#: In order: the first pattern that fits a heading wins. "Email of the Employee's Manager" is a manager, no e-mail.
_PATTERNS: tuple[tuple[Field, str], ...] = (
    (Field.MANAGER, r"\b(manager|supervisor|reports? to|boss)"),
    (Field.DELETED_ON, r"\b(delet\w*|terminat\w*|leaving|exit)\b.*\b(date|on|at|day)\b|\bdate\b.*\bdelet"),
    (Field.ADOBE_ID, r"\b(adobe|ims|federated|sso)\b"),
    (Field.EMAIL, r"\be ?mail\b|\bmail\b"),
    (Field.UNIQUE_ID, r"\b(unique|uuid|uid)\b|\b(employee|user|personnel|staff|person) ?(id|number|no)\b|^id$"),
    (Field.STATE, r"\b(state|status)\b"),
    (Field.KIND, r"\b(user type|kind|internal|external)\b"),
    (Field.PROFILE, r"\b(profile|designation|job|title|position)\b"),
    (Field.NAME, r"\bname\b"),
)


def normal(heading: str) -> str:
    """A heading without what varies: "Employee's E-Mail*" and "employees e mail" are the same."""
    text = heading.casefold().replace("'s", "").replace("’s", "")
    return re.sub(r"[\W_]+", " ", text).strip()


def propose(headings: Sequence[str], remembered: Mapping[str, str] | None = None) -> dict[str, int]:
    """Field → position of its column. What the account corrected before goes first; a column is used once."""
    remembered = remembered or {}
    found: dict[str, int] = {}
    used: set[int] = set()
    names = [normal(heading) for heading in headings]
    for position, name in enumerate(names):
        field = remembered.get(name)
        if field in Field.values and field not in found:
            found[field] = position
            used.add(position)
    ignored = {name for name, field in remembered.items() if field == ""}
    for field, pattern in _PATTERNS:
        for position, name in enumerate(names):
            if field in found:
                break
            if position not in used and name not in ignored and re.search(pattern, name):
                found[field] = position
                used.add(position)
    return found


def is_heading(cells: Sequence[str]) -> bool:
    """Whether a row names the columns that are needed."""
    if any("@" in cell for cell in cells):
        return False
    proposed = propose(cells)
    return all(field in proposed for field in REQUIRED)


def missing(mapping: Mapping[str, int]) -> list[str]:
    """The needed fields that no column stands for, in words."""
    return [str(field.label) for field in REQUIRED if field not in mapping]


def remember(account: Account, headings: Sequence[str], mapping: Mapping[str, int]) -> None:
    """Keep a corrected mapping: which heading stands for which field, or for none."""
    by_position = {position: field for field, position in mapping.items()}
    learnt = {normal(heading): by_position.get(position, "") for position, heading in enumerate(headings) if heading}
    account.import_mapping = {**account.import_mapping, **learnt}
    account.save(update_fields=["import_mapping"])
