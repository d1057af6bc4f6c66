"""A note for the register: what may stand in it, and writing it down."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from purge.choices import AskedBy, Basis
from purge.host import Person, get_host
from purge.models import PurgeRequest, RegisterNote
from purge.register.naming import CannotTell, names_people, names_purged

MOST_TICKET: int = RegisterNote._meta.get_field("ticket").max_length or 0
MOST_REASON: int = RegisterNote._meta.get_field("reason").max_length or 0
#: Whoever looks for a letter of before knows a year.
EARLIEST = date(1990, 1, 1)
_TICKET = re.compile(r"[^\s@\x00-\x1f\x7f\ud800-\udfff]*")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class CannotNote(Exception):
    """``field``: what of the note cannot stand there; the text says why and names nobody."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True)
class Note:
    """What somebody writes down about a purge. Empty is what they did not say. ``asked_by``: of :class:`AskedBy`;
    ``basis``: of :class:`Basis`."""

    asked_by: str = ""
    basis: str = ""
    ticket: str = ""
    received_on: date | None = None
    reason: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Note()

    def as_json(self) -> dict[str, str]:
        """What was said, as it can be kept until it is sent again."""
        said = asdict(self) | {"received_on": self.received_on.isoformat() if self.received_on else ""}
        return {name: value for name, value in said.items() if value}

    @classmethod
    def read(cls, kept: Mapping[str, str]) -> Note:
        """From what :meth:`as_json` has given."""
        day = date.fromisoformat(kept["received_on"]) if "received_on" in kept else None
        return cls(**{**kept, "received_on": day})  # type: ignore[arg-type]

    @classmethod
    def of(cls, row: RegisterNote | None) -> Note:
        return cls(**{each.name: getattr(row, each.name) for each in fields(cls)}) if row is not None else cls()


NO_NOTE = Note()


def answer_by(received_on: date) -> date:
    """One calendar month later; where that month has no such day, its last one."""
    year, month = divmod(received_on.year * 12 + received_on.month, 12)
    return date(year, month + 1, min(received_on.day, calendar.monthrange(year, month + 1)[1]))


def check_note(note: Note, *, account_id: int) -> None:
    """What can be said of a note whoever it is about. Raises :class:`CannotNote`."""
    if note.asked_by and note.asked_by not in AskedBy.values:
        raise CannotNote("asked_by", _("Choose who has asked for it."))
    if note.basis and note.basis not in Basis.values:
        raise CannotNote("basis", _("Choose a basis."))
    if len(note.ticket) > MOST_TICKET or not _TICKET.fullmatch(note.ticket):
        raise CannotNote("ticket", _("Give a ticket of at most 40 characters, without blanks and without @."))
    if note.received_on is not None and not EARLIEST <= note.received_on <= today_in(account_id):
        raise CannotNote("received_on", _("Give a day that is not in the future."))
    if len(note.reason) > MOST_REASON or _UNSTORABLE.search(note.reason):
        raise CannotNote("reason", _("Give a reason of at most 1,000 characters."))


def check_names_nobody(note: Note, *, people: Iterable[Person] | None = None, of: PurgeRequest | None = None) -> None:
    """``people``: those who are about to be purged; ``of``: or the request that they are in. Raises
    :class:`CannotNote` where free text names one of them, or nobody can tell any more."""
    people = list(people) if people is not None else []
    for field in ("ticket", "reason"):
        text = getattr(note, field)
        if not text:
            continue
        try:
            named = names_purged(text, of) if of is not None else names_people(text, people)
        except CannotTell:
            raise CannotNote(
                field,
                _("An earlier release purged these people: nobody can check any more whether this names one of them."),
            ) from None
        if named:
            raise CannotNote(field, _NAMES[field]())


_NAMES = {
    "ticket": lambda: _("The ticket names somebody who is purged. It stays for good, so give one that names nobody."),
    "reason": lambda: _(
        "The reason names somebody who is purged, or has an email address. It stays for good: write it without names, "
        "addresses, logins and IDs."
    ),
}


def write_note(purge_request: PurgeRequest, note: Note, *, changed_by: Any) -> RegisterNote:
    """Store a note that was checked, in the caller's transaction."""
    columns = asdict(note) | {
        "account_id": purge_request.account_id,
        "answer_by": answer_by(note.received_on) if note.received_on is not None else None,
        "changed_by": changed_by,
        "changed_at": timezone.now(),
    }
    row, _made = RegisterNote.across_accounts.update_or_create(request=purge_request, defaults=columns)
    return row


def today_in(account_id: int) -> date:
    """Which day it is where an account is."""
    account = get_host().accounts([account_id]).get(account_id)
    return timezone.localdate(timezone=ZoneInfo(account.time_zone) if account else None)
