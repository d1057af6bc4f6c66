"""Bringing a file's people into an account, a batch at a time.

A batch and the progress it reports are one transaction, so a worker that was killed goes on where it was, and no row is
counted twice. Managers come in a second pass: they may stand later in the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import address_key
from purge.selectors import purged_before
from users.imports import mapping as columns
from users.imports.reading import BrokenRow, Row, Table, read_rows
from users.imports.rows import BadRow, Entry, read_entry
from users.models import (
    Account,
    ImportLog,
    ImportNote,
    ImportRowError,
    ImportState,
    User,
    UserKind,
    UserSource,
    UserState,
)
from users.services import (
    ServiceError,
    deleted_count_change,
    month_of,
    unique_id_sort_key,
    user_create,
    user_delete,
    user_update,
    zone_of,
)

BATCH = 1_000
#: Links of a chain of managers that are looked at to find a circle.
LONGEST_CHAIN = 50

PURGED_SINCE = _("E-mail: this person was purged after the file was uploaded. Take the row out of your file.")
PURGING = _("E-mail: a user with this address is being purged. Wait until the purge is completed, then add him.")
DUPLICATE = _("E-mail: the same address stands in an earlier row of this file.")
TAKEN = _("Unique User ID: another user of the account has it.")
OTHER_ID = _("Unique User ID: a deleted user with this address has another one. Restore or purge him in User Cleanup.")
BROKEN = _("This row cannot be read: a quotation mark is missing, or a cell is far too long.")


class Superseded(Exception):
    """Another worker is doing this import."""


@dataclass
class Batch:
    """What one transaction did."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    revived: int = 0
    previously_purged: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, str, str]] = field(default_factory=list)


def load(log: ImportLog, file: IO[bytes], table: Table, positions: dict[str, int]) -> None:
    """Import a file from where the last worker stopped. Raises :class:`Superseded` when another one is at work."""
    done = log.rows_done
    seen: set[int] = set()
    number = 0
    pending: list[Row | BrokenRow] = []
    for row in data_rows(file, table):
        number += 1
        if number <= done:
            _remember_seen(row, positions, seen)
            continue
        pending.append(row)
        if len(pending) == BATCH:
            _load_batch(log, pending, positions, seen)
            pending = []
    if pending:
        _load_batch(log, pending, positions, seen)
    if columns.Field.MANAGER in positions:
        for batch in batched(data_rows(file, table), BATCH):
            _load_managers(log, batch, positions)
    finish(log)


def data_rows(file: IO[bytes], table: Table) -> Iterator[Row | BrokenRow]:
    """The rows below the heading."""
    return (row for row in read_rows(file, table) if row.line > table.heading_line)


def batched(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def finish(log: ImportLog) -> None:
    ImportLog.objects.filter(pk=log.pk).update(state=ImportState.COMPLETED, finished_at=timezone.now())


# ---------------------------------------------------------------- people


def _load_batch(log: ImportLog, rows: Sequence[Row | BrokenRow], positions: dict[str, int], seen: set[int]) -> None:
    before = set(seen)
    try:
        with transaction.atomic():
            _in_transaction(log, rows, positions, seen, one_by_one=False)
    except IntegrityError:
        # Two rows of the batch, or somebody else, want the same Unique User ID: then each row for itself.
        seen.clear()
        seen |= before
        with transaction.atomic():
            _in_transaction(log, rows, positions, seen, one_by_one=True)
    log.rows_done += len(rows)


def _in_transaction(
    log: ImportLog, rows: Sequence[Row | BrokenRow], positions: dict[str, int], seen: set[int], *, one_by_one: bool
) -> None:
    locked = ImportLog.objects.select_for_update(of=("self",)).select_related("account").get(pk=log.pk)
    if locked.rows_done != log.rows_done or locked.state != ImportState.RUNNING:
        raise Superseded
    batch = Batch()
    entries = _entries(rows, positions, seen, locked.account, batch)
    for group in ([entry] for entry in entries) if one_by_one else [entries]:
        _load_entries(locked, group, batch, one_by_one=one_by_one)
    ImportRowError.objects.bulk_create(ImportRowError(log=locked, line=line, reason=why) for line, why in batch.errors)
    ImportNote.objects.bulk_create(
        ImportNote(log=locked, line=line, kind=kind, reference=reference) for line, kind, reference in batch.notes
    )
    ImportLog.objects.filter(pk=log.pk).update(
        rows_done=F("rows_done") + len(rows),
        added=F("added") + batch.added,
        updated=F("updated") + batch.updated,
        unchanged=F("unchanged") + batch.unchanged,
        revived=F("revived") + batch.revived,
        previously_purged=F("previously_purged") + batch.previously_purged,
        failed=F("failed") + len(batch.errors),
    )


def _fingerprint(email_key: str) -> int:
    """Eight bytes an address: a hundred thousand of them are a few megabytes."""
    return int.from_bytes(hashlib.blake2b(email_key.encode("utf-8", "replace"), digest_size=8).digest())


def _remember_seen(row: Row | BrokenRow, positions: dict[str, int], seen: set[int]) -> None:
    position = positions[columns.Field.EMAIL]
    if isinstance(row, Row) and position < len(row.cells):
        seen.add(_fingerprint(address_key(row.cells[position])))


def _entries(
    rows: Sequence[Row | BrokenRow], positions: dict[str, int], seen: set[int], account: Account, batch: Batch
) -> list[Entry]:
    """The rows that can be read; the others are noted with their reason."""
    zone, now = zone_of(account), timezone.now()
    entries = []
    for row in rows:
        if isinstance(row, BrokenRow):
            batch.errors.append((row.line, BROKEN))
            continue
        try:
            entry = read_entry(row, positions, zone=zone, now=now)
        except BadRow as bad:
            batch.errors.append((row.line, str(bad)))
            continue
        mark = _fingerprint(entry.email_key)
        if mark in seen:
            batch.errors.append((row.line, DUPLICATE))
            continue
        seen.add(mark)
        entries.append(entry)
    return entries


def _load_entries(log: ImportLog, entries: list[Entry], batch: Batch, *, one_by_one: bool) -> None:
    keys = [entry.email_key for entry in entries]
    account = log.account
    since = purged_before(account_id=account.pk, email_keys=keys, accepted_after=log.uploaded_at)
    ever = purged_before(account_id=account.pk, email_keys=keys)
    present = _present(account, entries)
    fresh: list[Entry] = []
    for entry in entries:
        user = present.get(entry.email_key)
        if entry.email_key in since:
            batch.errors.append((entry.line, PURGED_SINCE))
        elif user is not None:
            _existing(log, user, entry, batch)
        else:
            fresh.append(entry)
    _create(log, fresh, ever, batch, one_by_one=one_by_one)


def _present(account: Account, entries: Sequence[Entry]) -> dict[str, User]:
    """The users that rows are about: by address, or by Unique User ID when the address is a new one."""
    users = User.objects.filter(account=account)
    found = {user.email_key: user for user in users.filter(email_key__in=[entry.email_key for entry in entries])}
    moved = {entry.unique_user_id: entry for entry in entries if entry.unique_user_id and entry.email_key not in found}
    for user in users.filter(unique_user_id__in=list(moved)):
        found[moved[user.unique_user_id].email_key] = user
    return found


def _create(log: ImportLog, entries: list[Entry], ever: dict[str, str], batch: Batch, *, one_by_one: bool) -> None:
    account, people = log.account, []
    for entry in entries:
        deleted = entry.active is False
        people.append(
            User(
                account=account,
                name=entry.name,
                email=entry.email,
                email_key=entry.email_key,
                unique_user_id=entry.unique_user_id,
                unique_id_sort=unique_id_sort_key(entry.unique_user_id),
                adobe_id=entry.adobe_id,
                adobe_key=address_key(entry.adobe_id) if entry.adobe_id else None,
                profile=entry.profile or "",
                kind=entry.kind or UserKind.INTERNAL,
                source=UserSource.CSV,
                # Nobody signs in with what is stored here: no hash begins like this.
                password="!import",  # noqa: S106
                state=UserState.DELETED if deleted else UserState.ACTIVE,
                deleted_at=entry.deleted_at,
                deleted_month=month_of(entry.deleted_at, account) if entry.deleted_at else None,
                deleted_by=log.started_by if deleted else None,
            )
        )
    try:
        with transaction.atomic():
            User.objects.bulk_create(people)
            months = [person.deleted_month for person in people if person.deleted_month]
            for month in sorted(set(months)):
                deleted_count_change(account_id=account.pk, month=month, by=months.count(month))
    except IntegrityError:
        if not one_by_one:
            raise
        batch.errors += [(entry.line, TAKEN) for entry in entries]
        return
    batch.added += len(people)
    for entry in entries:
        if entry.email_key in ever:
            batch.previously_purged += 1
            batch.notes.append((entry.line, "previously_purged", ever[entry.email_key]))


def _existing(log: ImportLog, user: User, entry: Entry, batch: Batch) -> None:
    """A row about somebody who is there: change what differs, revive a deleted one, delete an active one."""
    try:
        with transaction.atomic():
            _change(log, user, entry, batch)
    except ServiceError as refusal:
        batch.errors.append((entry.line, str(refusal)))


def _change(log: ImportLog, user: User, entry: Entry, batch: Batch) -> None:
    actor = log.started_by
    if user.state == UserState.PURGING:
        raise ServiceError(PURGING)
    if user.state == UserState.DELETED and entry.active is not False:
        if entry.unique_user_id and user.unique_user_id and entry.unique_user_id != user.unique_user_id:
            raise ServiceError(OTHER_ID)
        user_create(
            acting_user=actor,
            account=log.account,
            email=user.email,
            name=entry.name,
            source=UserSource.CSV,
            unique_user_id=entry.unique_user_id,
            **({"profile": entry.profile} if entry.profile is not None else {}),
        )
        batch.revived += 1
        batch.notes.append((entry.line, "revived", ""))
        return
    changes = _differences(user, entry)
    if changes:
        user_update(acting_user=actor, user=user, **changes)
    if entry.active is False and user.state == UserState.ACTIVE:
        user_delete(acting_user=actor, user=user, moment=entry.deleted_at)
        changes["state"] = UserState.DELETED
    if changes:
        batch.updated += 1
    else:
        batch.unchanged += 1


def _differences(user: User, entry: Entry) -> dict[str, Any]:
    """What the file says otherwise. A column that is not in the file, or an empty cell, changes nothing."""
    wanted: dict[str, Any] = {"name": entry.name}
    if entry.email_key != user.email_key:
        wanted["email"] = entry.email
    said = {
        "unique_user_id": entry.unique_user_id,
        "profile": entry.profile,
        "adobe_id": entry.adobe_id,
        "kind": entry.kind,
    }
    wanted |= {name: value for name, value in said.items() if value}
    return {name: value for name, value in wanted.items() if getattr(user, name) != value}


# ---------------------------------------------------------------- managers


def _load_managers(log: ImportLog, rows: Sequence[Row | BrokenRow], positions: dict[str, int]) -> None:
    """The managers of one batch of rows. Bad rows were noted in the first pass; here they are passed over."""
    account = log.account
    zone, now = zone_of(account), timezone.now()
    wanted: dict[str, tuple[int, str]] = {}
    for row in rows:
        entry = _readable(row, positions, zone, now)
        if entry is not None and entry.has_manager_column:
            wanted.setdefault(entry.email_key, (entry.line, entry.manager_key))
    with transaction.atomic():
        users = User.objects.filter(account=account, state=UserState.ACTIVE)
        keys = {*wanted, *(manager for _line, manager in wanted.values() if manager)}
        ids = dict(users.filter(email_key__in=keys).values_list("email_key", "pk"))
        reports = users.filter(email_key__in=list(wanted)).order_by("pk").select_for_update(of=("self",))
        changed, errors = [], []
        for user in reports.only("pk", "email_key", "manager_id"):
            line, manager_key = wanted[user.email_key]
            manager_id = ids.get(manager_key) if manager_key else None
            if manager_key and manager_id is None:
                errors.append((line, _("Manager: no active user of the account has this address.")))
            elif user.manager_id != manager_id:
                user.manager_id = manager_id
                changed.append((user, line))
        User.objects.bulk_update([user for user, _line in changed], ["manager"], batch_size=500)
        in_circle = circles([user.pk for user, _line in changed])
        User.objects.filter(pk__in=in_circle).update(manager=None)
        errors += [
            (line, _("Manager: he would be his own manager, through others."))
            for user, line in changed
            if user.pk in in_circle
        ]
        _note_managers(log, errors)


def _readable(row: Row | BrokenRow, positions: dict[str, int], zone: Any, now: datetime) -> Entry | None:
    if isinstance(row, BrokenRow):
        return None
    try:
        return read_entry(row, positions, zone=zone, now=now)
    except BadRow:
        return None


def _note_managers(log: ImportLog, errors: list[tuple[int, str]]) -> None:
    """The people went in; what is said of their managers did not. Delivered again: noted once."""
    known = set(
        ImportRowError.objects.filter(log=log, line__in=[line for line, _why in errors]).values_list("line", flat=True)
    )
    fresh = [(line, why) for line, why in errors if line not in known]
    ImportRowError.objects.bulk_create(ImportRowError(log=log, line=line, reason=why) for line, why in fresh)


def circles(ids: Sequence[int]) -> set[int]:
    """Those of these users who are their own manager, directly or through others."""
    if not ids:
        return set()
    marks = ", ".join(["%s"] * len(ids))
    sql = f"""
        WITH RECURSIVE chain(start, at, depth) AS (
            SELECT id, manager_id, 1 FROM users_user WHERE id IN ({marks}) AND manager_id IS NOT NULL
            UNION ALL
            SELECT chain.start, u.manager_id, chain.depth + 1
            FROM chain JOIN users_user u ON u.id = chain.at
            WHERE chain.at <> chain.start AND u.manager_id IS NOT NULL AND chain.depth < %s
        )
        SELECT DISTINCT start FROM chain WHERE at = start
    """  # noqa: S608 - placeholders only
    with connection.cursor() as cursor:
        cursor.execute(sql, [*ids, LONGEST_CHAIN])
        return {row[0] for row in cursor.fetchall()}
