"""Batches of rows into the database.

A batch is one transaction: what it adds and changes, its bad rows, the counts and how far the import has come. So a
worker that is killed has either done a batch or not, and the next one goes on behind the last. Two that work on the
same import meet at the import's row, and the second gives up.

Locks are taken in a fixed order: the import, the account, then users by number, as everywhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from secrets import token_hex
from typing import BinaryIO, NamedTuple

from django.db import IntegrityError, OperationalError, close_old_connections, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from purge.addresses import identity_key
from purge.database.lookups import AnyOf
from purge.journal.site_fence import site_is_fenced
from purge.routes.suppression import Known, purged_before
from purge.selectors import open_request_of
from purge.worker.queue import enqueue
from users.imports.deciding import ADDED, CHANGED, Decision, KnownUser, Surroundings, Work, identifiers
from users.imports.mapping import FIELDS
from users.imports.parsing import BadRow, Parser, PersonRow
from users.imports.reading import Row, has_control_character, people_rows
from users.imports.statements import rows_insert, rows_update, statistics_refresh
from users.imports.survey import MOST_UNDERSTOOD, Survey
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
    UserRole,
    UserSource,
    UserState,
)
from users.selectors import who_may_purge
from users.services import (
    as_learners,
    deleted_count_change,
    sessions_end,
    zone_of,
)
from users.services.powers import TELL_TASK
from users.wall import across_accounts, vouch_for

BATCH = 1_000
#: Why some queries of an import see every account.
BY_ONE_INDEX = "asked by one index, which knows no account; whose rows they are is compared afterwards"
#: Where an import remembers, among what it knows of its file, the lines that wait for all others.
PUT_OFF = "put_off"
#: The counts that an import keeps; of who is left out there are notes.
COUNTED = frozenset({"added", "updated", "unchanged", "revived", "previously_purged", "failed"})
#: After how many rows the table's statistics are made anew.
_RECOUNTED = frozenset(BATCH * 4**power for power in range(1, 8))
#: Waits, in seconds, before a batch is tried again when the database is gone or another writer was in the way.
WAITS = (0.2, 1.0, 3.0, 8.0, 15.0)


class TakenOver(Exception):
    """Another worker is at this import."""


class AccountClosed(Exception):
    """A purge has emptied the account and closed it: nobody can get into it any more."""


@dataclass
class Loader:
    """Loads the rows of one import. ``log`` is as it was claimed; what is true now is read under its lock."""

    log: ImportLog
    account: Account
    parser: Parser
    #: Whether the file deletes every active Administrator of the account.
    empties: bool = False
    #: Whether the users that are looked up are locked: not by who only looks.
    locks = True

    @classmethod
    def of(cls, log: ImportLog) -> Loader:
        columns = {name: int(number) for name, number in log.mapping["columns"].items()}
        # Of the headings: column → the states that yes and no mean in it; columns whose times are UTC.
        yes_no = log.mapping.get("yes_no", {}).get(str(columns.get("state")))
        parser = Parser(
            columns,
            zone_of(log.account),
            log.account.name,
            yes_no=(yes_no[0], yes_no[1]) if yes_no else None,
            universal=columns.get("deleted_at") in log.mapping.get("universal", ()),
        )
        return cls(log, log.account, parser)

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

    def look_through(self, stored: BinaryIO, survey: Survey, *, until: float | None = None) -> int:
        """Note what the rows say of each other; how many there are, or were until this time of
        :func:`time.monotonic`."""
        number = 0
        with closing(self.rows(stored)) as rows:
            for batch in batches(rows):
                survey.add(self._parsed(batch, survey.understood)[0])
                number += len(batch)
                if until is not None and time.monotonic() > until:
                    break
        self.empties = self._would_empty(survey)
        return number

    def load(self, stored: BinaryIO, survey: Survey, *, until: float | None = None) -> bool:
        """Load all rows behind the last batch that was done; whether that is all. ``survey``: of the whole file.
        ``until``: a time of :func:`time.monotonic` after which no further batch is begun, nor while a restored backup
        has closed the site. Raises :class:`TakenOver`, :class:`AccountClosed`."""
        done = self.log.rows_done
        with closing(self.rows(stored)) as rows:
            for batch in batches(islice(rows, done, None)):
                if until is not None and (time.monotonic() > until or site_is_fenced()):
                    return False
                people, bad = self._judged(batch, survey)
                patiently(partial(self._batch, len(batch), people, bad, done, survey))
                done += len(batch)
                if done in _RECOUNTED:
                    statistics_refresh(User)
        self._settle(stored, done)
        return True

    def _parsed(
        self, batch: Sequence[Row], understood: dict[int, PersonRow | str] | None = None
    ) -> tuple[list[PersonRow], list[tuple[int, str]]]:
        """The rows that say somebody, and those that do not: line and reason. ``understood``: of earlier walks."""
        known = {} if understood is None else understood
        people: list[PersonRow] = []
        bad: list[tuple[int, str]] = []
        for row in batch:
            said = known.get(row.line) or self._understood(row)
            if len(known) < MOST_UNDERSTOOD:
                known[row.line] = said
            if isinstance(said, PersonRow):
                people.append(said)
            else:
                bad.append((row.line, said))
        return people, bad

    def _understood(self, row: Row) -> PersonRow | str:
        if row.torn:
            return _("A quotation mark is opened on this line and never closed.")
        if has_control_character(row.cells):
            return _("A control character stands on this line. Remove it, and upload this row again.")
        try:
            return self.parser.person(row.line, row.cells)
        except BadRow as reason:
            return str(reason)

    def _judged(self, batch: Sequence[Row], survey: Survey) -> tuple[list[PersonRow], list[tuple[int, str]]]:
        """The same as far as the whole file agrees with it.

        Of two for the same one, the first goes in; neither, where they give one address two Unique User IDs, or only
        one of them deletes.
        """
        people, bad = self._parsed(batch, survey.understood)
        earlier = survey.earlier(people)
        good: list[PersonRow] = []
        for person in people:
            other = survey.contradicted.get(person.line)
            if other is not None:
                bad.append((person.line, _contradiction(*other)))
            elif person.line in earlier:
                name, line = earlier[person.line]
                words = _("%(column)s: the same as on line %(line)d.") % {"column": FIELDS[name], "line": line}
                bad.append((person.line, words))
            else:
                good.append(person)
        return good, bad

    def _settle(self, stored: BinaryIO, done: int) -> None:
        """Load what was put off until all other rows were in, all of it at once: two may change places."""
        lines = set(ImportLog.objects.get(pk=self.log.pk).mapping.get(PUT_OFF, ()))
        if not lines:
            return
        with closing(self.rows(stored)) as rows:
            people, _bad = self._parsed([row for row in rows if row.line in lines])
        patiently(partial(self._last, people, done))

    # ------------------------------------------------------------ one batch

    def _batch(
        self, number: int, people: Sequence[PersonRow], bad: Sequence[tuple[int, str]], done: int, survey: Survey
    ) -> None:
        with transaction.atomic():
            log = self._locked(done)
            self._bad_rows(bad)
            put_off: list[int] = []
            counts = Counter(failed=len(bad)) + self._people(people, survey, put_off)
            if put_off:
                mapping = {**log.mapping, PUT_OFF: [*log.mapping.get(PUT_OFF, ()), *put_off]}
                ImportLog.objects.filter(pk=log.pk).update(mapping=mapping)
            self._counted(counts, number)

    def _last(self, people: Sequence[PersonRow], done: int) -> None:
        with transaction.atomic():
            log = self._locked(done)
            if PUT_OFF not in log.mapping:
                raise TakenOver
            work = self._untangled(people)
            self._write(work)
            mapping = {name: value for name, value in log.mapping.items() if name != PUT_OFF}
            ImportLog.objects.filter(pk=log.pk).update(mapping=mapping)
            self._counted(work.counts, 0)

    def _locked(self, done: int) -> ImportLog:
        """The import, locked, and its account. Raises :class:`TakenOver`, :class:`AccountClosed`."""
        log = ImportLog.objects.select_for_update(of=("self",)).get(pk=self.log.pk)
        if log.rows_done != done or log.state != ImportState.RUNNING:
            raise TakenOver
        # Not the key itself, which new users of the account refer to.
        if Account.objects.select_for_update(no_key=True).get(pk=self.account.pk).is_closed:
            raise AccountClosed
        return log

    def _counted(self, counts: Counter[str], rows: int) -> None:
        ImportLog.objects.filter(pk=self.log.pk).update(
            rows_done=F("rows_done") + rows,
            **{name: F(name) + more for name, more in counts.items() if name in COUNTED},
        )

    def _people(self, people: Sequence[PersonRow], survey: Survey, put_off: list[int]) -> Counter[str]:
        """Load these; the counts. What another writer has taken meanwhile is found by halves, down to one row."""
        if not people:
            return Counter()
        try:
            with transaction.atomic():
                work = self._decided(people, survey)
                self._write(work)
        except IntegrityError:
            if len(people) == 1:
                self._bad_rows([(people[0].line, _("This address or Unique User ID is used by another user."))])
                return Counter(failed=1)
        else:
            put_off.extend(work.put_off)
            return work.counts
        half = len(people) // 2
        return self._people(people[:half], survey, put_off) + self._people(people[half:], survey, put_off)

    def _bad_rows(self, bad: Iterable[tuple[int, str]]) -> None:
        ImportRowError.objects.bulk_create(
            (ImportRowError(log_id=self.log.pk, line=line, reason=reason[:300]) for line, reason in bad),
            batch_size=BATCH,
        )

    def _decided(self, people: Sequence[PersonRow], survey: Survey) -> Work:
        """What to do for each row, with everybody concerned locked."""
        known, managers = self._known(people), self._managers(people)
        # Of most people a file that comes every night says what is there: of them nothing else is asked.
        by_key = {user["email_key"]: user for user in known} if not self.renumber else {}
        others = [row for row in people if not _says_nothing_new(by_key.get(row.email_key), row, managers)]
        if len(others) < len(people):
            wanted = {row.email_key for row in others}, {row.unique_user_id for row in others} - {None}
            known = [user for user in known if _may_be_meant(user, *wanted)]
        work = Work()
        if others:
            around = self._around(others, known, survey, managers)
            work = _taken(self._decision(known, around), others)
        work.counts["unchanged"] += len(people) - len(others)
        return work

    def _untangled(self, people: Sequence[PersonRow]) -> Work:
        """The same for rows that wait for each other: whoever is to move by one of them has left already.

        A row that is refused moves nobody, so what the others come to is asked again without it.
        """
        known = self._known(people)
        around = self._around(people, known, None, self._managers(people))
        administrators = set(around.administrators)
        bad: list[tuple[int, str]] = []
        while True:
            around = replace(around, administrators=set(administrators))
            decision = self._decision([user.as_stored() for user in known], around)
            moving = decision.refuse_wrong_ids(people)
            decision.leave(moving)
            work = _taken(decision, moving)
            if not work.bad:
                work.bad = bad
                work.counts["failed"] += len(bad)
                return work
            bad += work.bad
            refused = {line for line, _reason in work.bad}
            people = [person for person in people if person.line not in refused]

    def _decision(self, known: Sequence[KnownUser], around: Surroundings) -> Decision:
        return Decision.on(
            known,
            log=self.log,
            account=self.account,
            source=self.source,
            now=self.parser.now,
            renumbered=self.renumber,
            around=around,
        )

    def _around(
        self,
        people: Sequence[PersonRow],
        known: Sequence[KnownUser],
        survey: Survey | None,
        managers: Mapping[str, int],
    ) -> Surroundings:
        """``survey``: None where no row is put off any more."""
        ever, since = self._purged(people)
        around = Surroundings(
            purged_since=since,
            purged_ever=ever,
            empties=self.empties,
            skips_purged=bool(self.log.mapping.get("skip_purged")),
            frozen=self._frozen(known),
            administrators=self._active_administrators(),
            managers=managers,
            moved=self._moved(people, known),
            above=self._above_the_starter(),
        )
        return replace(around, will_move=partial(self._will_move, survey)) if survey else around

    def _purged(self, people: Sequence[PersonRow]) -> tuple[dict[Known, str], dict[Known, str]]:
        """By which of their identifiers somebody was purged, at any time and since the file was uploaded.

        Asked under the locks: a purge that was accepted before them is seen here, a later one sees what we did.
        """
        keys = {key for person in people for key in identifiers(person)}
        ever = purged_before(account_id=self.account.pk, known=keys)
        since = purged_before(account_id=self.account.pk, known=ever, accepted_after=self.log.uploaded_at)
        return ever, since

    def _will_move(self, survey: Survey, user: KnownUser, row: PersonRow) -> bool:
        """Whether the file has a row that takes away from a user what another row is to get."""
        if self.renumber:
            return bool(user["email_key"]) and survey.gives_another_id(user["email_key"], row.unique_user_id)
        return bool(user["unique_user_id"]) and survey.gives_another_address(user["unique_user_id"], row.email_key)

    def _moved(self, people: Sequence[PersonRow], known: Sequence[KnownUser]) -> frozenset[str]:
        """Of the addresses that nobody has, and that come without an ID: those that a user gave up since the upload."""
        there = {user["email_key"] for user in known}
        free = [row.email_key for row in people if row.unique_user_id is None and row.email_key not in there]
        if not free:
            return frozenset()
        given_up = FormerEmail.objects.filter(AnyOf(F("email_key"), free), ended_at__gte=self.log.uploaded_at)
        rows = given_up.values_list("email_key", "user__account_id")
        with across_accounts(BY_ONE_INDEX):
            return frozenset(str(key) for key, account_id in rows if account_id == self.account.pk)

    def _known(self, people: Sequence[PersonRow]) -> list[KnownUser]:
        """Users of the account with one of these addresses or Unique User IDs, locked in the order of their numbers."""
        keys = {person.email_key for person in people}
        pks = {user.pk for user in users_with(self.account.pk, keys)}
        # Who shares a mailbox has no key, and the address all the same. They are few.
        sharing = User.objects.filter(account_id=self.account.pk, email_key=None).values_list("pk", "email")
        pks.update(pk for pk, email in sharing if identity_key(email) in keys)
        unique_ids = [person.unique_user_id for person in people if person.unique_user_id]
        if unique_ids:
            mine = User.objects.filter(AnyOf(F("unique_user_id"), unique_ids), account_id=self.account.pk)
            pks.update(mine.values_list("pk", flat=True))
        if not pks:
            return []
        rows = User.objects.filter(AnyOf(F("pk"), sorted(pks))).order_by("pk")
        if self.locks:
            rows = rows.select_for_update()
        return [
            KnownUser.of(pk, manager_id, values)
            for pk, manager_id, *values in rows.values_list("pk", "manager_id", *CHANGED)
        ]

    def _frozen(self, known: Iterable[KnownUser]) -> dict[int, str]:
        """Those who are being purged or reserved for it, with the request's ID (empty when another account's)."""
        states = {user.pk: user["state"] for user in known if user["state"] != UserState.ACTIVE}
        references = open_request_of(states, account_id=self.account.pk) if states else {}
        return {
            pk: references.get(pk, "") for pk, state in states.items() if state == UserState.PURGING or pk in references
        }

    def _above_the_starter(self) -> frozenset[int]:
        """Who may purge here, where whoever started the import may not: a file must not hand over their sign-in."""
        starter = self.log.started_by
        if starter is None or starter.is_superuser:
            return frozenset()
        holders = frozenset(who_may_purge(self.account.pk).values_list("pk", flat=True))
        return frozenset() if starter.pk in holders else holders

    def _active_administrators(self) -> set[int]:
        rows = UserRole.objects.filter(
            role=Role.ADMINISTRATOR, user__account_id=self.account.pk, user__state=UserState.ACTIVE
        )
        return set(rows.values_list("user_id", flat=True))

    def _would_empty(self, survey: Survey) -> bool:
        """Whether the file deletes every active Administrator but whoever has started it, whom it cannot delete."""
        administrators = self._active_administrators()
        if self.log.started_by_id in administrators:
            return False
        known_by = User.objects.filter(pk__in=administrators).values_list("email_key", "unique_user_id")
        return bool(administrators) and all(survey.deletes(key, unique_id) for key, unique_id in known_by)

    def _managers(self, people: Iterable[PersonRow]) -> dict[str, int]:
        """Managers who are there already; those who come later in the file are found in the second walk."""
        return active_users(self.account.pk, {person.manager_key for person in people if person.manager_key})

    # ------------------------------------------------------------ writing

    def _write(self, work: Work) -> None:
        if vacated := work.vacated():
            User.objects.filter(pk__in=vacated).update(email_key=None, unique_user_id=None)
        rows_insert(User, ADDED, (values for _person, values in work.added))
        changed = [work.changed[pk] for pk in sorted(work.changed)]
        rows_update(User, CHANGED, [(user.pk, *(user[name] for name in CHANGED)) for user in changed])
        for pk, key in work.taken_back:
            FormerEmail.objects.filter(user_id=pk, email_key=key).delete()
        FormerEmail.objects.bulk_create(work.former, ignore_conflicts=True)
        for pk, moves in work.told.items():
            enqueue(TELL_TASK, pk, int(moves))
        if work.revived:
            # The password fits nothing: nothing that opened anything before opens it again.
            User.objects.filter(pk__in=work.revived).update(password=f"!{token_hex(20)}")
            as_learners(work.revived)
        if work.deleted:
            sessions_end(user_ids=work.deleted)
            GroupMember.objects.filter(user_id__in=work.deleted).delete()
        for month, number in sorted(work.months.items()):
            if number:
                deleted_count_change(account_id=self.account.pk, month=month, by=number)
        UserAudit.objects.bulk_create(work.audits, batch_size=BATCH)
        ImportNote.objects.bulk_create(work.notes, batch_size=BATCH)
        self._bad_rows(work.bad)


def _says_nothing_new(user: KnownUser | None, row: PersonRow, managers: Mapping[str, int]) -> bool:
    return user is not None and user.is_as(row) and not user.gets_another_manager(row, managers)


def _may_be_meant(user: KnownUser, keys: Collection[str], unique_ids: Collection[str | None]) -> bool:
    """Whether one of the rows with these addresses and IDs may mean a user."""
    return user["email_key"] is None or user["email_key"] in keys or user["unique_user_id"] in unique_ids


def _taken(decision: Decision, people: Sequence[PersonRow]) -> Work:
    work = decision.work
    for person in people:
        try:
            decision.take(person)
        except BadRow as reason:
            work.bad.append((person.line, str(reason)))
    work.counts["failed"] += len(work.bad)
    return work


def _contradiction(name: str, line: int) -> str:
    words = {
        "unique_user_id": _("%(column)s: line %(line)d has another one for this address, so neither goes in."),
        "state": _("%(column)s: line %(line)d says the opposite of the same user, so neither goes in."),
    }
    return words[name] % {"column": FIELDS[name], "line": line}


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
    with across_accounts(BY_ONE_INDEX):
        found = [Found(pk, key, state) for pk, key, state, owner in rows if owner == account_id]
    vouch_for(User, (each.pk for each in found))
    return found


def active_users(account_id: int, keys: Collection[str]) -> dict[str, int]:
    """Key of the address → number, of the active users of an account with one of these addresses."""
    return {user.email_key: user.pk for user in users_with(account_id, keys) if user.state == UserState.ACTIVE}


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
