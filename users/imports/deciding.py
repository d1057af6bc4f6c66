"""What each row of a file does to the people who are there, decided in memory by the rules of coming and going.

Rows are taken one by one, against what the rows before have made of the users. A row whose address or Unique User ID
is in somebody's way who is to move by another row of the file is put off, until all others are in: a file is judged by
what it comes to in the end, not by the order of its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any
from uuid import uuid4

from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import identity_key
from purge.routes.suppression import Known, known_by
from users import lifecycle
from users.imports.mapping import FIELDS
from users.imports.parsing import BadRow, PersonRow
from users.lifecycle import Holder, Refusal
from users.models import (
    Account,
    FormerEmail,
    ImportLog,
    ImportNote,
    UserAudit,
    UserKind,
    UserState,
    earlier_state,
)
from users.services import adobe_key_of, month_of, unique_id_sort_key

ADDED = (
    *("account_id", "login_id", "public_id", "password", "kind", "state", "name", "email", "email_key"),
    *("unique_user_id", "unique_id_sort", "adobe_id", "adobe_key", "profile", "source"),
    *("deleted_at", "deleted_month", "deleted_by_id"),
)
#: What an import may change of somebody who is there, in the order of the statement.
CHANGED = (
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

#: Of these, the ones in which a person sees a change, by the names of the fields that a file has.
SEEN = ("name", "email", "unique_user_id", "adobe_id", "profile", "kind", "deleted_at")

#: What no two users of an account share.
UNIQUE = ("email_key", "unique_user_id")


@dataclass(slots=True)
class KnownUser:
    """A user who is there, as they will be after the rows so far; ``before``: as they are stored."""

    pk: int
    manager_id: int | None
    values: dict[str, Any]
    before: dict[str, Any]

    @classmethod
    def of(cls, pk: int, manager_id: int | None, values: Sequence[Any]) -> KnownUser:
        columns = dict(zip(CHANGED, values, strict=True))
        # Copied where somebody changes it: of most users nothing is changed.
        return cls(pk, manager_id, columns, columns)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def as_stored(self) -> KnownUser:
        return KnownUser(self.pk, self.manager_id, dict(self.before), self.before)

    def changed(self) -> list[str]:
        return [name for name in CHANGED if self.before[name] != self.values[name]]

    def begin(self) -> None:
        """Called before anything is changed."""
        if self.values is self.before:
            self.values = dict(self.before)

    def is_as(self, row: PersonRow) -> bool:
        """Whether a row says nothing new of somebody in use, and nobody but them by both address and ID."""
        stored = self.values
        return (
            stored["state"] == UserState.ACTIVE
            and row.state in (None, UserState.ACTIVE)
            and row.deleted_at is None
            and stored["email_key"] == row.email_key
            and stored["email"] == row.email
            and stored["unique_user_id"] == row.unique_user_id
            and stored["name"] == row.name
            and row.profile in (None, stored["profile"])
            and row.kind in (None, stored["kind"])
            and row.adobe_id in (None, stored["adobe_id"])
            and stored["same_mailbox_as_id"] is None
        )

    def gets_another_manager(self, row: PersonRow, managers: Mapping[str, int]) -> bool:
        """As far as can be told now: a manager who comes later in the file is nobody yet."""
        if row.manager_key == "":
            return self.manager_id is not None
        manager_id = managers.get(row.manager_key or "")
        return manager_id is not None and manager_id != self.manager_id

    def holder(self) -> Holder:
        state, deleted_at = self["state"], self["deleted_at"]
        deleted = earlier_state(state, deleted_at) == UserState.DELETED
        return Holder(self.pk, state, deleted, self["unique_user_id"])


@dataclass
class Work:
    """What a batch comes to, before any of it is written."""

    added: list[tuple[PersonRow, list[Any]]] = field(default_factory=list)
    changed: dict[int, KnownUser] = field(default_factory=dict)
    former: list[FormerEmail] = field(default_factory=list)
    taken_back: list[tuple[int, str]] = field(default_factory=list)
    #: Administrators whose email or login changes, and whether the email does.
    told: dict[int, bool] = field(default_factory=dict)
    revived: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    months: Counter[str] = field(default_factory=Counter)
    audits: list[UserAudit] = field(default_factory=list)
    notes: list[ImportNote] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    #: Field → users in whom it changes; and who of those in use is renamed, renumbered, deleted or loses the manager.
    columns: Counter[str] = field(default_factory=Counter)
    struck: dict[int, set[str]] = field(default_factory=dict)
    put_off: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def vacated(self) -> list[int]:
        """Users whose address or Unique User ID another one gets in the same batch: they let go of theirs first."""
        claimed: set[tuple[str, str]] = set()
        for row, _values in self.added:
            claimed |= {("email_key", row.email_key), ("unique_user_id", row.unique_user_id or "")}
        for user in self.changed.values():
            claimed |= {(name, user[name]) for name in UNIQUE if user[name] != user.before[name]}
        return [
            user.pk
            for user in self.changed.values()
            if any(user[name] != user.before[name] and (name, user.before[name]) in claimed for name in UNIQUE)
        ]


@dataclass(frozen=True)
class Surroundings:
    """What the decisions on some rows depend on, all of it read under the locks of the batch.

    ``purged_since`` and ``purged_ever``: identifiers of people purged since the file was uploaded, or at any time, with
    a request's ID (empty: not this account's to read). ``frozen``: users who are being purged or reserved, likewise.
    ``empties``: the file deletes every active Administrator. ``skips_purged``: people of ``purged_ever`` are left out.
    ``above``: users who may do more than whoever started the import. ``moved``: addresses that a user gave up since the
    file was uploaded. ``will_move``: see :meth:`Decision.take`.
    """

    purged_since: Mapping[Known, str]
    purged_ever: Mapping[Known, str]
    frozen: Mapping[int, str]
    administrators: set[int]
    managers: Mapping[str, int]
    empties: bool = False
    skips_purged: bool = False
    moved: frozenset[str] = frozenset()
    above: frozenset[int] = frozenset()
    will_move: Callable[[KnownUser, PersonRow], bool] = lambda user, row: False


@dataclass
class Decision:
    """Decides row by row, against what the rows before have made of the users.

    ``now``: what counts as this moment. ``renumbered``: the company has changed its Unique User IDs.
    """

    log: ImportLog
    account: Account
    source: str
    now: datetime
    renumbered: bool
    by_key: dict[str, KnownUser]
    by_id: dict[str, KnownUser]
    around: Surroundings
    work: Work = field(default_factory=Work)
    #: Addresses that users have given up by the rows so far.
    left: set[str] = field(default_factory=set)

    @classmethod
    def on(cls, known: Sequence[KnownUser], **rest: Any) -> Decision:
        by_key = {user["email_key"]: user for user in known if user["email_key"]}
        for user in known:
            if user["email_key"] is None:
                # They shared a mailbox with somebody who is gone: now it is theirs alone.
                by_key.setdefault(identity_key(user["email"]), user)
        by_id = {user["unique_user_id"]: user for user in known if user["unique_user_id"]}
        return cls(by_key=by_key, by_id=by_id, **rest)

    def take(self, row: PersonRow) -> None:
        """Raises :class:`BadRow` before anything is decided.

        Where the row is refused because somebody has its address or Unique User ID who gets another one by a row of
        the same file (``will_move``), it is put off instead.
        """
        user = self._user_of(row)
        if isinstance(user, BadRow):
            if not any(self.around.will_move(each, row) for each in self._there(row)):
                raise user
            self.work.put_off.append(row.line)
            return
        if user is not None and user.pk in self.around.frozen:
            raise BadRow(_frozen_words(self.around.frozen[user.pk]))
        if any(each in self.around.purged_since for each in identifiers(row)):
            raise BadRow(_("This user was purged since the file was uploaded."))
        if user is not None and row.unique_user_id is None and self.around.will_move(user, row):
            self.work.put_off.append(row.line)
            return
        if user is None:
            if row.unique_user_id is None and (row.email_key in self.around.moved or row.email_key in self.left):
                raise BadRow(
                    _("%(column)s: since the file was uploaded, the user who had it has another. Add the user's ID.")
                    % {"column": FIELDS["email"]}
                )
            self._add(row)
        else:
            self._change(user, row)

    def _user_of(self, row: PersonRow) -> KnownUser | BadRow | None:
        """Who is meant, by address and Unique User ID; nobody yet; or why that cannot be said."""
        by_address = self.by_key.get(row.email_key)
        by_id = self.by_id.get(row.unique_user_id) if row.unique_user_id else None
        for user in (by_address, by_id):
            if user is not None and user.pk in self.around.frozen:
                return user
        meant = lifecycle.who_is_meant(
            by_address.holder() if by_address else None,
            by_id.holder() if by_id else None,
            row.unique_user_id,
            deletes=row.state == UserState.DELETED,
            renumbered=self.renumbered,
        )
        if isinstance(meant, Refusal):
            return BadRow(words_of(meant))
        return None if meant is None else by_address or by_id

    def leave(self, rows: Sequence[PersonRow]) -> None:
        """Let everybody who moves by one of these rows leave what they had, before any is taken."""
        for row in rows:
            if self.renumbered:
                user = self.by_key.get(row.email_key)
                if user is not None and row.unique_user_id != user["unique_user_id"]:
                    self.by_id.pop(user["unique_user_id"], None)
            else:
                user = self.by_id.get(row.unique_user_id or "")
                if user is not None and row.email_key != user["email_key"]:
                    self.by_key.pop(user["email_key"], None)
                    self.left.add(user["email_key"])

    def _there(self, row: PersonRow) -> list[KnownUser]:
        holders = (self.by_key.get(row.email_key), self.by_id.get(row.unique_user_id or ""))
        return [user for user in holders if user is not None]

    def refuse_wrong_ids(self, rows: Sequence[PersonRow]) -> list[PersonRow]:
        """Of rows by which people change places, those whose name is that of the address's user, and not the ID's: the
        IDs are wrong, and nobody moves. Returns the others."""
        wrong = [row for row in rows if self._means_the_address(row)]
        self.work.bad += [(row.line, words_of(Refusal.ADDRESS_ELSEWHERE)) for row in wrong]
        return [row for row in rows if row not in wrong]

    def _means_the_address(self, row: PersonRow) -> bool:
        if self.renumbered or len(there := self._there(row)) < 2:
            return False
        names = [user["name"].casefold() for user in there]
        return bool(names[0] == row.name.casefold() != names[1])

    # ------------------------------------------------------------ new

    def _add(self, row: PersonRow) -> None:
        earlier = [self.around.purged_ever[each] for each in identifiers(row) if each in self.around.purged_ever]
        # By several identifiers perhaps in several requests: a reference that this account may read, if there is.
        reference = max(earlier, default="")
        if row.state == lifecycle.PAUSED or (earlier and self.around.skips_purged):
            self.work.counts["left_out"] += 1
            self._note(row, "left_out", reference)
            return
        deleted = row.state == UserState.DELETED
        deleted_at = (row.deleted_at or self.now) if deleted else None
        month = month_of(deleted_at, self.account) if deleted_at else None
        values = [
            self.account.pk,
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
            self.source,
            deleted_at,
            month,
            self.log.started_by_id if deleted else None,
        ]
        self.work.added.append((row, values))
        if month:
            self.work.months[month] += 1
        self.work.counts["added"] += 1
        if earlier:
            self.work.counts["previously_purged"] += 1
            self._note(row, "previously_purged", reference)

    # ------------------------------------------------------------ there already

    def _change(self, user: KnownUser, row: PersonRow) -> None:
        user.begin()
        turn = lifecycle.turn(row.state, user["state"])
        deletes, revives = turn == "deletes", turn == "brings back"
        in_use, before = user["state"] == UserState.ACTIVE, dict(user.values)
        if deletes:
            refusal = lifecycle.deletion_refusal(
                state=user["state"],
                by_oneself=user.pk == self.log.started_by_id,
                last_administrator=self._is_a_last_administrator(user),
            )
            if refusal is not None:
                raise BadRow(words_of(refusal))
        login = adobe_key_of(row.adobe_id)
        if user.pk in self.around.above and (
            row.email_key != user["email_key"] or login not in (None, user["adobe_key"])
        ):
            raise BadRow(
                _("%(column)s: this user may do more than you. Their email and login are not changed by a file.")
                % {"column": FIELDS["email"]}
            )
        self._identity(user, row)
        if user.pk in self.around.administrators:
            moves = identity_key(user["email"]) != identity_key(user.before["email"])
            if moves or user["adobe_key"] != user.before["adobe_key"]:
                self.work.told[user.pk] = moves
        said = {"name": row.name, "profile": row.profile, "kind": row.kind}
        user.values.update(lifecycle.changes(user.values, said))
        if deletes or (row.state == UserState.DELETED and row.deleted_at is not None):
            self._date_of_deletion(user, row, deletes=deletes)
        if deletes:
            self.around.administrators.discard(user.pk)
            self.work.deleted.append(user.pk)
        elif revives:
            self.work.months[user["deleted_month"]] -= 1
            user.values.update(lifecycle.restored(), source=self.source)
            self.work.revived.append(user.pk)
        changed = user.changed()
        if changed:
            self.work.changed[user.pk] = user
        self._strike(user, row, before, in_use=in_use, deletes=deletes)
        self._count(user, row, changed, deletes=deletes, revives=revives)

    def _is_a_last_administrator(self, user: KnownUser) -> bool:
        """Of several who would all go by one file, the order of its rows does not choose who stays: none goes."""
        administrators = self.around.administrators
        return user.pk in administrators and (self.around.empties or administrators == {user.pk})

    def _identity(self, user: KnownUser, row: PersonRow) -> None:
        """A new address makes the old one a former one; an ID or login that the row leaves out stays."""
        before = identity_key(user["email"])
        if row.email_key != before:
            self.work.former.append(
                FormerEmail(user_id=user.pk, email=user["email"], email_key=before, ended_at=timezone.now())
            )
            self.work.taken_back.append((user.pk, row.email_key))
            self.left.add(before)
        if row.email_key != user["email_key"]:
            _rename(self.by_key, user, user["email_key"], row.email_key)
            user.values["same_mailbox_as_id"] = None
        user.values |= {"email": row.email, "email_key": row.email_key}
        if row.unique_user_id and row.unique_user_id != user["unique_user_id"]:
            _rename(self.by_id, user, user["unique_user_id"], row.unique_user_id)
            user.values["unique_user_id"] = row.unique_user_id
            user.values["unique_id_sort"] = unique_id_sort_key(row.unique_user_id)
        if row.adobe_id:
            user.values |= {"adobe_id": row.adobe_id, "adobe_key": adobe_key_of(row.adobe_id)}

    def _date_of_deletion(self, user: KnownUser, row: PersonRow, *, deletes: bool) -> None:
        """Of a user who is deleted already, the row corrects the date."""
        moment = row.deleted_at or self.now
        month = month_of(moment, self.account)
        if user["deleted_month"]:
            self.work.months[user["deleted_month"]] -= 1
        self.work.months[month] += 1
        by = self.log.started_by_id if deletes else user["deleted_by_id"]
        columns = lifecycle.deleted(moment=moment, month=month, by=by)
        # Who is frozen meanwhile stays that.
        user.values |= {**columns, "state": UserState.DELETED if deletes else user["state"]}

    def _count(self, user: KnownUser, row: PersonRow, changed: Sequence[str], *, deletes: bool, revives: bool) -> None:
        if revives:
            self.work.counts["revived"] += 1
            self._note(row, "revived")
            self._audit(user, "revived", changed)
        elif changed or self._has_new_manager(user, row):
            self.work.counts["updated"] += 1
            self._audit(user, "deleted" if deletes else "changed", changed or ["manager"])
        else:
            self.work.counts["unchanged"] += 1

    def _strike(
        self, user: KnownUser, row: PersonRow, before: Mapping[str, Any], *, in_use: bool, deletes: bool
    ) -> None:
        """Count by column what changes, and what would be a disaster if it happened to everybody."""
        changed = {name for name in SEEN if before[name] != user[name]}
        if self._has_new_manager(user, row):
            changed.add("manager")
        if before["state"] != user["state"]:
            changed.discard("deleted_at")
        self.work.columns.update(changed)
        struck = {
            "renamed": "name" in changed,
            "renumbered": "unique_user_id" in changed and before["unique_user_id"] is not None,
            "deleted": deletes,
            "unmanaged": "manager" in changed and row.manager_key == "",
        }
        if in_use and (kinds := {kind for kind, is_so in struck.items() if is_so}):
            self.work.struck.setdefault(user.pk, set()).update(kinds)

    def _has_new_manager(self, user: KnownUser, row: PersonRow) -> bool:
        return user.gets_another_manager(row, self.around.managers)

    def _audit(self, user: KnownUser, event: str, names: Sequence[str]) -> None:
        fields = ", ".join(name.removesuffix("_id") if name.endswith("by_id") else name for name in names)
        audit = UserAudit(user_id=user.pk, actor_id=self.log.started_by_id, event=event, fields=fields[:300])
        self.work.audits.append(audit)

    def _note(self, row: PersonRow, kind: str, reference: str = "") -> None:
        self.work.notes.append(ImportNote(log_id=self.log.pk, line=row.line, kind=kind, reference=reference))


def _rename(users: dict[str, KnownUser], user: KnownUser, before: str | None, after: str) -> None:
    """Find a user by a new name; whoever has been given the old one meanwhile is still found by it."""
    if before is not None and users.get(before) is user:
        del users[before]
    users[after] = user


def identifiers(person: PersonRow) -> set[Known]:
    """All that the row says somebody is known by."""
    return known_by(
        addresses=[person.email_key], login=adobe_key_of(person.adobe_id), unique_user_id=person.unique_user_id
    )


def words_of(refusal: Refusal) -> str:
    """Why a row does not go in."""
    email, unique_id, state = FIELDS["email"], FIELDS["unique_user_id"], FIELDS["state"]
    match refusal:
        case Refusal.ADDRESS_ELSEWHERE:
            return _("%(column)s: another user has it than the one with this Unique User ID.") % {"column": email}
        case Refusal.ID_TAKEN:
            return _("%(column)s: another user has it.") % {"column": unique_id}
        case Refusal.ADDRESS_OF_DELETED:
            return _("%(column)s: a deleted user has it. Correct or purge that user in User Cleanup first.") % {
                "column": email
            }
        case Refusal.OTHER_ID_OF_DELETED:
            return _(
                "%(column)s: a deleted user with this address has another one. Restore or purge that user first."
            ) % {"column": unique_id}
        case Refusal.OTHER_ID:
            return _("%(column)s: the user with this address has another one. Correct the file, or the user.") % {
                "column": unique_id
            }
        case Refusal.ONESELF:
            return _("%(column)s: nobody can delete themselves.") % {"column": state}
        case Refusal.LAST_ADMINISTRATOR:
            return _("%(column)s: this is the last active Administrator. Give somebody else the role first.") % {
                "column": state
            }
    raise ValueError(refusal)


def _frozen_words(reference: str) -> str:
    if reference:
        return _("This user is being purged (request %(reference)s). Import the user after its completion.") % {
            "reference": reference
        }
    return _("This user cannot be changed at the moment. Import this row again later.")
