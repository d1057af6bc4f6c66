"""Giving the rows of people the keys that the present rules and tables make of their addresses.

Needed once by the upgrade that brought identity keys, and again when the tables change with a new version of ``idna``
or of Python. Each batch is a transaction of its own, and what is done already is passed over: interrupted at any
moment, it goes on when it is run again.

Of the rows of one account that turn out to have one mailbox, the oldest has the key. The others have none and name it,
until somebody gives them an address of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from purge.addresses import identity_key
from purge.installation.keying import note_keys_are_current

BATCH = 2_000


def rekey(users: Any, former: Any) -> Counter[str]:
    """Bring all keys up to date; how many rows were "changed" and how many "share" a mailbox with an older one.

    ``users``, ``former``: the managers of the two models, a migration's or today's.
    """
    counts: Counter[str] = Counter()
    for pks in _batches(users):
        with transaction.atomic():
            counts["changed"] += _user_keys(users.filter(pk__in=pks).order_by("pk").select_for_update())
    for pk in list(users.filter(email_key=None).order_by("added_at", "pk").values_list("pk", flat=True)):
        with transaction.atomic():
            counts["share"] += not _given_key(users, pk)
    for pks in _batches(former):
        with transaction.atomic():
            counts["changed"] += _former_keys(former, pks)
    return counts


def keys_renew() -> None:
    """Bring the keys of everybody up to date, and note by which tables they are."""
    from users.models import FormerEmail, User

    rekey(User._base_manager, FormerEmail._base_manager)
    note_keys_are_current()


def _batches(rows: Any) -> Iterator[list[int]]:
    last = 0
    while pks := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield pks
        last = pks[-1]


def _user_keys(rows: Any) -> int:
    """Logins get their key at once. An address whose key is another now loses it: who gets it is decided apart."""
    changed = 0
    for user in rows.only("pk", "email", "email_key", "adobe_id", "adobe_key"):
        email_key = user.email_key if user.email_key == identity_key(user.email) else None
        adobe_key = (identity_key(user.adobe_id) or None) if user.adobe_id else None
        if (email_key, adobe_key) != (user.email_key, user.adobe_key):
            user.email_key, user.adobe_key = email_key, adobe_key
            user.save(update_fields=["email_key", "adobe_key"])
            changed += 1
    return changed


def _given_key(users: Any, pk: int) -> bool:
    """Give a row without a key its own, or let it name the older row of the account that has it already."""
    user = users.select_for_update(of=("self",)).get(pk=pk)
    key = identity_key(user.email)
    holder = users.filter(account_id=user.account_id, email_key=key).first()
    if holder is not None and (holder.added_at, holder.pk) < (user.added_at, user.pk):
        users.filter(pk=pk).update(same_mailbox_as=holder.pk)
        return False
    if holder is not None:
        users.filter(same_mailbox_as=holder.pk).exclude(pk=pk).update(same_mailbox_as=pk)
        users.filter(pk=holder.pk).update(email_key=None, same_mailbox_as=pk)
    users.filter(pk=pk).update(email_key=key, same_mailbox_as=None)
    return holder is None


def _former_keys(former: Any, pks: list[int]) -> int:
    """Of two former addresses of one person that are one mailbox, one row has the key."""
    rows = list(former.filter(pk__in=pks).order_by("pk").select_for_update(of=("self",)))
    stale = [row for row in rows if row.email_key != _former_key(row)]
    former.filter(pk__in=[row.pk for row in stale]).update(email_key=None)
    for row in stale:
        key = _former_key(row)
        taken = former.filter(user_id=row.user_id, email_key=key).exists()
        former.filter(pk=row.pk).update(email=row.email or None, email_key=None if taken else key)
    return len(stale)


def _former_key(row: Any) -> str | None:
    return (identity_key(row.email) or None) if row.email else None
