"""Whose is an address or a login, since when; and whose was it before?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db.models import F, Max, Q

from purge.addresses import identity_key
from purge.database.lookups import AnyOf
from purge.host import Holder, HolderKind, PersonState
from users.models import Account, FormerEmail, User, UserAudit
from users.services import unique_id_sort_key

#: What tells whose an identifier is, of a user.
WHOSE = ("account_id", "email_key", "adobe_key", "added_at", "state", "deleted_at")


def holders(account_id: int | None, keys: Collection[str]) -> dict[str, list[Holder]]:
    """See :meth:`purge.host.Host.holders`. The number of queries does not depend on how many keys there are.

    Somebody holds an address since the former one ended, and a login since it was last changed; otherwise since they
    were added.
    """
    wanted = sorted({key for key in keys if key})
    if not wanted:
        return {}
    found: dict[str, list[Holder]] = defaultdict(list)
    for key, holder in [*_current(account_id, wanted), *_former(account_id, wanted)]:
        found[key].append(holder)
    return {key: sorted(there, key=lambda each: (each.person_id, each.kind)) for key, there in found.items()}


def _current(account_id: int | None, keys: list[str]) -> Iterable[tuple[str, Holder]]:
    # Two look-ups by index; one OR over both columns would read the table.
    users = User.objects.only(*WHOSE)
    by_address, by_login = users.filter(AnyOf(F("email_key"), keys)), users.filter(AnyOf(F("adobe_key"), keys))
    if account_id is not None:
        by_address, by_login = by_address.filter(account_id=account_id), by_login.filter(account_id=account_id)
    addressed, signing = {user.pk: user for user in by_address}, {user.pk: user for user in by_login}
    address_since, login_since = _address_changed(addressed), _login_changed(signing)
    since: dict[tuple[int, str], datetime] = {}
    for pk, user in addressed.items():
        since[pk, user.email_key] = address_since.get(pk, user.added_at)
    for pk, user in signing.items():
        moment = login_since.get(pk, user.added_at)
        since[pk, str(user.adobe_key)] = min(moment, since.get((pk, str(user.adobe_key)), moment))
    everybody = addressed | signing
    for (pk, key), moment in since.items():
        user = everybody[pk]
        yield key, Holder(pk, user.account_id, HolderKind.CURRENT, moment, None, *_states(user))


def id_holders(ids: Mapping[int, Collection[str]]) -> dict[tuple[int, str], list[Holder]]:
    """See :meth:`purge.host.Host.id_holders`. Since when somebody has their ID nobody knows."""
    wanted = {account_id: frozenset(keys) for account_id, keys in ids.items() if keys}
    sorts = {unique_id_sort_key(key) for keys in wanted.values() for key in keys}
    # By the index of account and folded ID; folding makes one of more than a key does, so that some are no answer.
    rows = User.objects.filter(account_id__in=list(wanted), unique_id_sort__in=list(sorts)) if wanted else []
    found: dict[tuple[int, str], list[Holder]] = defaultdict(list)
    for user in rows:
        key = identity_key(user.unique_user_id or "")
        if key in wanted[user.account_id]:
            holder = Holder(user.pk, user.account_id, HolderKind.CURRENT, None, None, *_states(user))
            found[user.account_id, key].append(holder)
    return dict(found)


def id_holders_anywhere(key: str) -> list[Holder]:
    """See :meth:`purge.host.Host.id_holders_anywhere`."""
    # Account by account, so that the index of account and folded ID answers.
    accounts = Account.objects.order_by().values("pk")
    rows = User.objects.filter(account_id__in=accounts, unique_id_sort=unique_id_sort_key(key)).order_by("pk")
    return [
        Holder(user.pk, user.account_id, HolderKind.CURRENT, None, None, *_states(user))
        for user in rows
        if identity_key(user.unique_user_id or "") == key
    ]


def _states(user: User) -> tuple[PersonState, PersonState]:
    return PersonState(user.state), PersonState(user.earlier_state)


def _former(account_id: int | None, keys: list[str]) -> Iterable[tuple[str, Holder]]:
    rows = FormerEmail.objects.filter(AnyOf(F("email_key"), keys))
    if account_id is not None:
        rows = rows.filter(user__account_id=account_id)
    had = list(rows.select_related("user").only("user", "email_key", "ended_at", *(f"user__{name}" for name in WHOSE)))
    endings = _endings({row.user_id for row in had})
    for row in had:
        user = row.user
        before = [moment for moment in endings[user.pk] if moment < row.ended_at]
        began = max([user.added_at, *before])
        yield (
            str(row.email_key),
            Holder(user.pk, user.account_id, HolderKind.FORMER, began, row.ended_at, *_states(user)),
        )


def _endings(people: Collection[int]) -> dict[int, list[datetime]]:
    """When each of the former addresses of these people ended; a blanked one's date is still there."""
    ended: dict[int, list[datetime]] = defaultdict(list)
    rows = FormerEmail.objects.filter(user_id__in=list(people)) if people else FormerEmail.objects.none()
    for person_id, moment in rows.values_list("user_id", "ended_at"):
        ended[person_id].append(moment)
    return ended


def _address_changed(people: Collection[int]) -> dict[int, datetime]:
    """When these people got their present addresses: when the last one before ended. Without one they are left out."""
    if not people:
        return {}
    ended = FormerEmail.objects.filter(user_id__in=list(people)).order_by().values("user_id")
    return dict(ended.annotate(last=Max("ended_at")).values_list("user_id", "last"))


def _login_changed(people: Collection[int]) -> dict[int, datetime]:
    """When the logins of these people were last changed; who never changed theirs is left out.

    Somebody who was brought back may have got one then: of those whom an earlier release brought back nobody knows.
    """
    if not people:
        return {}
    changes = UserAudit.objects.filter(
        Q(fields__contains="adobe_id") | Q(fields__contains="adobe_key") | Q(event="revived", fields="")
    )
    changed = changes.filter(user_id__in=list(people)).order_by().values("user_id")
    return dict(changed.annotate(last=Max("at")).values_list("user_id", "last"))
