"""How thoroughly a purge was checked, as page and commands tell it: each store, and what is not covered.

Nothing here is worked out beyond what was written down when somebody looked (:mod:`purge.thoroughness.recording`), but
for backups, which follow from how long they are kept, and for files and words that were counted where they are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from purge.choices import Beyond, Level, Status, Store, UnopenedKind
from purge.host import Application, get_host
from purge.models import NotCovered, PurgeRequest
from purge.standing import moment_text


@dataclass(frozen=True)
class StoreLine:
    """One store. ``level`` and ``at`` are None where nothing is established of it."""

    store: Store
    level: Level | None
    at: datetime | None

    @property
    def label(self) -> str:
        return str(self.store.label)

    @property
    def how_far(self) -> str:
        return str(self.level.label) if self.level is not None else _("not yet overwritten")

    def as_json(self) -> dict[str, Any]:
        return {"store": str(self.store), "level": None if self.level is None else str(self.level), "at": self.at}


@dataclass(frozen=True)
class NotCoveredLine:
    """One thing that is not covered. ``kind``: a word of :class:`Beyond`, or of those that are derived elsewhere;
    ``facts``: names, numbers and times for programs."""

    kind: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.facts, "text": self.text}


@dataclass(frozen=True)
class Thoroughness:
    """``recorded``: False of a purge that an earlier release completed, which wrote nothing of this down."""

    recorded: bool
    stores: tuple[StoreLine, ...] = ()
    not_covered: tuple[NotCoveredLine, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "recorded": self.recorded,
            "stores": [line.as_json() for line in self.stores],
            "not_covered": [line.as_json() for line in self.not_covered],
        }


@dataclass(frozen=True)
class Listed:
    """What a page has counted already: files that could not be opened and stayed, by kind; Unique User IDs that were
    not looked for as words; places that may mention somebody."""

    unopened: Sequence[tuple[UnopenedKind, int]] = ()
    unsought: int = 0
    places: int = 0
    more_places: bool = False


def thoroughness_of(
    purge_request: PurgeRequest, *, zone: str, listed: Listed, account_id: int | None = None
) -> Thoroughness | None:
    """How far it is established that the people of a completed request are gone; None of any other request.

    ``account_id``: for readers of this account alone: its own applications, and no names of the platform's machines.
    Three queries at most.
    """
    if purge_request.status != Status.COMPLETED or purge_request.completed_at is None:
        return None
    established = {row.store: row for row in purge_request.established.all()}
    recorded = bool(established.keys() - {Store.APPLICATIONS})
    if not recorded:
        return Thoroughness(recorded=False, not_covered=tuple(_backups(purge_request, zone)))
    noted = list(purge_request.not_covered.order_by("kind", "name", "number"))
    stores = [
        StoreLine(store, Level(established[store].level), established[store].at)
        if store in established
        else StoreLine(store, None, None)
        for store in Store
        if store in established or store == Store.SPACE
    ]
    return Thoroughness(
        recorded=True,
        stores=tuple(stores),
        not_covered=(
            *_backups(purge_request, zone),
            *_of_database(noted, zone, named=account_id is None),
            *_space(Store.SPACE in established),
            *_applications(noted, Store.APPLICATIONS in established, account_id),
            *_listed(listed),
        ),
    )


def _backups(purge_request: PurgeRequest, zone: str) -> Iterable[NotCoveredLine]:
    """Until when a backup may hold the people: by what is said of backups today, not when the request ended."""
    days: int | None = settings.PURGE_BACKUP_DAYS
    if days is None:
        text = _("Backups that were made before: nobody has said how long they are kept.")
        return [NotCoveredLine("backups", text, {"until": None})]
    assert purge_request.completed_at is not None
    until = purge_request.completed_at + timedelta(days=days)
    if until <= timezone.now():
        return []
    text = _("Backups that were made before, until %(until)s.") % {"until": moment_text(until, zone)}
    return [NotCoveredLine("backups", text, {"until": until})]


#: Kind → what is said with its name, and without. What is not here is said elsewhere.
_SAYS: Final = {
    Beyond.STANDBY: (
        gettext_lazy("Standby “%(name)s” of the database: it erases what it is told to, when it is told."),
        gettext_lazy("A standby of the database: it erases what it is told to, when it is told."),
    ),
    Beyond.SLOT: (
        gettext_lazy("Replication slot “%(name)s”: whoever reads from it keeps what they have read."),
        gettext_lazy("A replication slot of the database: whoever reads from it keeps what they have read."),
    ),
    Beyond.ARCHIVE: (
        gettext_lazy("The archive of the database's changes (archive_mode); it last took some on %(at)s."),
        gettext_lazy("The archive of the database's changes (archive_mode)."),
    ),
    Beyond.SERVER: (
        gettext_lazy("The database server does not say who copies it."),
        gettext_lazy("The database server does not say who copies it."),
    ),
    Beyond.LOG: (
        gettext_lazy("The database server's log of changes (pg_wal), until its files are used again."),
        gettext_lazy("The database server's log of changes, until its files are used again."),
    ),
    Beyond.STATEMENTS: (
        gettext_lazy("The database server's log, which takes down statements with their values (see manage.py check)."),
        gettext_lazy("The database server's log, which takes down statements with their values."),
    ),
    Beyond.STATISTIC: (
        gettext_lazy("Database statistics of “%(name)s”: they could not be read."),
        gettext_lazy("Database statistics of a table: they could not be read."),
    ),
    Beyond.CACHE: (
        gettext_lazy("Cache “%(name)s”, which is kept outside of the database."),
        gettext_lazy("A cache that is kept outside of the database."),
    ),
    Beyond.SESSIONS: (
        gettext_lazy("Sessions, which are kept outside of the database."),
        gettext_lazy("Sessions, which are kept outside of the database."),
    ),
}


def _of_database(noted: Sequence[NotCovered], zone: str, *, named: bool) -> Iterable[NotCoveredLine]:
    for row in noted:
        if (says := _SAYS.get(Beyond(row.kind))) is None:
            continue
        with_name = named and (row.kind != Beyond.ARCHIVE or row.active_at is not None)
        text = says[0 if with_name else 1] % {"name": row.name, "at": moment_text(row.active_at, zone)}
        facts: dict[str, Any] = {"seen_at": row.seen_at}
        if row.name and named:
            facts["name"] = row.name
        if row.kind == Beyond.ARCHIVE:
            facts["last_archived_at"] = row.active_at
        yield NotCoveredLine(row.kind, text, facts)


def _space(overwritten: bool) -> Iterable[NotCoveredLine]:
    if overwritten:
        return
    yield NotCoveredLine(
        "space",
        _("Free space in the database's files, until it is written again or an operator has it overwritten."),
        {"command": "manage.py purge_compact"},
    )


def _applications(noted: Sequence[NotCovered], recorded: bool, account_id: int | None) -> Iterable[NotCoveredLine]:
    rows = [
        row for row in noted if row.kind == Beyond.APPLICATION and (account_id is None or row.account_id == account_id)
    ]
    known = get_host().applications([row.number for row in rows]) if rows else {}
    for row in rows:
        yield _application_line(row, known.get(row.number))
    if not recorded:
        text = _("Outside applications: which of them had data was not recorded.")
        yield NotCoveredLine("applications_not_recorded", text)


def _application_line(row: NotCovered, application: Application | None) -> NotCoveredLine:
    facts: dict[str, Any] = {"number": row.number, "seen_at": row.seen_at}
    if application is None:
        text = _("Outside application %(number)d, which is not registered here any more.") % {"number": row.number}
        return NotCoveredLine(row.kind, text, facts)
    facts |= {"name": application.name, "organisation": application.organisation, "contact": application.contact}
    name = application.name
    if application.organisation:
        name = _("%(name)s (%(organisation)s)") % {"name": name, "organisation": application.organisation}
    if application.contact:
        text = _("Outside application %(name)s: ask %(contact)s.") % {"name": name, "contact": application.contact}
    else:
        text = _("Outside application %(name)s: no contact is given for it.") % {"name": name}
    return NotCoveredLine(row.kind, text, facts)


def _listed(listed: Listed) -> Iterable[NotCoveredLine]:
    for kind, number in listed.unopened:
        text = ngettext(
            "%(n)d stored file that could not be opened: %(kind)s.",
            "%(n)d stored files that could not be opened: %(kind)s.",
            number,
        ) % {"n": number, "kind": kind.label}
        yield NotCoveredLine("files", text, {"reason": str(kind), "number": number})
    if listed.unsought:
        text = ngettext(
            "%(n)d Unique User ID that was not looked for as a word.",
            "%(n)d Unique User IDs that were not looked for as words.",
            listed.unsought,
        ) % {"n": listed.unsought}
        yield NotCoveredLine("unique_ids", text, {"number": listed.unsought})
    if listed.places:
        text = ngettext(
            "%(n)d place that may mention somebody, and was not changed.",
            "%(n)d places that may mention somebody, and were not changed.",
            listed.places,
        ) % {"n": listed.places}
        text = _("%(places)s There are more.") % {"places": text} if listed.more_places else text
        yield NotCoveredLine("places", text, {"number": listed.places, "more": listed.more_places})
