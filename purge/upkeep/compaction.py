"""Making the space of what was erased be written again, so that its bytes do not linger in the database's files.

PostgreSQL marks deleted rows and leaves them where they are: VACUUM lets their space be used again. What its planner
remembers of their values is renewed by ANALYZE, and taken away where nothing is left to sample. SQLite overwrites
deleted rows at once (``secure_delete``), but old pages stay in its write-ahead log until that is truncated, and copies
of index entries in the gaps of pages until the file is written anew (findings/sqlite-secure-delete-gap.sh). None of
this may run inside a transaction, and none of it changes a row.

It is done only when nobody could look at the database as it was before any more, and when the statistics, asked by the
proof, know nobody; until then it is tried again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from purge.choices import Status
from purge.database import dialect_of
from purge.database.catalog import called
from purge.database.horizon import Holder, Kind
from purge.database.rewriting import REMEMBERED, TIMES, Outcome, Piece
from purge.database.statistics import Forgotten
from purge.models import DoomedFile, Identifier, PurgeRequest
from purge.proof.remembered import statistics
from purge.proof.report import CouldNotLook
from purge.rules.registry import get_registry, person_model
from purge.selectors import SPACE_LEASE, held_back, waiting_for_space
from purge.steps.plan import stored_steps
from purge.thoroughness.recording import note_overwritten, note_statistics
from purge.worker.leases import leased

logger = logging.getLogger(__name__)

#: The lease, and for how long it is taken each time: longer than the VACUUM of one table takes. A second one beside it
#: would do no harm, VACUUMs of one table wait for each other.
LEASE = SPACE_LEASE
LEASE_SECONDS = 1_800
#: How long a task waits for others' transactions, which mostly are short; then it is tried again later.
PATIENCE_SECONDS: Final = 2.0
#: How long it waits for a lock of a table, or for those who use an index.
LOCK_SECONDS: Final = 60.0
#: Of those who are in the way, named on a page.
MOST_NAMED: Final = 3


@dataclass(frozen=True)
class Compacted:
    """``tables``: those gone over. ``finished``: False where somebody was in the way, or statistics still know
    somebody; ``holders``: who may still look at the database as it was. ``unreached``: relations whose statistics could
    not be read, or not be taken away."""

    tables: tuple[str, ...]
    finished: bool = True
    holders: tuple[Holder, ...] = ()
    unreached: tuple[str, ...] = ()


def touched_tables(requests: Iterable[PurgeRequest]) -> list[str]:
    """The tables from which these requests took something, by name."""
    taken = {step.entry.table for purge_request in requests for row, step in stored_steps(purge_request) if row.done}
    own = {model._meta.db_table for model in (person_model(), Identifier, DoomedFile)}
    return sorted(taken | own | _views())


def _views() -> set[str]:
    """Those that purges make anew, as far as there are any."""
    refreshed = get_registry().refreshed
    there = dialect_of(connection).survey().by_name if refreshed else {}
    return {called(view) for view in refreshed if view in there}


def ruled_tables() -> list[str]:
    """Every table from which a purge can take something."""
    return sorted({entry.table for entry in get_registry().entries.values()} | set(touched_tables(())))


def vacuum_finished() -> Compacted:
    """The cheap part, after purges: nobody waits for it. For all requests that wait for it, each table once.

    One at a time: a second caller leaves its request to the first, which looks again when it is through; what a dead
    one left is done by the next.
    """
    tables: set[str] = set()
    unreached: set[str] = set()
    tried: set[int] = set()
    finished, holders = True, list[Holder]()
    while waiting := [each for each in waiting_for_space() if each.pk not in tried]:
        with leased(LEASE, LEASE_SECONDS) as renew:
            if renew is None:
                break
            tried.update(each.pk for each in waiting)
            free, holders = _past_horizon(waiting)
            done = _go_over(free, renew) if free else Compacted((), finished=False)
            tables.update(done.tables)
            unreached.update(done.unreached)
            finished = finished and done.finished and not holders
            if done.finished:
                _are_done(free, done.unreached)
    return Compacted(tuple(sorted(tables)), finished, tuple(holders), tuple(sorted(unreached)))


def _past_horizon(waiting: Sequence[PurgeRequest]) -> tuple[list[PurgeRequest], list[Holder]]:
    """Those whose deleted rows nobody can look at any more, and who is in the way of the others."""
    dialect = dialect_of(connection)
    if not dialect.vacuums_tables:
        PurgeRequest.across_accounts.filter(pk__in=[each.pk for each in waiting]).update(horizon=0)
        truncated = dialect.truncate_log()
        return (list(waiting), []) if truncated else ([], [Holder(Kind.READER)])
    now = dialect.horizon()
    assert now is not None
    for purge_request in waiting:
        # A number that is still to come is of another server, from which this database was brought here.
        if purge_request.horizon is None or purge_request.horizon > now:
            purge_request.horizon = now
            purge_request.save(update_fields=["horizon"])
    holders = wait_for_holders(max(each.horizon or 0 for each in waiting), PATIENCE_SECONDS)
    if not holders:
        return list(waiting), []
    return [each for each in waiting if not dialect.holders(each.horizon or 0)], holders


def wait_for_holders(
    mark: int,
    seconds: float,
    told: Callable[[Sequence[Holder]], None] | None = None,
    *,
    of_a_copy: bool = False,
) -> list[Holder]:
    """Who is still in the way of rows that were deleted before this transaction, after so long at most.

    ``told``: called with them each time that they are others. ``of_a_copy``: in the way of writing tables anew.
    """
    until, before = time.monotonic() + seconds, list[Holder]()
    while True:
        holders = dialect_of(connection).holders(mark, of_a_copy=of_a_copy)
        if told is not None and holders and [each.name for each in holders] != [each.name for each in before]:
            told(holders)
        if not holders or time.monotonic() >= until:
            return holders
        before = holders
        time.sleep(min(0.1, seconds))


def _go_over(requests: Sequence[PurgeRequest], renew: Callable[[], None]) -> Compacted:
    dialect = dialect_of(connection)
    if not dialect.vacuums_tables:
        return Compacted(())
    tables = touched_tables(requests)
    try:
        with dialect.bounded_waits(LOCK_SECONDS):
            forgotten = _renew_statistics(tables, (), renew)
            asked = statistics.ask(requests)
            if asked.found:
                # Of a table from which no step took anything, or of rows that the sample did not meet.
                more = sorted({each.table for each in asked.found if each.table})
                indexes = [each.index for each in asked.found if each.index is not None]
                again = _renew_statistics(more, indexes, renew)
                forgotten = Forgotten((*forgotten.postponed, *again.postponed), (*forgotten.refused, *again.refused))
                asked = statistics.ask(requests)
    except CouldNotLook as error:
        logger.warning("the statistics could not be asked: %s", error)
        return Compacted(tuple(tables), finished=False)
    except DatabaseError as error:
        if not dialect.may_pass(error):
            raise
        return Compacted(tuple(tables), finished=False)
    for each in asked.found:
        logger.warning("a statistic knows somebody who was purged: %s, %s", each.relation, each.column)
    finished = not asked.found and not forgotten.postponed
    return Compacted(tuple(tables), finished, unreached=(*asked.unreached, *forgotten.refused))


def _renew_statistics(tables: Sequence[str], indexes: Sequence[int], renew: Callable[[], None]) -> Forgotten:
    dialect = dialect_of(connection)
    for table in tables:
        renew()
        dialect.vacuum(table)
        dialect.analyze(table)
    renew()
    return dialect.forget_statistics(tables, indexes)


def _are_done(requests: Iterable[PurgeRequest], unreached: Iterable[str]) -> None:
    with transaction.atomic():
        rows = PurgeRequest.across_accounts.select_for_update().order_by("pk")
        wanted = rows.filter(pk__in=[purge_request.pk for purge_request in requests], status=Status.COMPLETED)
        if done := list(wanted):
            PurgeRequest.across_accounts.filter(pk__in=[each.pk for each in done]).update(compacted_at=timezone.now())
            note_statistics(done, unreached)


@dataclass(frozen=True)
class Rewritten:
    """``tables``: those that were written anew, as statements say them; ``left``: those that were not, and why.
    ``holders``: who may still look at the database as it was: nothing was done. ``finished``: False where something is
    left, or SQLite's log could not be emptied."""

    tables: tuple[str, ...] = ()
    left: tuple[tuple[Piece, Outcome], ...] = ()
    holders: tuple[Holder, ...] = ()
    finished: bool = True


class BehindPooler(Exception):
    """A session setting would stay with a session that somebody else has then: no lock can be waited for in bounds."""


def rewrite(
    tables: Sequence[str],
    *,
    requests: Sequence[PurgeRequest] = (),
    wait: float = LOCK_SECONDS,
    told: Callable[[Sequence[Holder]], None] | None = None,
    begun: Callable[[int, int, Piece], None] | None = None,
) -> Rewritten:
    """The thorough part, for an operator: these tables are written anew with their indexes, one by one, and what the
    planner remembers; each keeps others waiting for as long as it takes, but where ``pg_repack`` does it. On SQLite the
    whole file is written anew, while writers wait.

    ``requests``: took something from no other tables; where nothing is left, it is noted of each that is completed.
    ``wait``: for how many seconds at most others' transactions are waited for, and then each lock. ``told``: called
    with those who are in the way; ``begun``: with number, count and table before each. Raises :class:`BehindPooler`.
    """
    dialect, moment = dialect_of(connection), timezone.now()
    rewriting = dialect.rewriting()
    if rewriting is None:
        finished = dialect.rewrite_file()
        if finished:
            note_overwritten(requests, begun=moment)
        return Rewritten(tuple(tables), finished=finished)
    if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        raise BehindPooler
    mark = dialect.horizon()
    holders = wait_for_holders(mark, wait, told, of_a_copy=True) if mark is not None else []
    if holders:
        return Rewritten(holders=tuple(holders), finished=False)
    done: list[str] = []
    left: list[tuple[Piece, Outcome]] = []
    pieces = rewriting.pieces(tables)
    in_the_way = False
    with dialect.bounded_waits(max(1.0, wait)):
        for number, piece in enumerate(pieces, start=1):
            if begun is not None:
                begun(number, len(pieces), piece)
            if piece.name == REMEMBERED[0]:
                # What ANALYZE could not renew goes before the tables that remember are written anew themselves. What it
                # did renew was replaced just now: who came since the first wait may still be shown it.
                dialect.forget_statistics(tables)
                mark = dialect.horizon()
                in_the_way = mark is not None and bool(wait_for_holders(mark, wait, told, of_a_copy=True))
            outcome = Outcome.BUSY if in_the_way else rewriting.rewrite(piece, wait=wait)
            if outcome == Outcome.DONE:
                done.append(piece.name)
            else:
                left.append((piece, outcome))
    if not left:
        note_overwritten(requests, begun=moment)
    return Rewritten(tuple(done), tuple(left), finished=not left)


# ---------------------------------------------------------------- told


def clean_up_texts() -> tuple[str, ...]:
    """Who keeps the disk space of finished purges, for those who can end it; nothing while nobody does."""
    number, holders = held_back()
    return tuple(_holder_text(holder, number) for holder in holders[:MOST_NAMED])


def holder_text(holder: Holder) -> str:
    """Who is in the way of the clean-up, since when, and what ends it."""
    age = _("for %(age)s") % {"age": _age_text(holder.seconds)} if holder.seconds is not None else _("for unknown time")
    return str(_SAYS[holder.kind]) % {"name": holder.name, "age": age}


def _holder_text(holder: Holder, number: int) -> str:
    waits = ngettext(
        "The disk space of %(n)d completed purge is not overwritten yet.",
        "The disk space of %(n)d completed purges is not overwritten yet.",
        number,
    ) % {"n": number}
    return f"{waits} {holder_text(holder)}"


def left_text(piece: Piece, outcome: Outcome) -> str:
    """Why a table was not written anew, and what helps."""
    return str(_LEFT[outcome]) % {"table": piece.name, "size": size_text(piece.size * TIMES)}


def size_text(size: int) -> str:
    return _("%(n)s MB") % {"n": max(1, round(size / 1_000_000))}


_LEFT: Final = {
    Outcome.BUSY: gettext_lazy("%(table)s was in use all the time: run this again in a quiet minute."),
    Outcome.NO_ROOM: gettext_lazy(
        "%(table)s was not written anew: that takes up to %(size)s on the disk for a while, and there is less. Make "
        "room, and run this again."
    ),
    Outcome.NOT_OURS: gettext_lazy("%(table)s was not written anew: another role owns it, which has to run this."),
}


def _age_text(seconds: int) -> str:
    for size, one, many in (
        (86_400, "%(n)d day", "%(n)d days"),
        (3_600, "%(n)d hour", "%(n)d hours"),
        (60, "%(n)d minute", "%(n)d minutes"),
    ):
        if seconds >= size * 2:
            return ngettext(one, many, seconds // size) % {"n": seconds // size}
    return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}


_SAYS: Final = {
    Kind.SESSION: gettext_lazy(
        "Database session %(name)s has been in one transaction %(age)s, which blocks the clean-up: end it."
    ),
    Kind.PREPARED: gettext_lazy(
        "Prepared transaction %(name)s (pg_prepared_xacts) has been open %(age)s, which blocks the clean-up: commit it "
        "or roll it back."
    ),
    Kind.SLOT: gettext_lazy(
        "Replication slot %(name)s holds old rows back %(age)s, which blocks the clean-up: let its standby catch up, "
        "or drop it."
    ),
    Kind.STANDBY: gettext_lazy(
        "A standby (process %(name)s) reports transactions that need old rows %(age)s, which blocks the clean-up: end "
        "them there."
    ),
    Kind.ELSEWHERE: gettext_lazy(
        "Transaction %(name)s in another database of this server has been open %(age)s, which keeps tables from being "
        "written anew: end it there."
    ),
    Kind.READER: gettext_lazy(
        "Somebody reads the database without a pause, so that its write-ahead log could not be emptied: end that."
    ),
}
