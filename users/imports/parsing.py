"""What a row says of a person, checked cell by cell. Reasons name the column and the rule, never what stands there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from purge.addresses import identity_key, is_address, trimmed
from users.imports.words.cells import KINDS, NO, NO_MANAGER, STATES, YES
from users.imports.words.fields import FIELDS
from users.imports.words.spelling import DIRECTION_MARKS, bare
from users.lifecycle import PAUSED
from users.models import User, UserState

#: Addresses that need no closer look: a part of those that :func:`purge.addresses.is_address` takes.
_EVERYDAY = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9_-]+(?:[.+][a-z0-9_-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
_LONGEST_EVERYDAY = 254
#: Of so many cells it is remembered whom they say: the same few manage nearly everybody.
_MOST_MANAGERS = 1_000

_DATES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), "%Y/%m/%d"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), "%d.%m.%Y"),
    (re.compile(r"\d{1,2}-[A-Za-z]{3}-\d{4}"), "%d-%b-%Y"),
)
#: How spreadsheets are kept from taking a text for a number or a formula: ="00042", or an apostrophe before it.
_AS_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_GUARDED = re.compile(r"'[=+\-@\t\r\n]")
_WRAPPED = ("=", "'")
#: What a spreadsheet makes of a number of more than eleven digits: 1.00E+11. Several people's become the same.
_ROUNDED = re.compile(r"-?\d(?:[.,]\d+)?E\+\d{2,3}")


class BadRow(ValueError):
    """The row does not go in. The message is the reason."""


@dataclass(slots=True)
class PersonRow:
    """A row that can go in. Of what the file has no column for, or says nothing, the fields are None.

    ``manager_key``: key of the manager's address; '' where the row says that there is none; None without a column, or
    where the cell is not understood. ``state``: ACTIVE, DELETED or ``PAUSED``.
    """

    line: int
    name: str
    email: str
    email_key: str
    unique_user_id: str | None = None
    profile: str | None = None
    manager_key: str | None = None
    state: str | None = None
    deleted_at: datetime | None = None
    kind: str | None = None
    adobe_id: str | None = None


def is_everyday(key: str) -> bool:
    """Whether a key is an address of the plainest sort, without the cost of the exact answer."""
    return len(key) <= _LONGEST_EVERYDAY and _EVERYDAY.fullmatch(key) is not None


def key_of(text: str) -> str | None:
    """The key of a cell that is one address (:func:`purge.addresses.identity_key`); None when it is none."""
    if text.isascii() and "--" not in text and is_everyday(text.lower()):
        return text.lower()
    key = identity_key(text)
    return key if is_everyday(key) or is_address(text) else None


@dataclass
class Parser:
    """Makes people of rows. ``columns``: field → number of its column; ``zone``: whose midnight a date begins at;
    ``company``: the account's name, which stands for the manager of whoever has none; ``yes_no``: the states that a yes
    and a no mean in its column; ``universal``: dates are UTC's."""

    columns: Mapping[str, int]
    zone: ZoneInfo
    company: str = ""
    yes_no: tuple[str, str] | None = None
    universal: bool = False
    now: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        self._managers: dict[str, str | None] = {}
        self._longest = {name: longest(name) for name in ("name", "email", "unique_user_id", "profile", "adobe_id")}
        yes, no = self.yes_no or ("", "")
        self._states = {**dict.fromkeys(YES, yes), **dict.fromkeys(NO, no), **STATES} if self.yes_no else STATES

    def person(self, line: int, cells: Sequence[str]) -> PersonRow:
        """The person of a row. Raises :class:`BadRow`."""
        email = trimmed(self.cell("email", cells))
        key = key_of(email)
        if not email:
            raise BadRow(_("%(column)s: empty.") % {"column": FIELDS["email"]})
        if key is None:
            raise BadRow(_("%(column)s: not an email address.") % {"column": FIELDS["email"]})
        # The longer of the two: the A-labels of a domain are longer than what they stand for.
        self._check_length("email", max(email, key, key=len))
        row = PersonRow(line, self._name(cells), email, key)
        if "unique_user_id" in self.columns:
            row.unique_user_id = self._unique_user_id(cells)
        if "adobe_id" in self.columns:
            row.adobe_id = self._checked("adobe_id", cells) or None
        if "profile" in self.columns:
            row.profile = self._checked("profile", cells)
        if "manager" in self.columns:
            row.manager_key = self.manager_key(cells)
            if row.manager_key == key:
                raise BadRow(_("%(column)s: nobody is their own manager.") % {"column": FIELDS["manager"]})
        if "kind" in self.columns:
            row.kind = self._kind(cells)
        if "state" in self.columns or "deleted_at" in self.columns:
            row.state, row.deleted_at = self._state(cells)
        return row

    def manager_key(self, cells: Sequence[str]) -> str | None:
        """The key of the manager's address; '' where the cell says that there is none; None: it is not understood."""
        text = self.cell("manager", cells)
        if text not in self._managers:
            if len(self._managers) >= _MOST_MANAGERS:
                self._managers.clear()
            self._managers[text] = "" if says_no_manager(text, self.company) else key_of(text)
        return self._managers[text]

    def cell(self, name: str, cells: Sequence[str]) -> str:
        """What stands in the column of a field: on one line, trimmed; '' where there is no such cell."""
        number = self.columns.get(name)
        if number is None or number >= len(cells):
            return ""
        return cleaned(cells[number])

    def _checked(self, name: str, cells: Sequence[str]) -> str:
        text = self.cell(name, cells)
        self._check_length(name, text)
        return text

    def _unique_user_id(self, cells: Sequence[str]) -> str | None:
        text = self._checked("unique_user_id", cells)
        if _ROUNDED.fullmatch(text):
            raise BadRow(
                _("%(column)s: a spreadsheet has rounded it. Format the column as text there, and export it again.")
                % {"column": FIELDS["unique_user_id"]}
            )
        return text or None

    def _check_length(self, name: str, text: str) -> None:
        if len(text) > self._longest[name]:
            raise BadRow(
                _("%(column)s: too long, at most %(most)d characters.")
                % {"column": FIELDS[name], "most": self._longest[name]}
            )

    def name(self, cells: Sequence[str]) -> str:
        """The name as it stands there, of one column or two."""
        if "name" in self.columns:
            return self.cell("name", cells)
        return f"{self.cell('first_name', cells)} {self.cell('last_name', cells)}".strip()

    def _name(self, cells: Sequence[str]) -> str:
        name = self.name(cells)
        if not name:
            raise BadRow(_("%(column)s: empty.") % {"column": FIELDS["name"]})
        self._check_length("name", name)
        return name

    def _kind(self, cells: Sequence[str]) -> str | None:
        text = self.cell("kind", cells)
        if not text:
            return None
        kind = KINDS.get(bare(text))
        if kind is None:
            raise BadRow(_("%(column)s: neither internal nor external.") % {"column": FIELDS["kind"]})
        return kind

    def _state(self, cells: Sequence[str]) -> tuple[str | None, datetime | None]:
        """The state says it; without one, a date does. Who is ACTIVE may have the date of an earlier job."""
        text, date = self.cell("state", cells), self.cell("deleted_at", cells)
        state = self._states.get(bare(text)) if text else None
        if text and state is None:
            raise BadRow(_("%(column)s: neither ACTIVE nor DELETED.") % {"column": FIELDS["state"]})
        if state in (UserState.ACTIVE, PAUSED):
            return state, None
        deleted_at = self._moment(date) if date else None
        if state == UserState.DELETED or deleted_at is not None:
            return UserState.DELETED, deleted_at
        return None, None

    def _moment(self, text: str) -> datetime:
        moment = _parsed(text)
        if moment is None:
            raise BadRow(_("%(column)s: no date; write it as 2026-05-31.") % {"column": FIELDS["deleted_at"]})
        if timezone.is_naive(moment):
            moment = moment.replace(tzinfo=UTC if self.universal else self.zone)
        if moment > self.now:
            raise BadRow(_("%(column)s: in the future.") % {"column": FIELDS["deleted_at"]})
        if moment.year < 1990:
            raise BadRow(_("%(column)s: too long ago.") % {"column": FIELDS["deleted_at"]})
        return moment


def _parsed(text: str) -> datetime | None:
    """A date, or a date and a time. Figures with slashes could be American or British, so only 2026/05/31 is read."""
    readers: tuple[Callable[[str], Any], ...] = (parse_datetime, parse_date)
    for read in readers:
        try:
            found = read(text)
        except ValueError:
            return None
        if found is not None:
            return found if isinstance(found, datetime) else datetime.combine(found, time())
    for pattern, form in _DATES:
        if pattern.fullmatch(text):
            try:
                return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the account's, set by the caller
            except ValueError:
                return None
    return None


def is_date(text: str) -> bool:
    """Whether a cell is a date as it is read here."""
    return _parsed(text) is not None


def says_no_manager(text: str, company: str = "") -> bool:
    """Whether a manager's cell says that there is none. ``company``: the account's name, which says so too."""
    folded = text.casefold()
    return folded in NO_MANAGER or folded == company.casefold()


def cleaned(text: str) -> str:
    """What a cell says: on one line, trimmed, without marks of direction or what guards it from a spreadsheet."""
    if not text.isascii():
        text = text.translate(DIRECTION_MARKS)
    if text[:1] in _WRAPPED:
        text = _unwrapped(text)
    return " ".join(text.split()) if not text.isascii() or " " in text or not text.isprintable() else text


def _unwrapped(text: str) -> str:
    """What a cell says that is written so that a spreadsheet leaves it alone."""
    as_text = _AS_TEXT.fullmatch(text)
    if as_text:
        return as_text[1].replace('""', '"')
    return text[1:] if _GUARDED.match(text) else text


def longest(name: str) -> int:
    """Characters that a column of users takes."""
    column: Any = User._meta.get_field(name)
    return int(column.max_length)
