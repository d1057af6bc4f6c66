"""The second walk: who manages whom, now that everybody of the file is there.

A manager is an active user of the account. Whoever would come to manage themselves, even through others, keeps the
manager they had, and the row is reported. So is a cell that is not understood, or whose address nobody has: that is
not the same as a cell that says nobody.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from purge.database.lookups import AnyOf
from users.imports.loading import BY_ONE_INDEX, Loader, active_users, batches, patiently, users_with
from users.imports.mapping import FIELDS
from users.imports.parsing import key_of
from users.imports.reading import Row
from users.imports.statements import rows_update
from users.lifecycle import wishes_refused
from users.models import FormerEmail, User, UserState
from users.wall import across_accounts


@dataclass(frozen=True)
class _Wish:
    """The manager that a row gives to a user: a number, or None for nobody."""

    line: int
    manager_id: int | None


def assign_managers(loader: Loader, stored: BinaryIO) -> list[tuple[int, str]]:
    """Give the people of the file their managers; the lines whose manager's cell was refused, with the reason.

    Doing it again changes nothing. What closes a circle with a manager who is to change by a later row is tried once
    more when all others are done.
    """
    if "manager" not in loader.parser.columns:
        return []
    reasons: dict[int, str] = {}
    again: set[int] = set()
    with closing(loader.rows(stored)) as rows:
        for batch in batches(rows):
            patiently(partial(_assign, loader, batch, reasons, again))
    if again:
        with closing(loader.rows(stored)) as rows:
            waiting = [row for row in rows if row.line in again]
        circles: set[int] = set()
        patiently(partial(_assign, loader, waiting, reasons, circles))
        words = _("%(column)s: nobody can manage themselves, not even through others. The rest of the row went in.")
        reasons |= dict.fromkeys(circles, words % {"column": FIELDS["manager"]})
    return sorted(reasons.items())


def _assign(loader: Loader, batch: Sequence[Row], reasons: dict[int, str], circles: set[int]) -> None:
    """Give these rows their managers. Lines get a reason in ``reasons``, or are added to ``circles``."""
    account_id = loader.account.pk
    with transaction.atomic():
        wishes, current = _wishes(loader, batch, reasons)
        changed = {pk: wish for pk, wish in wishes.items() if wish.manager_id != current[pk]}
        above = _above(account_id, {wish.manager_id for wish in changed.values() if wish.manager_id})
        edges = {**{pk: manager_id for pk, (manager_id, _deleted) in above.items()}, **current}
        deleted = {pk for pk, (_manager_id, deleted) in above.items() if deleted}
        bad, give_way = wishes_refused({pk: wish.manager_id for pk, wish in changed.items()}, edges, deleted)
        done = {pk: changed[pk].manager_id for pk in changed if pk not in bad} | dict.fromkeys(give_way)
        rows_update(User, ["manager_id"], [(pk, done[pk]) for pk in sorted(done)])
    circles.update(changed[pk].line for pk in bad)


def _wishes(
    loader: Loader, batch: Sequence[Row], reasons: dict[int, str]
) -> tuple[dict[int, _Wish], dict[int, int | None]]:
    """What the rows wish for, and the managers these users have now; the users are locked, in the order of numbers.

    Rows that were refused may name somebody who is there, too: only the first line of an address counts, and nobody
    who is being purged.
    """
    parser, account_id = loader.parser, loader.account.pk
    asked: dict[str, tuple[int, str | None]] = {}
    for row in batch:
        key = None if row.torn else key_of(parser.cell("email", row.cells))
        if key is not None:
            asked.setdefault(key, (row.line, parser.manager_key(row.cells)))
    bad_lines = set(loader.log.row_errors.filter(line__in=[row.line for row in batch]).values_list("line", flat=True))
    asked = {key: wish for key, wish in asked.items() if wish[0] not in bad_lines}
    managers = _managers(account_id, {manager for _line, manager in asked.values() if manager})
    for key, (line, manager) in list(asked.items()):
        if manager is None:
            reasons[line] = _("%(column)s: not an email address. The manager stays; the rest of the row went in.") % {
                "column": FIELDS["manager"]
            }
        elif manager and manager not in managers:
            reasons[line] = _(
                "%(column)s: no active user of this account has this address. "
                "The manager stays; the rest of the row went in."
            ) % {"column": FIELDS["manager"]}
        else:
            continue
        del asked[key]
    there = sorted(user.pk for user in users_with(account_id, asked))
    rows = User.objects.filter(AnyOf(F("pk"), there)).exclude(state=UserState.PURGING)
    found = list(rows.order_by("pk").select_for_update().values_list("pk", "email_key", "manager_id"))
    wishes = {pk: _Wish(asked[key][0], managers.get(asked[key][1] or "")) for pk, key, _manager_id in found}
    return wishes, {pk: manager_id for pk, _key, manager_id in found}


def _managers(account_id: int, keys: Collection[str]) -> dict[str, int]:
    """Key → number of the active user of the account who has this address or, where nobody has, had it before."""
    managers = active_users(account_id, keys)
    others = set(keys) - managers.keys()
    if not others:
        return managers
    held = {user.email_key for user in users_with(account_id, others)}
    rows = FormerEmail.objects.filter(AnyOf(F("email_key"), sorted(others - held)), user__state=UserState.ACTIVE)
    former: dict[str, set[int]] = defaultdict(set)
    with across_accounts(BY_ONE_INDEX):
        for key, user_id, owner in rows.values_list("email_key", "user_id", "user__account_id"):
            if owner == account_id:
                former[str(key)].add(user_id)
    return managers | {key: min(users) for key, users in former.items() if len(users) == 1}


def _above(account_id: int, manager_ids: Collection[int]) -> dict[int, tuple[int | None, bool]]:
    """User → manager, and whether the user is deleted, for these and everybody above them."""
    if not manager_ids:
        return {}
    users = connection.ops.quote_name(User._meta.db_table)
    ordered = sorted(manager_ids)
    ids: Any
    if connection.vendor == "postgresql":
        among, ids = "= ANY(%s)", ordered
    else:
        among, ids = "IN (SELECT value FROM json_each(%s))", json.dumps(ordered)
    statement = f"""
        WITH RECURSIVE above (id) AS (
            SELECT id FROM {users} WHERE account_id = %s AND id {among}
            UNION SELECT u.manager_id FROM {users} u JOIN above ON u.id = above.id WHERE u.manager_id IS NOT NULL
        )
        SELECT u.id, u.manager_id, u.deleted_at IS NOT NULL FROM {users} u JOIN above ON u.id = above.id
    """  # noqa: S608 - the name of the model's table
    with connection.cursor() as cursor:
        cursor.execute(statement, [account_id, ids])
        return {pk: (manager_id, bool(deleted)) for pk, manager_id, deleted in cursor.fetchall()}
