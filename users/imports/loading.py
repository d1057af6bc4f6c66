"""Batches of rows into the database.

A batch is one transaction: what it adds and changes, its bad rows, the counts and how far the import has come. So a
worker that is killed has either done a batch or not, and the next one goes on behind the last. Two that work on the
same import meet at the import's row, and the second gives up.

Locks are taken in a fixed order: the import, the account, then users by number, as everywhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from secrets import token_hex
from typing import Any, BinaryIO, NamedTuple
from uuid import uuid4

from django.db import IntegrityError, OperationalError, close_old_connections, connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import identity_key
from purge.lookups import AnyOf
from purge.selectors import open_request_of
from purge.suppression import Known, known_by, purged_before
from users.imports.mapping import FIELDS
from users.imports.parsing import BadRow, Parser, PersonRow
from users.imports.reading import Row, people_rows
from users.imports.seen import Seen
from users.imports.statements import rows_insert, rows_update, statistics_refresh
from users.models import (
    Account,
    FormerEmail,
    GroupMember,
    ImportLog,
    ImportNote,
    ImportRowError,
    ImportSource,
    ImportState,
    Role,
    User,
    UserAudit,
    UserKind,
    UserRole,
    UserSource,
    UserState,
)
from users.services import adobe_key_of, deleted_count_change, month_of, sessions_end, unique_id_sort_key, zone_of

BATCH = 1_000
#: After how many rows the table's statistics are made anew.
_RECOUNTED = frozenset(BATCH * 4**power for power in range(1, 8))
#: Waits, in seconds, before a batch is tried again when the database is gone or another writer was in the way.
WAITS = (0.2, 1.0, 3.0, 8.0, 15.0)

_ADDED = (
    *("account_id", "login_id", "public_id", "password", "kind", "state", "name", "email", "email_key"),
    *("unique_user_id", "unique_id_sort", "adobe_id", "adobe_key", "profile", "source"),
    *("deleted_at", "deleted_month", "deleted_by_id"),
)
#: What an import may change of somebody who is there, in the order of the statement.
_CHANGED = (
    *("name", "email", "email_key", "unique_user_id", "unique_id_sort", "adobe_id", "adobe_key", "profile", "kind"),
    *(
        "state",
        "deleted_at",
        "deleted_month",
        "deleted_by_id",
        "source",
        "is_superuser",
        "is_support",
        "same_mailbox_as_id",
    ),
)


class TakenOver(Exception):
    """Another worker is at this import."""


class AccountClosed(Exception):
    """A purge has emptied the account and closed it: nobody can get into it any more."""


@dataclass(slots=True)
class _Known:
    """A user who is there, as he will be after the rows so far."""

    pk: int
    manager_id: int | None
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.values[name] = value


@dataclass
class _Work:
    """What a batch comes to, before any of it is written."""

    added: list[tuple[PersonRow, list[Any]]] = field(default_factory=list)
    changed: dict[int, _Known] = field(default_factory=dict)
    former: list[FormerEmail] = field(default_factory=list)
    taken_back: list[tuple[int, str]] = field(default_factory=list)
    revived: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    months: Counter[str] = field(default_factory=Counter)
    audits: list[UserAudit] = field(default_factory=list)
    notes: list[ImportNote] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Loader:
    """Loads the rows of one import. ``log`` is as it was claimed; what is true now is read under its lock."""

    log: ImportLog
    account: Account
    parser: Parser

    @classmethod
    def of(cls, log: ImportLog) -> Loader:
        columns = {name: int(number) for name, number in log.mapping["columns"].items()}
        return cls(log, log.account, Parser(columns, zone_of(log.account)))

    @property
    def renumber(self) -> bool:
        """Whether the company has changed its Unique User IDs: an address brings its user a new one."""
        return bool(self.log.mapping.get("renumber"))

    @property
    def source(self) -> str:
        return UserSource.CONNECTOR if self.log.source == ImportSource.CONNECTOR else UserSource.CSV

    # ------------------------------------------------------------ the walk

    def rows(self, stored: BinaryIO) -> Generator[Row]:
        return people_rows(
            stored,
            encoding=self.log.encoding,
            delimiter=self.log.delimiter,
            heading_line=int(self.log.mapping["heading_line"]),
        )

    def load(self, stored: BinaryIO, *, until: float | None = None) -> bool:
        """Load all rows behind the last batch that was done; whether that is all. ``until``: a time of
        :func:`time.monotonic` after which no further batch is begun. Raises :class:`TakenOver`,
        :class:`AccountClosed`.
        """
        done = self.log.rows_done
        with closing(self.rows(stored)) as rows, Seen() as seen:
            for batch in batches(islice(rows, done)):
                self._parsed(batch, seen)
            for batch in batches(rows):
                if until is not None and time.monotonic() > until:
                    return False
                people, bad = self._parsed(batch, seen)
                patiently(partial(self._batch, len(batch), people, bad, done))
                done += len(batch)
                if done in _RECOUNTED:
                    statistics_refresh(User)
        return True

    def _parsed(self, batch: Sequence[Row], seen: Seen) -> tuple[list[PersonRow], list[tuple[int, str]]]:
        """The rows that say somebody, and the bad ones: line and reason.

        Of two for the same one, the first goes in; neither, where they give one address two Unique User IDs.
        """
        people: list[PersonRow] = []
        bad: list[tuple[int, str]] = []
        for row in batch:
            try:
                if row.torn:
                    raise BadRow(_("A quotation mark is opened on this line and never closed."))
                people.append(self.parser.person(row.line, row.cells))
            except BadRow as reason:
                bad.append((row.line, str(reason)))
        taken = seen.first_lines([key for person in people for key in _keys(person)])
        fresh: dict[str, int] = {}
        good: dict[int, PersonRow] = {}
        for person in people:
            twice = [key for key in _keys(person) if key in taken or key in fresh]
            if twice:
                column = FIELDS["email" if twice[0].startswith("@") else "unique_user_id"]
                line = taken.get(twice[0]) or fresh[twice[0]]
                earlier = good.get(line)
                if earlier is not None and _contradict(earlier, person):
                    del good[line]
                    bad += [(earlier.line, _contradiction(person.line)), (person.line, _contradiction(earlier.line))]
                    continue
                bad.append(
                    (person.line, _("%(column)s: the same as on line %(line)d.") % {"column": column, "line": line})
                )
                continue
            fresh.update(dict.fromkeys(_keys(person), person.line))
            good[person.line] = person
        seen.add(fresh)
        return list(good.values()), bad

    # ------------------------------------------------------------ one batch

    def _batch(self, number: int, people: Sequence[PersonRow], bad: Sequence[tuple[int, str]], done: int) -> None:
        with transaction.atomic():
            log = ImportLog.objects.select_for_update(of=("self",)).get(pk=self.log.pk)
            if log.rows_done != done or log.state != ImportState.RUNNING:
                raise TakenOver
            # Not the key itself, which new users of the account refer to.
            if Account.objects.select_for_update(no_key=True).get(pk=self.account.pk).is_closed:
                raise AccountClosed
            counts: Counter[str] = Counter(failed=len(bad))
            self._bad_rows(bad)
            counts += self._people(people)
            ImportLog.objects.filter(pk=log.pk).update(
                rows_done=F("rows_done") + number, **{name: F(name) + more for name, more in counts.items()}
            )

    def _people(self, people: Sequence[PersonRow]) -> Counter[str]:
        """Load these; the counts. What another writer has taken meanwhile is found by halves, down to one row."""
        if not people:
            return Counter()
        try:
            with transaction.atomic():
                work = self._decided(people)
                self._write(work)
                return work.counts
        except IntegrityError:
            if len(people) == 1:
                self._bad_rows([(people[0].line, _("This address or Unique User ID is used by another user."))])
                return Counter(failed=1)
        half = len(people) // 2
        return self._people(people[:half]) + self._people(people[half:])

    def _bad_rows(self, bad: Iterable[tuple[int, str]]) -> None:
        ImportRowError.objects.bulk_create(
            (ImportRowError(log_id=self.log.pk, line=line, reason=reason[:300]) for line, reason in bad),
            batch_size=BATCH,
        )

    def _decided(self, people: Sequence[PersonRow]) -> _Work:
        """What to do for each row, with everybody concerned locked."""
        known = self._known(people)
        by_key = {user["email_key"]: user for user in known if user["email_key"]}
        by_id = {user["unique_user_id"]: user for user in known if user["unique_user_id"]}
        keys = {key for person in people for key in _identifiers(person)}
        # Asked under the locks: a purge that was accepted before them is seen here, a later one sees what we did.
        ever = purged_before(account_id=self.account.pk, known=keys)
        since = purged_before(account_id=self.account.pk, known=ever, accepted_after=self.log.uploaded_at)
        decision = _Decision(
            self,
            by_key,
            by_id,
            since,
            ever,
            self._frozen(known),
            self._active_administrators(),
            self._managers(people),
            self.renumber,
        )
        for person in people:
            try:
                decision.take(person)
            except BadRow as reason:
                decision.work.bad.append((person.line, str(reason)))
        decision.work.counts["failed"] += len(decision.work.bad)
        return decision.work

    def _known(self, people: Sequence[PersonRow]) -> list[_Known]:
        """Users of the account with one of these addresses or Unique User IDs, locked in the order of their numbers."""
        pks = {user.pk for user in users_with(self.account.pk, [person.email_key for person in people])}
        unique_ids = [person.unique_user_id for person in people if person.unique_user_id]
        if unique_ids:
            mine = User.objects.filter(AnyOf(F("unique_user_id"), unique_ids), account_id=self.account.pk)
            pks.update(mine.values_list("pk", flat=True))
        if not pks:
            return []
        rows = User.objects.filter(AnyOf(F("pk"), sorted(pks))).order_by("pk").select_for_update()
        return [
            _Known(pk, manager_id, dict(zip(_CHANGED, values, strict=True)))
            for pk, manager_id, *values in rows.values_list("pk", "manager_id", *_CHANGED)
        ]

    def _frozen(self, known: Iterable[_Known]) -> dict[int, str]:
        """Those who are being purged or reserved for it, with the request's ID (empty when another account's)."""
        states = {user.pk: user["state"] for user in known if user["state"] != UserState.ACTIVE}
        references = open_request_of(states, account_id=self.account.pk) if states else {}
        return {
            pk: references.get(pk, "") for pk, state in states.items() if state == UserState.PURGING or pk in references
        }

    def _active_administrators(self) -> set[int]:
        rows = UserRole.objects.filter(
            role=Role.ADMINISTRATOR, user__account_id=self.account.pk, user__state=UserState.ACTIVE
        )
        return set(rows.values_list("user_id", flat=True))

    def _managers(self, people: Iterable[PersonRow]) -> dict[str, int]:
        """Managers who are there already; those who come later in the file are found in the second walk."""
        return active_users(self.account.pk, {person.manager_key for person in people if person.manager_key})

    # ------------------------------------------------------------ writing

    def _write(self, work: _Work) -> None:
        rows_insert(User, _ADDED, (values for _person, values in work.added))
        changed = [work.changed[pk] for pk in sorted(work.changed)]
        rows_update(User, _CHANGED, [(user.pk, *(user[name] for name in _CHANGED)) for user in changed])
        for pk, key in work.taken_back:
            FormerEmail.objects.filter(user_id=pk, email_key=key).delete()
        FormerEmail.objects.bulk_create(work.former, ignore_conflicts=True)
        if work.revived:
            self._as_learners(work.revived)
        if work.deleted:
            sessions_end(user_ids=work.deleted)
            GroupMember.objects.filter(user_id__in=work.deleted).delete()
        for month, number in sorted(work.months.items()):
            if number:
                deleted_count_change(account_id=self.account.pk, month=month, by=number)
        UserAudit.objects.bulk_create(work.audits, batch_size=BATCH)
        ImportNote.objects.bulk_create(work.notes, batch_size=BATCH)
        self._bad_rows(work.bad)

    def _as_learners(self, pks: Sequence[int]) -> None:
        UserRole.objects.filter(user_id__in=pks).delete()
        User.user_permissions.through.objects.filter(user_id__in=pks).delete()
        User.groups.through.objects.filter(user_id__in=pks).delete()


@dataclass
class _Decision:
    """Decides row by row, against what the rows before have made of the users."""

    loader: Loader
    by_key: dict[str, _Known]
    by_id: dict[str, _Known]
    purged_since: dict[Known, str]
    purged_ever: dict[Known, str]
    frozen: dict[int, str]
    administrators: set[int]
    managers: dict[str, int]
    renumber: bool = False
    work: _Work = field(default_factory=_Work)

    def take(self, row: PersonRow) -> None:
        """Raises :class:`BadRow` before anything is decided."""
        user = self._user_of(row)
        if user is not None and user.pk in self.frozen:
            raise BadRow(_frozen_words(self.frozen[user.pk]))
        if any(each in self.purged_since for each in _identifiers(row)):
            raise BadRow(_("This user was purged since the file was uploaded."))
        if user is None:
            self._add(row)
        else:
            self._change(user, row)

    def _user_of(self, row: PersonRow) -> _Known | None:
        """By address, else by Unique User ID: who has a new address keeps his ID."""
        user = self.by_key.get(row.email_key)
        namesake = self.by_id.get(row.unique_user_id) if row.unique_user_id else None
        if user is None:
            return namesake
        if namesake is not None and namesake is not user:
            raise BadRow(_("%(column)s: another user has it.") % {"column": FIELDS["unique_user_id"]})
        return user

    # ------------------------------------------------------------ new

    def _add(self, row: PersonRow) -> None:
        deleted = row.state == UserState.DELETED
        deleted_at = (row.deleted_at or self.loader.parser.now) if deleted else None
        month = month_of(deleted_at, self.loader.account) if deleted_at else None
        values = [
            self.loader.account.pk,
            token_hex(16),
            uuid4(),
            # No password fits; the rest only makes two such users differ.
            f"!{token_hex(20)}",
            row.kind or UserKind.INTERNAL,
            UserState.DELETED if deleted else UserState.ACTIVE,
            row.name,
            row.email,
            row.email_key,
            row.unique_user_id,
            unique_id_sort_key(row.unique_user_id),
            row.adobe_id,
            adobe_key_of(row.adobe_id),
            row.profile or "",
            self.loader.source,
            deleted_at,
            month,
            self.loader.log.started_by_id if deleted else None,
        ]
        self.work.added.append((row, values))
        if month:
            self.work.months[month] += 1
        self.work.counts["added"] += 1
        earlier = [self.purged_ever[each] for each in _identifiers(row) if each in self.purged_ever]
        if earlier:
            self.work.counts["previously_purged"] += 1
            # By several identifiers perhaps in several requests: a reference that this account may read, if there is.
            self._note(row, "previously_purged", max(earlier))

    # ------------------------------------------------------------ there already

    def _change(self, user: _Known, row: PersonRow) -> None:
        deletes = row.state == UserState.DELETED and user["state"] == UserState.ACTIVE
        revives = row.state != UserState.DELETED and user["state"] == UserState.DELETED
        self._refuse(user, row, deletes=deletes, revives=revives)
        before = dict(user.values)
        self._identity(user, row)
        for name, value in (("name", row.name), ("profile", row.profile), ("kind", row.kind)):
            if value is not None:
                user[name] = value
        if deletes or (row.state == UserState.DELETED and row.deleted_at is not None):
            self._date_of_deletion(user, row)
        if deletes:
            user["state"], user["deleted_by_id"] = UserState.DELETED, self.loader.log.started_by_id
            self.administrators.discard(user.pk)
            self.work.deleted.append(user.pk)
        elif revives:
            self._revive(user)
        changed = [name for name in _CHANGED if before[name] != user[name]]
        if changed:
            self.work.changed[user.pk] = user
        self._count(user, row, changed, deletes=deletes, revives=revives)

    def _refuse(self, user: _Known, row: PersonRow, *, deletes: bool, revives: bool) -> None:
        unique_id = user["unique_user_id"]
        contradicts = row.unique_user_id and unique_id and row.unique_user_id != unique_id
        if contradicts and (revives or deletes or not self.renumber):
            # The row of an earlier job, or of somebody new who was given a former colleague's address. Where a company
            # has changed its IDs too: what brings a new one speaks of somebody who is there.
            words = (
                _("%(column)s: a deleted user with this address has another one. Restore or purge that user first.")
                if user["state"] == UserState.DELETED
                else _("%(column)s: the user with this address has another one. Correct the file, or the user.")
            )
            raise BadRow(words % {"column": FIELDS["unique_user_id"]})
        if deletes and user.pk == self.loader.log.started_by_id:
            raise BadRow(_("%(column)s: nobody deletes himself.") % {"column": FIELDS["state"]})
        if deletes and self.administrators == {user.pk}:
            raise BadRow(
                _("%(column)s: this is the last active Administrator. Give somebody else the role first.")
                % {"column": FIELDS["state"]}
            )

    def _identity(self, user: _Known, row: PersonRow) -> None:
        """A new address makes the old one a former one; an ID or login that the row leaves out stays."""
        before = identity_key(user["email"])
        if row.email_key != before:
            self.work.former.append(
                FormerEmail(user_id=user.pk, email=user["email"], email_key=before, ended_at=timezone.now())
            )
            self.work.taken_back.append((user.pk, row.email_key))
        if row.email_key != user["email_key"]:
            self.by_key.pop(user["email_key"], None)
            self.by_key[row.email_key] = user
            user["same_mailbox_as_id"] = None
        user["email"] = row.email
        user["email_key"] = row.email_key
        if row.unique_user_id and row.unique_user_id != user["unique_user_id"]:
            self.by_id.pop(user["unique_user_id"], None)
            self.by_id[row.unique_user_id] = user
            user["unique_user_id"] = row.unique_user_id
            user["unique_id_sort"] = unique_id_sort_key(row.unique_user_id)
        if row.adobe_id:
            user["adobe_id"] = row.adobe_id
            user["adobe_key"] = adobe_key_of(row.adobe_id)

    def _date_of_deletion(self, user: _Known, row: PersonRow) -> None:
        moment = row.deleted_at or self.loader.parser.now
        month = month_of(moment, self.loader.account)
        if user["deleted_month"]:
            self.work.months[user["deleted_month"]] -= 1
        self.work.months[month] += 1
        user["deleted_at"] = moment
        user["deleted_month"] = month

    def _revive(self, user: _Known) -> None:
        self.work.months[user["deleted_month"]] -= 1
        user["state"] = UserState.ACTIVE
        for name in ("deleted_at", "deleted_month", "deleted_by_id"):
            user[name] = None
        user["source"] = self.loader.source
        user["is_superuser"] = False
        user["is_support"] = False
        self.work.revived.append(user.pk)

    def _count(self, user: _Known, row: PersonRow, changed: Sequence[str], *, deletes: bool, revives: bool) -> None:
        if revives:
            self.work.counts["revived"] += 1
            self._note(row, "revived")
            self._audit(user, "revived", changed)
        elif changed or self._has_new_manager(user, row):
            self.work.counts["updated"] += 1
            self._audit(user, "deleted" if deletes else "changed", changed or ["manager"])
        else:
            self.work.counts["unchanged"] += 1

    def _has_new_manager(self, user: _Known, row: PersonRow) -> bool:
        """As far as can be told now: a manager who comes later in the file is nobody yet."""
        if row.manager_key is None:
            return False
        return user.manager_id != self.managers.get(row.manager_key)

    def _audit(self, user: _Known, event: str, names: Sequence[str]) -> None:
        fields = ", ".join(name.removesuffix("_id") if name.endswith("by_id") else name for name in names)
        audit = UserAudit(user_id=user.pk, actor_id=self.loader.log.started_by_id, event=event, fields=fields[:300])
        self.work.audits.append(audit)

    def _note(self, row: PersonRow, kind: str, reference: str = "") -> None:
        log_id = self.loader.log.pk
        self.work.notes.append(ImportNote(log_id=log_id, line=row.line, kind=kind, reference=reference))


def _contradict(one: PersonRow, other: PersonRow) -> bool:
    """Two rows of one address with two Unique User IDs: of two people, or of two jobs of one."""
    ids = {one.unique_user_id, other.unique_user_id}
    return one.email_key == other.email_key and len(ids) == 2 and None not in ids


def _contradiction(line: int) -> str:
    return _("%(column)s: line %(line)d has another one for this address, so neither goes in.") % {
        "column": FIELDS["unique_user_id"],
        "line": line,
    }


def _frozen_words(reference: str) -> str:
    if reference:
        return _("This user is being purged (request %(reference)s). Import the user after its completion.") % {
            "reference": reference
        }
    return _("This user cannot be changed at the moment. Import this row again later.")


class Found(NamedTuple):
    pk: int
    email_key: str
    state: str


def users_with(account_id: int, keys: Collection[str]) -> list[Found]:
    """Those users of the account who have one of these addresses.

    The account is compared here: asked for both, PostgreSQL may read all of an account that it thinks small.
    """
    if not keys:
        return []
    rows = User.objects.filter(AnyOf(F("email_key"), list(keys))).values_list("pk", "email_key", "state", "account_id")
    return [Found(pk, key, state) for pk, key, state, owner in rows if owner == account_id]


def active_users(account_id: int, keys: Collection[str]) -> dict[str, int]:
    """Key of the address → number, of the active users of an account with one of these addresses."""
    return {user.email_key: user.pk for user in users_with(account_id, keys) if user.state == UserState.ACTIVE}


def _identifiers(person: PersonRow) -> set[Known]:
    """All that the row says somebody is known by."""
    return known_by(
        addresses=[person.email_key], login=adobe_key_of(person.adobe_id), unique_user_id=person.unique_user_id
    )


def _keys(person: PersonRow) -> list[str]:
    """What no two rows share, told apart by a first letter."""
    unique_id = person.unique_user_id
    return [f"@{person.email_key}", f"#{unique_id}"] if unique_id else [f"@{person.email_key}"]


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def patiently(work: Callable[[], None]) -> None:
    """Do it; again after a while when the database was gone, or another writer had the rows."""
    for wait in (*WAITS, None):
        try:
            work()
        except OperationalError:
            if wait is None or connection.in_atomic_block:
                raise
            close_old_connections()
            time.sleep(wait)
        else:
            return
