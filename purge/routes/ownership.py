"""Whose is an identifier now? The one question before an address or a login is taken out of an account.

An identifier stands for whoever holds it now; who held it before counts with the dates. The executor asks it for each
transaction, the verification and the patrol for each place, where an answer of the same second will do, by the same
function: it is made of facts of the platform, and says nothing of what is done to a row.

The identifiers by which a route *chose* its people (``matched``: the selected people's email addresses, an identity
provider's address and login, the address of an other user) differ from what was captured along with them (logins,
former addresses, what is taken out in one account only). For a holder who is not one of the people who go:

=====================================================  ====================  =======================
who has the identifier in this account                 matched               captured along with it
=====================================================  ====================  =======================
nobody                                                 taken out             taken out
a kept creator, as their address or login              taken out             theirs
another user since before acceptance (other-user       taken out             theirs
route; a login of the requesting account)
a user added after acceptance                          theirs                theirs
an older row that took it after acceptance             theirs                theirs
a user of whatever kind whose dates nobody knows       taken out             theirs
somebody who gave it up before acceptance              taken out             taken out
somebody who had it before acceptance and gave it up   taken out             theirs
after
somebody who took it after acceptance and gave it up   theirs                theirs
a user of another account                              taken out             taken out
=====================================================  ====================  =======================

The state of a holder makes no difference: an address is a deleted user's as well, and somebody whom another request has
frozen may be given back. What is taken out "of a kept creator's account" is every other field; their own row keeps it.
In a row of no account what was matched is nobody's; what was captured along is whoever's it is in any account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from purge.host import Holder, get_host


def owner_of(
    holders: Iterable[Holder], *, accepted_at: datetime | None, going: Collection[int], matched: bool
) -> Holder | None:
    """Who of one account's holders an identifier belongs to, so that it stays there; None: it may be taken out.

    ``accepted_at``: of the request; None is "just now". ``going``: ids of the people whose rows go with it.
    ``matched``: whether the route chose its people by this identifier.
    """
    for holder in holders:
        if holder.person_id in going:
            continue
        theirs_then = holder.until is None or _after(holder.until, accepted_at)
        if _after(holder.since, accepted_at) or (theirs_then and not matched):
            return holder
    return None


def _after(moment: datetime | None, accepted_at: datetime | None) -> bool:
    return moment is not None and accepted_at is not None and moment > accepted_at


def kept_in(
    keys: Collection[str], *, accepted_at: datetime | None, going: Collection[int], matched: Collection[str]
) -> Mapping[int, frozenset[str]]:
    """Account id → those of the keys that belong to somebody there and stay. Accounts without such are left out."""
    kept: dict[int, set[str]] = defaultdict(set)
    for key, holders in get_host().holders(None, keys).items():
        for account_id, there in _by_account(holders).items():
            if owner_of(there, accepted_at=accepted_at, going=going, matched=key in matched) is not None:
                kept[account_id].add(key)
    return {account_id: frozenset(found) for account_id, found in kept.items()}


def owner_anywhere(key: str, *, accepted_at: datetime | None, going: Collection[int]) -> Holder | None:
    """Who has an identifier that was captured along, in whatever account: for a row of no account."""
    holders = get_host().holders(None, [key]).get(key, [])
    return owner_of(holders, accepted_at=accepted_at, going=going, matched=False)


def owned_in(
    account_id: int | None, keys: Collection[str], *, accepted_at: datetime | None, going: Collection[int]
) -> frozenset[str]:
    """Those of the keys, none of them looked for itself, that belong to somebody in one account (None: in any)."""
    found = get_host().holders(account_id, keys)
    return frozenset(
        key
        for key, holders in found.items()
        if owner_of(holders, accepted_at=accepted_at, going=going, matched=False) is not None
    )


def ids_kept_in(ids: Mapping[int, Collection[str]], *, going: Collection[int]) -> Mapping[int, frozenset[str]]:
    """Account id → those of its Unique User IDs (keys) that somebody has now who stays: given out again."""
    kept: dict[int, set[str]] = defaultdict(set)
    for (account_id, key), holders in get_host().id_holders(ids).items():
        if any(holder.person_id not in going for holder in holders):
            kept[account_id].add(key)
    return {account_id: frozenset(found) for account_id, found in kept.items()}


def id_owner_in(account_id: int | None, key: str, *, going: Collection[int]) -> Holder | None:
    """Who of an account has a Unique User ID now and stays; None: it may be taken out."""
    if account_id is None:
        return None
    holders = get_host().id_holders({account_id: [key]}).get((account_id, key), [])
    return next((holder for holder in holders if holder.person_id not in going), None)


def not_shared(keys: Mapping[int, Collection[str]], going: Collection[int]) -> dict[int, frozenset[str]]:
    """By account: those of the identifiers of ``going`` that nobody else there holds, or gave up later than they did.

    What two people had one after the other is the later one's.
    """
    found: dict[tuple[int, str], list[Holder]] = defaultdict(list)
    for key, holders in get_host().holders(None, {key for some in keys.values() for key in some}).items():
        for holder in holders:
            found[holder.account_id, key].append(holder)
    return {
        account_id: frozenset(key for key in some if not _is_anothers(found[account_id, key], going))
        for account_id, some in keys.items()
    }


def _is_anothers(holders: Iterable[Holder], going: Collection[int]) -> bool:
    own = [holder for holder in holders if holder.person_id in going]
    others = [holder for holder in holders if holder.person_id not in going]
    if any(holder.is_current for holder in others):
        return True
    if any(holder.is_current for holder in own):
        return False
    until = max((holder.until for holder in own if holder.until), default=None)
    return until is not None and any(holder.until is not None and holder.until > until for holder in others)


def _by_account(holders: Iterable[Holder]) -> Mapping[int, list[Holder]]:
    there: dict[int, list[Holder]] = defaultdict(list)
    for holder in holders:
        there[holder.account_id].append(holder)
    return there
