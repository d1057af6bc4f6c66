"""Whole purges, as the lines of the purge log tell them: whom each was about, and how far it came.

Only what an outcome confirms is told: a line that was written ahead and that nothing confirms was rolled back. The
lines of earlier releases say less; what they do not say is None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from purge.journal import chains
from purge.journal.chains import ChainLine, Damage
from purge.journal.lines import ACCEPTED, LATE, LET_GO, OUTCOMES
from purge.journal.stores.home import Position

#: Chain and number of a line.
At = tuple[str, int]


@dataclass(frozen=True)
class LoggedPerson:
    """Somebody who was to go. ``added_at``: when their row was added, by which it is told from a later one."""

    row: int
    public_id: str
    account_id: int
    added_at: datetime | None = None


@dataclass(frozen=True)
class LoggedHash:
    """A keyed hash of an identifier, with what :class:`purge.models.SuppressionHash` says of it. ``whole``: False where
    the line does not say where it counts."""

    kind: str
    digest: str
    form: str
    taken_out: bool = True
    only_account_id: int | None = None
    match: bool = False
    listed_in: int | None = None
    whole: bool = True


@dataclass(frozen=True)
class LoggedPurge:
    """``event``, ``number``: its latest outcome, and ``at``: where that stands. ``told``: whether the line that it
    confirms was found; the rest is empty otherwise. ``let_go``: those who left it again. ``initiator``: the public id
    of whoever asked."""

    reference: str
    event: str
    number: int
    at: At
    told: bool = False
    accepted_at: datetime | None = None
    due_at: datetime | None = None
    route: str = ""
    account_id: int | None = None
    reach: str | None = None
    part_of: str | None = None
    held: str = ""
    replays: str = ""
    key: str = ""
    initiator: str = ""
    accounts: dict[int, str] = field(default_factory=dict)
    people: tuple[LoggedPerson, ...] = ()
    let_go: tuple[LoggedPerson, ...] = ()
    hashes: tuple[LoggedHash, ...] = ()


@dataclass(frozen=True)
class BadLine:
    """From line ``line`` on a chain cannot be read."""

    chain: str
    line: int
    why: str


@dataclass
class Told:
    """What was read: the purges, oldest first, and where reading stopped, or went on by an operator's word."""

    purges: list[LoggedPurge] = field(default_factory=list)
    damage: list[BadLine] = field(default_factory=list)


def read_purges(
    names: Iterable[str],
    *,
    past: Mapping[str, int],
    owner: UUID | None = None,
    wanted: Callable[[str], bool] | None = None,
    since: datetime | None = None,
) -> Told:
    """The purges that these chains tell, each as far as it can be read. Raises OSError.

    ``past``: bytes of a chain within which no damage stops the reading: so far this database has read it before.
    ``owner``: the installation to which those belong that bear its id. ``wanted``: whether a request ID is of interest;
    ``since``: so is every purge that was accepted then or later. None of both: all of them. Memory goes with the number
    of lines of those.
    """
    told = Told()
    written: dict[At, dict[str, Any]] = {}
    outcomes: dict[str, tuple[int, str, At, At | None]] = {}
    for name in names:
        size = chains.size_of(name)
        if size is None:
            continue
        theirs = owner if owner is not None and name.startswith(f"{owner.hex}.") else None
        for _position, item in chains.read(
            name, Position(), size, settled=False, installation=theirs, past=past.get(name, 0)
        ):
            if isinstance(item, Damage):
                told.damage.append(BadLine(name, item.line, item.why))
                continue
            reference = item.data.get("request")
            if not isinstance(reference, str) or not _is_asked_about(item, reference, outcomes, wanted, since):
                continue
            place = (name, item.seq)
            if item.event in (ACCEPTED, LATE, LET_GO):
                written[place] = item.data
                if wanted is None or since is not None:
                    # From its acceptance on its other lines are of interest as well.
                    outcomes.setdefault(reference, (0, "", place, None))
            elif item.event in OUTCOMES:
                number = int(item.data.get("n") or 0)
                if number >= outcomes.get(reference, (0,))[0]:
                    outcomes[reference] = number, item.event, place, _place(item.data.get("confirms"))
    happened = {reference: found for reference, found in outcomes.items() if found[0]}
    parts = {reference: _told(reference, *found, written) for reference, found in happened.items()}
    told.purges = sorted(parts.values(), key=_age)
    return told


def _is_asked_about(
    line: ChainLine,
    reference: str,
    known: Collection[str],
    wanted: Callable[[str], bool] | None,
    since: datetime | None,
) -> bool:
    if wanted is None and since is None:
        return True
    if (wanted is not None and wanted(reference)) or reference in known:
        return True
    accepted_at = _moment(line.data.get("at")) if line.event == ACCEPTED else None
    return since is not None and accepted_at is not None and accepted_at >= since


def _age(purge: LoggedPurge) -> tuple[float, str]:
    """Who is a part of another comes after it, which was accepted at the same moment."""
    moment = purge.accepted_at.timestamp() if purge.accepted_at else 0.0
    return moment, f"{int(purge.account_id is None)}{purge.at}"


def _told(
    reference: str,
    number: int,
    event: str,
    at: At,
    confirmed: At | None,
    written: dict[At, dict[str, Any]],
) -> LoggedPurge:
    steps = []
    place = confirmed
    while place is not None and place in written:
        line = written.pop(place)
        steps.append(line)
        place = _place(line.get("changes"))
    # Without its beginning nobody knows who was in it.
    if not steps or steps[-1]["event"] != ACCEPTED:
        return LoggedPurge(reference, event, number, at)
    first = steps[-1]
    going: dict[str, LoggedPerson] = {}
    left: dict[str, LoggedPerson] = {}
    accounts: dict[int, str] = {}
    for line in reversed(steps):
        accounts |= {int(number): str(public_id) for number, public_id in line.get("accounts", {}).items()}
        for person in map(_person, line.get("people", ())):
            (left if line["event"] == LET_GO else going)[person.public_id] = person
            (going if line["event"] == LET_GO else left).pop(person.public_id, None)
    return LoggedPurge(
        reference,
        event,
        number,
        at,
        told=True,
        accepted_at=_moment(first.get("at")),
        due_at=_moment(first.get("due")),
        route=str(first.get("route", "")),
        account_id=first.get("account"),
        reach=first.get("reach"),
        part_of=first.get("part_of"),
        held=str(first.get("held", "")),
        replays=str(first.get("replays", "")),
        key=str(first.get("key", "")),
        initiator=str(first["by"][0][1]) if first.get("by") else "",
        accounts=accounts,
        people=tuple(going.values()),
        let_go=tuple(left.values()),
        hashes=tuple(map(_hash, first.get("hashes", ()))),
    )


def _person(said: list[Any]) -> LoggedPerson:
    row, public_id, account_id, *more = said
    return LoggedPerson(int(row), str(public_id), int(account_id), _moment(more[0]) if more else None)


def _hash(said: list[Any]) -> LoggedHash:
    kind, digest, form, *more = said
    if len(more) < 3:
        return LoggedHash(kind, digest, form, whole=False)
    where, match, listed_in = more[:3]
    only = None if where is False else where
    return LoggedHash(kind, digest, form, where is not False, only, bool(match), listed_in)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _place(value: Any) -> At | None:
    return (str(value[0]), int(value[1])) if value else None
