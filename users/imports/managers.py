"""The second walk: who manages whom, now that everybody of the file is there.

A manager is an active user of the account. Whoever would come to manage himself, even through others, keeps the
manager he had, and the row is reported.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from purge.lookups import AnyOf
from users.imports.loading import Loader, active_users, batches, patiently, users_with
from users.imports.mapping import FIELDS
from users.imports.parsing import key_of, manager_key_of
from users.imports.reading import Row
from users.imports.statements import rows_update
from users.models import User, UserState


@dataclass(frozen=True)
class _Wish:
    """The manager that a row gives to a user: his number, or None for nobody."""

    line: int
    manager_id: int | None


def assign_managers(loader: Loader, stored: BinaryIO) -> list[int]:
    """Give the people of the file their managers; lines that were refused. Doing it again changes nothing."""
    if "manager" not in loader.parser.columns:
        return []
    refused: list[int] = []
    with closing(loader.rows(stored)) as rows:
        for batch in batches(rows):
            patiently(partial(_assign, loader, batch, refused))
    return refused


def reason_of_refusal() -> str:
    """What a refused line is reported with; the rest of the row has gone in."""
    return _("%(column)s: nobody can manage himself, not even through others. The rest of the row went in.") % {
        "column": FIELDS["manager"]
    }


def _assign(loader: Loader, batch: Sequence[Row], refused: list[int]) -> None:
    account_id = loader.account.pk
    with transaction.atomic():
        wishes, current = _wishes(loader, batch)
        changed = {pk: wish for pk, wish in wishes.items() if wish.manager_id != current[pk]}
        edges = {**_above(account_id, {wish.manager_id for wish in changed.values() if wish.manager_id}), **current}
        bad = in_circles({pk: wish.manager_id for pk, wish in changed.items()}, edges)
        rows_update(User, ["manager_id"], [(pk, changed[pk].manager_id) for pk in sorted(changed) if pk not in bad])
    refused.extend(sorted(changed[pk].line for pk in bad))


def _wishes(loader: Loader, batch: Sequence[Row]) -> tuple[dict[int, _Wish], dict[int, int | None]]:
    """What the rows wish for, and the managers these users have now; the users are locked, in the order of numbers.

    Rows that were refused may name somebody who is there, too: only the first line of an address counts, and nobody
    who is being purged.
    """
    parser, account_id = loader.parser, loader.account.pk
    asked: dict[str, tuple[int, str]] = {}
    for row in batch:
        key = None if row.torn else key_of(parser.cell("email", row.cells))
        if key is not None:
            asked.setdefault(key, (row.line, manager_key_of(parser.cell("manager", row.cells))))
    bad_lines = set(loader.log.row_errors.filter(line__in=[row.line for row in batch]).values_list("line", flat=True))
    asked = {key: wish for key, wish in asked.items() if wish[0] not in bad_lines}
    managers = active_users(account_id, {manager for _line, manager in asked.values() if manager})
    there = sorted(user.pk for user in users_with(account_id, asked))
    rows = User.objects.filter(AnyOf(F("pk"), there)).exclude(state=UserState.PURGING)
    found = list(rows.order_by("pk").select_for_update().values_list("pk", "email_key", "manager_id"))
    wishes = {pk: _Wish(asked[key][0], managers.get(asked[key][1])) for pk, key, _manager_id in found}
    return wishes, {pk: manager_id for pk, _key, manager_id in found}


def _above(account_id: int, manager_ids: Collection[int]) -> dict[int, int | None]:
    """User → manager, for these and everybody above them."""
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
        SELECT u.id, u.manager_id FROM {users} u JOIN above ON u.id = above.id
    """  # noqa: S608 - the name of the model's table
    with connection.cursor() as cursor:
        cursor.execute(statement, [account_id, ids])
        return dict(cursor.fetchall())


def in_circles(wishes: Mapping[int, int | None], edges: Mapping[int, int | None]) -> set[int]:
    """Whose wishes cannot be, so that no circle remains. ``edges``: the managers that everybody has now.

    Of a circle the wish of the highest number goes; with its user's present manager another circle may show.
    """
    refused: set[int] = set()
    while True:
        now = {**edges, **{user: manager for user, manager in wishes.items() if user not in refused}}
        found = {max(circle & wishes.keys() - refused) for circle in _circles(now) if circle & wishes.keys() - refused}
        if not found:
            return refused
        refused |= found


def _circles(edges: Mapping[int, int | None]) -> Iterator[set[int]]:
    """The circles among users of whom each has at most one manager, in linear time."""
    done: set[int] = set()
    for start in edges:
        path: dict[int, int] = {}
        user: int | None = start
        while user is not None and user not in done and user not in path:
            path[user] = len(path)
            user = edges.get(user)
        if user is not None and user in path:
            yield {each for each, place in path.items() if place >= path[user]}
        done.update(path)
