"""The rules of coming and going: what may happen to a person, and what it makes of them.

On plain values alone: nothing here reads or writes a database, and the forms' services and the import of files both
ask it. A rule that refuses returns a :class:`Refusal`, to which the caller gives the words; one that allows returns
the columns that change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from users.models.people import UserState

Values = dict[str, Any]

#: Said of somebody who only cannot sign in at the moment, elsewhere: they stay what they are here.
PAUSED = "paused"


class Refusal(StrEnum):
    """Why something does not happen."""

    TAKEN = "the address is an active user's"
    ID_TAKEN = "the Unique User ID is another user's"
    ADDRESS_ELSEWHERE = "the address is one user's, the Unique User ID another's"
    ADDRESS_OF_DELETED = "the address is a deleted user's, the Unique User ID another user's"
    OTHER_ID = "the user with this address has another Unique User ID"
    OTHER_ID_OF_DELETED = "the deleted user with this address has another Unique User ID"
    RESERVED = "a request of the account holds the person"
    FROZEN = "the person is being purged"
    NOT_BY_ONESELF = "who registers oneself brings nobody back"
    AS_LEARNER = "who comes back has no role"
    DELETED = "the person is deleted already"
    NOT_DELETED = "the person is not deleted"
    ONESELF = "nobody deletes oneself"
    LAST_ADMINISTRATOR = "an account keeps an active Administrator"
    MANAGER_ELSEWHERE = "a manager is an active user of the account"
    CIRCLE = "nobody manages oneself, not even through others"


@dataclass(frozen=True)
class Holder:
    """Who has an identifier in an account now. ``reserved``: a request of that account holds the person."""

    pk: int
    state: str
    deleted: bool
    unique_user_id: str | None = None
    reserved: bool = False


# ---------------------------------------------------------------- who is meant


def who_is_meant(
    by_address: Holder | None,
    by_id: Holder | None,
    unique_user_id: str | None,
    *,
    deletes: bool = False,
    renumbered: bool = False,
) -> Holder | Refusal | None:
    """Of those who have the address and the Unique User ID, the one that is meant; None: somebody new.

    The address goes first; who has a new one keeps the ID. Two that contradict each other are two people: the row of
    an earlier job, or a former colleague's address. ``renumbered``: the company has changed its IDs, so people are
    known by their address alone, and it brings its user another ID, as long as who is there stays what they are: what
    brings back or ``deletes`` may speak of somebody else all the same.
    """
    if by_address is None:
        return Refusal.ID_TAKEN if renumbered and by_id is not None else by_id
    if by_id is not None and by_id.pk != by_address.pk:
        return Refusal.ADDRESS_OF_DELETED if by_address.deleted else Refusal.ADDRESS_ELSEWHERE
    differs = unique_user_id and by_address.unique_user_id and unique_user_id != by_address.unique_user_id
    if differs and (not renumbered or deletes != by_address.deleted):
        return Refusal.OTHER_ID_OF_DELETED if by_address.deleted else Refusal.OTHER_ID
    return by_address


def adding_refusal(
    who: Holder, *, by_address: bool, by_themselves: bool = False, roles: bool = False
) -> Refusal | None:
    """Whether somebody who is there already can be added: brought back, that is. ``by_address``: or by the ID."""
    if who.state != UserState.ACTIVE and who.reserved:
        return Refusal.RESERVED
    if not who.deleted:
        return Refusal.TAKEN if by_address else Refusal.ID_TAKEN
    if by_themselves:
        return Refusal.NOT_BY_ONESELF
    if who.state == UserState.PURGING:
        return Refusal.FROZEN
    return Refusal.AS_LEARNER if roles else None


# ---------------------------------------------------------------- deleting, and coming back


def deletion_refusal(*, state: str, by_oneself: bool, last_administrator: bool) -> Refusal | None:
    """Whether somebody can be taken out of use."""
    if state != UserState.ACTIVE:
        return Refusal.DELETED if state == UserState.DELETED else Refusal.FROZEN
    if by_oneself:
        return Refusal.ONESELF
    return Refusal.LAST_ADMINISTRATOR if last_administrator else None


def deleted(*, moment: datetime, month: str, by: int | None) -> Values:
    """What a deletion makes of a row. ``month``: of the moment, in the account's time zone."""
    return {
        "state": UserState.DELETED,
        "deleted_at": moment,
        "deleted_month": month,
        "deleted_by_id": by,
    }


def turn(said: str | None, state: str) -> str | None:
    """What a state that was said of somebody (None: nothing was; ``PAUSED``) does to them: "deletes", "brings back".

    Whoever is named at all is here: a row that says nothing of the state brings back. Paused is neither.
    """
    if said == UserState.DELETED:
        return "deletes" if state == UserState.ACTIVE else None
    return "brings back" if state == UserState.DELETED and said != PAUSED else None


def restoring_refusal(who: Holder) -> Refusal | None:
    """Whether a deleted person can come back as they were."""
    if not who.deleted:
        return Refusal.NOT_DELETED
    if who.reserved:
        return Refusal.RESERVED
    return Refusal.FROZEN if who.state == UserState.PURGING else None


def restored() -> Values:
    """What restoring makes of a row: a Learner. Roles, permissions and keys to the API are taken by the caller."""
    return {
        "state": UserState.ACTIVE,
        "deleted_at": None,
        "deleted_month": None,
        "deleted_by_id": None,
        "is_superuser": False,
        "is_support": False,
    }


def brought_back(*, source: str, password: str) -> Values:
    """The same for somebody who is added once more: as a stranger would be, with nothing that opened anything before.

    ``password``: the new one as it is stored, or one that fits nothing.
    """
    return {**restored(), "source": source, "password": password}


# ---------------------------------------------------------------- names and identifiers


def changes(before: Mapping[str, Any], said: Mapping[str, Any]) -> Values:
    """What of that which was said is a change: nothing else is written, nor checked. None: nothing was said."""
    return {name: value for name, value in said.items() if value is not None and before[name] != value}


def is_move(*, email_key: str | None, shown_key: str, new_key: str) -> bool:
    """Whether another address is another mailbox, by the key of the row or, where it has none, of its address."""
    return new_key != (email_key if email_key is not None else shown_key)


# ---------------------------------------------------------------- managers


def manager_refusal(*, of_the_account: bool, state: str) -> Refusal | None:
    """Whether somebody can be made a manager. Who is one already stays it when deleted or frozen."""
    return None if of_the_account and state == UserState.ACTIVE else Refusal.MANAGER_ELSEWHERE


def wishes_refused(
    wishes: Mapping[int, int | None], edges: Mapping[int, int | None], deleted: Collection[int] = ()
) -> tuple[set[int], set[int]]:
    """Whose wishes for a manager cannot be, so that no circle remains; and which deleted people give way instead.

    ``edges``: the managers that everybody has now. A circle through a deleted person is broken there: nobody sees that
    person, and nobody could change the manager. Of any other the wish of the highest number goes; with the manager
    that its user has now another circle may show.
    """
    refused: set[int] = set()
    gives_way: set[int] = set()
    while True:
        now = {**edges, **{user: manager for user, manager in wishes.items() if user not in refused}}
        now.update(dict.fromkeys(gives_way))
        circles = list(_circles(now))
        gone = {min(circle.intersection(deleted)) for circle in circles if circle.intersection(deleted)}
        found = {
            max(circle & wishes.keys() - refused)
            for circle in circles
            if not circle.intersection(deleted) and circle & wishes.keys() - refused
        }
        if not found and not gone:
            return refused, gives_way
        refused |= found
        gives_way |= gone


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
