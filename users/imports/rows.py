"""What a row of a file says, checked. A reason names the column and what is wrong with it, never the value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from purge.addresses import address_key, is_address
from users.imports.mapping import Field
from users.imports.reading import Row
from users.models import User, UserKind

#: How files say "nobody" as manager.
NO_MANAGER = frozenset({"", "root", "none", "n/a", "-"})
_DAY_FIRST = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})$")


class BadRow(Exception):
    """A row that does not go in, with the reason."""


@dataclass(frozen=True)
class Entry:
    """One person of a file, normalised. ``manager_key`` is empty for nobody; ``active`` None: the file does not say."""

    line: int
    name: str
    email: str
    email_key: str
    unique_user_id: str | None
    profile: str | None
    manager_key: str
    has_manager_column: bool
    active: bool | None
    deleted_at: datetime | None
    kind: str | None
    adobe_id: str | None


def read_entry(row: Row, mapping: Mapping[str, int], *, zone: ZoneInfo, now: datetime) -> Entry:
    """Raises :class:`BadRow`."""

    def cell(field: Field) -> str | None:
        position = mapping.get(field)
        if position is None:
            return None
        return row.cells[position] if position < len(row.cells) else ""

    name, email = cell(Field.NAME) or "", cell(Field.EMAIL) or ""
    if not email:
        raise BadRow(_("E-mail: missing."))
    if not is_address(email):
        raise BadRow(_("E-mail: this is no e-mail address."))
    if not name:
        raise BadRow(_("Name: missing."))
    unique_user_id, adobe_id, profile = cell(Field.UNIQUE_ID), cell(Field.ADOBE_ID), cell(Field.PROFILE)
    for field, value in (
        ("name", name),
        ("email", email),
        ("unique_user_id", unique_user_id),
        ("adobe_id", adobe_id),
        ("profile", profile),
    ):
        column: Any = User._meta.get_field(field)
        if value and len(value) > column.max_length:
            raise BadRow(
                _("%(field)s: longer than %(most)d characters.")
                % {"field": str(column.verbose_name).capitalize(), "most": column.max_length}
            )
    active = _state(cell(Field.STATE))
    manager = cell(Field.MANAGER)
    return Entry(
        line=row.line,
        name=name,
        email=email,
        email_key=address_key(email),
        unique_user_id=unique_user_id or None,
        profile=profile,
        manager_key=_manager(manager, address_key(email)),
        has_manager_column=manager is not None,
        active=active,
        deleted_at=_deleted_at(cell(Field.DELETED_ON), zone, now) if active is False else None,
        kind=_kind(cell(Field.KIND)),
        adobe_id=adobe_id or None,
    )


def _state(text: str | None) -> bool | None:
    if text is None or not text:
        return None
    match text.strip().upper():
        case "ACTIVE":
            return True
        case "DELETED":
            return False
        case _other:
            raise BadRow(_("State: write ACTIVE or DELETED."))


def _kind(text: str | None) -> str | None:
    if not text:
        return None
    kind = text.strip().lower()
    if kind not in UserKind.values:
        raise BadRow(_("Internal or external: write INTERNAL or EXTERNAL."))
    return kind


def _manager(text: str | None, own_key: str) -> str:
    """The manager's key; nobody for ROOT, for a company's name, for an empty cell."""
    if text is None or text.strip().casefold() in NO_MANAGER or not is_address(text):
        return ""
    key = address_key(text)
    if key == own_key:
        raise BadRow(_("Manager: nobody can be his own manager."))
    return key


def _deleted_at(text: str | None, zone: ZoneInfo, now: datetime) -> datetime:
    """A day means its noon in the account's time zone, so that its month is right. Absent: now."""
    if not text:
        return now
    moment = _moment(text.strip(), zone)
    if moment is None:
        raise BadRow(_("Deletion date: write it as 2026-01-31."))
    if moment > now:
        raise BadRow(_("Deletion date: it lies in the future."))
    return moment


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        if found := _DAY_FIRST.match(text):
            return _noon(date(int(found[3]), int(found[2]), int(found[1])), zone)
        if day := parse_date(text.replace("/", "-")):
            return _noon(day, zone)
        moment = parse_datetime(text)
    except ValueError:
        return None
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _noon(day: date, zone: ZoneInfo) -> datetime:
    moment = datetime.combine(day, time(12), tzinfo=zone)
    today = datetime.now(UTC).astimezone(zone)
    # Today's noon may still be to come; today itself is no future date.
    return min(moment, today) if day == today.date() else moment
