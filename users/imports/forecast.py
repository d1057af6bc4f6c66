"""What an import would do, decided row by row as the import itself decides, with nothing written and nobody locked.

For the page on which the columns are chosen, and for the question before a run that would change much of an account.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.addresses import identity_key
from purge.routes.suppression import Known
from users.imports.deciding import KnownUser, Work
from users.imports.loading import Loader, batches
from users.imports.parsing import PersonRow
from users.imports.survey import Survey
from users.models import ImportLog, ImportState, User, UserState

#: More of an account's people in use than this share, and at least so many, are asked about first.
SHARE = 0.20
FEWEST = 20
#: How many bad rows are told with their reasons.
TOLD = 5
#: People whose address, ID or state changes are remembered from batch to batch; of more the last ones are guesses.
MOST = 20_000

KINDS = ("renamed", "renumbered", "deleted", "unmanaged")


@dataclass
class Forecast:
    """``counts``: as an import counts, and ``left_out`` and ``deleted``. ``columns``: field → people in whom it would
    change. ``struck``: kind → people in use who would be renamed, renumbered, deleted or lose their manager;
    ``people``: all of these; ``in_use``: people of the account in use. ``rows``: how many were looked at of ``total``.
    """

    total: int
    in_use: int
    rows: int = 0
    people: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.rows >= self.total

    @property
    def is_drastic(self) -> bool:
        return self.people >= FEWEST and self.people > self.in_use * SHARE

    def numbers(self) -> dict[str, int]:
        """What is to be asked about: numbers alone, to be kept with the import."""
        return {"people": self.people, "in_use": self.in_use, **{kind: self.struck[kind] for kind in KINDS}}


def words_of(numbers: Mapping[str, int]) -> str:
    """What is asked about, in a sentence: "Of 1,000 active users, 950 would be renamed and 3 deleted." """
    told = {
        "renamed": ngettext("%(n)s would be renamed", "%(n)s would be renamed", numbers["renamed"]),
        "renumbered": ngettext(
            "%(n)s would get another Unique User ID", "%(n)s would get another Unique User ID", numbers["renumbered"]
        ),
        "deleted": ngettext("%(n)s would be deleted", "%(n)s would be deleted", numbers["deleted"]),
        "unmanaged": ngettext("%(n)s would lose their manager", "%(n)s would lose their manager", numbers["unmanaged"]),
    }
    parts = [told[kind] % {"n": number_format(numbers[kind], force_grouping=True)} for kind in KINDS if numbers[kind]]
    return _("Of %(all)s active users, %(what)s.") % {
        "all": number_format(numbers["in_use"], force_grouping=True),
        "what": ", ".join(parts),
    }


def is_asked_about(log: ImportLog) -> bool:
    """Whether this import has to be asked about if it would change much, and was not looked at yet: never an account's
    first."""
    if log.rows_done or log.mapping.get("sure") or "foreseen" in log.mapping:
        return False
    earlier = ImportLog.objects.filter(account_id=log.account_id, state=ImportState.COMPLETED).exclude(pk=log.pk)
    return earlier.exists() and _in_use(log.account_id) >= FEWEST


def forecast(log: ImportLog, stored: BinaryIO, *, seconds: float | None = None) -> Forecast:
    """What the import would do to the people who are there now. ``seconds``: how long is looked at most; then what is
    said is said of the first rows."""
    began = time.monotonic()
    with Survey() as survey:
        foreseer = _Foreseer.of(log)
        # A part of the time goes into what the rows say of each other.
        surveyed = foreseer.look_through(stored, survey, until=None if seconds is None else began + seconds * 0.3)
        return foreseer.look(stored, survey, surveyed, None if seconds is None else began + seconds)


def foreseen(log: ImportLog, stored: BinaryIO, survey: Survey, *, until: float) -> Forecast:
    """The same of a file that was looked through, for :attr:`Forecast.is_drastic`: who was purged is not asked."""
    foreseer = _Foreseer.of(log)
    foreseer.asks_who_was_purged = False
    return foreseer.look(stored, survey, log.total_rows, until)


def _in_use(account_id: int) -> int:
    number: int = User.objects.filter(account_id=account_id, state=UserState.ACTIVE).count()
    return number


@dataclass
class _Foreseer(Loader):
    """A loader that writes nothing and knows what it would have written."""

    locks = False
    asks_who_was_purged: bool = True
    #: Those whose address, ID or state would have changed, by number and by what they would be known by.
    _users: dict[int, KnownUser] = field(default_factory=dict)
    _by_key: dict[str, int] = field(default_factory=dict)
    _by_id: dict[str, int] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    _deleted: set[int] = field(default_factory=set)
    #: Addresses of those who would have been added.
    _added: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, log: ImportLog) -> _Foreseer:
        loader = Loader.of(log)
        return cls(log, loader.account, loader.parser)

    def look(self, stored: BinaryIO, survey: Survey, number: int, until: float | None) -> Forecast:
        """What comes of so many rows of the file, or of those that are looked at until then."""
        seen = Forecast(self.log.total_rows, _in_use(self.account.pk))
        self.empties = self._would_empty(survey)
        put_off: set[int] = set()
        with closing(self.rows(stored)) as rows:
            for batch in batches(islice(rows, number)):
                people, bad = self._judged(batch, survey)
                work = self._decided(people, survey) if people else Work()
                work.bad += bad
                work.counts["failed"] += len(bad)
                put_off.update(work.put_off)
                self._note(seen, work, len(batch))
                if until is not None and time.monotonic() > until:
                    break
        if put_off:
            with closing(self.rows(stored)) as rows:
                people, _bad = self._parsed([row for row in rows if row.line in put_off])
            self._note(seen, self._untangled(people), 0)
        return seen

    def _note(self, seen: Forecast, work: Work, rows: int) -> None:
        seen.rows += rows
        seen.counts.update(work.counts)
        seen.counts["deleted"] += len(work.deleted)
        seen.columns.update(work.columns)
        seen.bad = sorted(seen.bad + work.bad)[:TOLD]
        for kinds in work.struck.values():
            seen.struck.update(kinds)
        seen.people += len(work.struck)
        self._remember(work)

    def _remember(self, work: Work) -> None:
        for user in work.changed.values():
            if len(self._users) < MOST and any(user[name] != user.before[name] for name in _KNOWN_BY):
                self._users[user.pk] = user
                self._by_key[user["email_key"] or ""] = user.pk
                self._by_id[user["unique_user_id"] or ""] = user.pk
        self._left.update(str(former.email_key) for former in work.former)
        self._deleted.update(work.deleted)
        if len(self._added) < MOST:
            self._added.update(row.email_key for row, _values in work.added if row.state != UserState.DELETED)

    def _purged(self, people: Sequence[PersonRow]) -> tuple[dict[Known, str], dict[Known, str]]:
        return super()._purged(people) if self.asks_who_was_purged else ({}, {})

    def _known(self, people: Sequence[PersonRow]) -> list[KnownUser]:
        keys = {person.email_key for person in people}
        ids = {person.unique_user_id for person in people if person.unique_user_id}
        found = {user.pk: user for user in super()._known(people)}
        moved_in = {self._by_key[key] for key in keys & self._by_key.keys()}
        moved_in |= {self._by_id[each] for each in ids & self._by_id.keys()}
        for pk in (moved_in | found.keys()) & self._users.keys():
            found[pk] = _as_if_stored(self._users[pk])
        return [found[pk] for pk in sorted(found) if _is_known_by(found[pk], keys, ids)]

    def _active_administrators(self) -> set[int]:
        return super()._active_administrators() - self._deleted

    def _moved(self, people: Sequence[PersonRow], known: Sequence[KnownUser]) -> frozenset[str]:
        there = {user["email_key"] for user in known}
        free = {row.email_key for row in people if row.unique_user_id is None and row.email_key not in there}
        return super()._moved(people, known) | (free & self._left)

    def _managers(self, people: Iterable[PersonRow]) -> dict[str, int]:
        rows = list(people)
        wanted = {row.manager_key or "" for row in rows}
        there = {key: pk for key, pk in super()._managers(rows).items() if pk not in self._deleted}
        # Somebody whom this file adds has no number yet; any that nobody has does.
        return {**dict.fromkeys(self._added.intersection(wanted), 0), **there}


_KNOWN_BY = ("email_key", "unique_user_id", "state")


def _as_if_stored(user: KnownUser) -> KnownUser:
    values: dict[str, Any] = dict(user.values)
    return KnownUser(user.pk, user.manager_id, values, dict(values))


def _is_known_by(user: KnownUser, keys: Collection[str], ids: Collection[str]) -> bool:
    key = user["email_key"] if user["email_key"] is not None else identity_key(user["email"])
    return key in keys or user["unique_user_id"] in ids
