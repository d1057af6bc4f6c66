"""The life of a request: one table of the moves between statuses, and the only functions that make them.

Each function is one conditional update: its WHERE names the statuses that its arrows leave from. A move that the table
does not have, and one that somebody else was quicker to make impossible, change nothing and raise
:class:`IllegalTransition`. ``manage.py purge_transitions`` draws the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import or_
from string import ascii_lowercase
from typing import Any

from django.db.models import Q
from django.utils import timezone

from purge.choices import Status
from purge.installation.releases import note_release
from purge.models import PurgeRequest
from purge.rules.release import this_release


class Verb(StrEnum):
    """What happens to a request; the names of this module's functions."""

    ACCEPT = "accept"
    ACCEPT_HELD = "accept held"
    RELEASE = "release"
    START = "start"
    HOLD = "hold"
    VERIFY = "verify"
    AWAIT_CHECK = "await check"
    RUN_AGAIN = "run again"
    COMPLETE = "complete"
    FIND_RESIDUE = "find residue"
    STOP = "stop"
    RETRY = "retry"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Arrow:
    """``source``: None for a request that is not there yet. ``only``: what else must be true of the row.

    ``when``: who makes this move and why, for the diagram.
    """

    source: Status | None
    target: Status
    verb: Verb
    when: str
    only: Q | None = None


#: What can be given back is given back: nothing was counted yet, so nothing was treated.
_NOT_BEGUN = Q(planned=False)
#: Nobody works on it: a failure was reported, and its next attempt is due later.
_PAUSING = Q(next_attempt_at__isnull=False)

#: In the order of a life without trouble; what goes wrong and what people do about it afterwards.
ARROWS = (
    Arrow(None, Status.QUEUED, Verb.ACCEPT, "accepted; its people are frozen"),
    Arrow(None, Status.HELD, Verb.ACCEPT_HELD, "accepted, and waits for the platform's check; nobody is frozen"),
    Arrow(Status.HELD, Status.QUEUED, Verb.RELEASE, "an operator lets it go on, or what it waited for was proved"),
    Arrow(Status.QUEUED, Status.RUNNING, Verb.START, "a worker claims it"),
    Arrow(Status.RUNNING, Status.VERIFYING, Verb.VERIFY, "no step, file or person is left"),
    Arrow(Status.VERIFYING, Status.COMPLETED, Verb.COMPLETE, "nothing was found"),
    Arrow(
        Status.VERIFYING,
        Status.ERASED,
        Verb.AWAIT_CHECK,
        "nothing was found where an index looks; all texts of a large database are read in the next pass",
    ),
    Arrow(Status.ERASED, Status.COMPLETED, Verb.COMPLETE, "the pass over every text found nothing"),
    Arrow(
        Status.VERIFYING,
        Status.RUNNING,
        Verb.RUN_AGAIN,
        "something was found that a rule treats: the plan is run again, three times at most",
    ),
    Arrow(Status.VERIFYING, Status.RESIDUE, Verb.FIND_RESIDUE, "something was found again, or nothing treats it"),
    Arrow(
        Status.ERASED,
        Status.RESIDUE,
        Verb.FIND_RESIDUE,
        "the pass found what its treatment did not take away, or what nothing treats",
    ),
    Arrow(
        Status.RUNNING,
        Status.HELD,
        Verb.HOLD,
        "somebody was overlooked at acceptance, and the guards do not let that many through",
    ),
    Arrow(
        Status.RUNNING,
        Status.NEEDS_ATTENTION,
        Verb.STOP,
        "it failed too often, its workers died too often, or somebody cannot be deleted",
    ),
    Arrow(Status.VERIFYING, Status.NEEDS_ATTENTION, Verb.STOP, "looking failed too often, or its workers died"),
    Arrow(Status.NEEDS_ATTENTION, Status.QUEUED, Verb.RETRY, "tried again by a person"),
    Arrow(Status.RESIDUE, Status.QUEUED, Verb.RETRY, "tried again by a person, who may have had it taken out"),
    Arrow(Status.RUNNING, Status.QUEUED, Verb.RETRY, "a person does not wait for its next attempt", _PAUSING),
    Arrow(Status.VERIFYING, Status.QUEUED, Verb.RETRY, "a person does not wait for its next attempt", _PAUSING),
    Arrow(Status.QUEUED, Status.QUEUED, Verb.RETRY, "a person does not wait for its next attempt", _PAUSING),
    Arrow(Status.COMPLETED, Status.RESIDUE, Verb.FIND_RESIDUE, "a later look found something"),
    Arrow(Status.RESIDUE, Status.RESIDUE, Verb.FIND_RESIDUE, "a later look found it again, or more"),
    Arrow(Status.RESIDUE, Status.COMPLETED, Verb.COMPLETE, "a pass over every text found nothing"),
    Arrow(Status.HELD, Status.CANCELLED, Verb.CANCEL, "called off before its plan was made", _NOT_BEGUN),
    Arrow(Status.QUEUED, Status.CANCELLED, Verb.CANCEL, "called off before its plan was made", _NOT_BEGUN),
)

#: The letter of each arrow in the diagram and in the list below it.
LETTERED: Mapping[str, Arrow] = dict(zip(ascii_lowercase, ARROWS, strict=False))


def allowed_next(status: Status | None) -> frozenset[Status]:
    """Where a request may go from here; None: where it may begin."""
    return frozenset(arrow.target for arrow in ARROWS if arrow.source == status)


class IllegalTransition(Exception):
    """A request is in no status from which this can happen to it (any more); nothing was changed."""

    def __init__(self, request_id: int, verb: Verb) -> None:
        super().__init__(f"purge request {request_id}: {verb}")
        self.request_id, self.verb = request_id, verb


# ---------------------------------------------------------------- the moves


def accept(*, held: str = "", **columns: Any) -> PurgeRequest:
    """Create a request. ``held``: why it has to wait for the platform's check; nothing: it is queued."""
    target = _target(Verb.ACCEPT_HELD if held else Verb.ACCEPT)
    note_release()
    return PurgeRequest.across_accounts.create(status=target, held_reason=held, begun_by=this_release(), **columns)


def release(purge_request: PurgeRequest, *, by_operator: bool = True) -> None:
    """An operator lets it through; since when it does not wait any more is kept for whoever reads about it. What goes
    on because of a proof was let through by nobody: the guards are asked again."""
    _move(purge_request, Verb.RELEASE, released_at=timezone.now() if by_operator else None, held_reason="")


def start(purge_request: PurgeRequest, *, at: datetime) -> None:
    """A worker that has claimed it begins."""
    _move(purge_request, Verb.START, started_at=purge_request.started_at or at, progress_at=at)


def hold(purge_request: PurgeRequest, *, reason: str) -> None:
    """It waits for an operator, whatever was released before."""
    _move(purge_request, Verb.HOLD, held_reason=reason, released_at=None, lease_until=None)


def verify(purge_request: PurgeRequest) -> None:
    """Nothing is left to do: what remains is to look."""
    _move(purge_request, Verb.VERIFY, progress_at=timezone.now())


def await_check(purge_request: PurgeRequest) -> None:
    """Nothing is left where an index looks: it completes with the next pass over every text that finds nothing."""
    _move(
        purge_request,
        Verb.AWAIT_CHECK,
        progress_at=timezone.now(),
        lease_until=None,
        next_attempt_at=None,
        error_class="",
        error_step="",
        crashes=0,
    )


def run_again(purge_request: PurgeRequest, *, verifications: int) -> None:
    """``verifications``: how often the plan was run because of what was found, this time included."""
    _move(purge_request, Verb.RUN_AGAIN, crashes=0, verifications=verifications)


def complete(purge_request: PurgeRequest, *, kept: int) -> None:
    """The proof is there: every text was read. ``kept``: people who stay."""
    now = timezone.now()
    _move(
        purge_request,
        Verb.COMPLETE,
        residue_left=0,
        people_left=0,
        steps_left=0,
        kept_count=kept,
        verified_at=now,
        patrolled_at=now,
        completed_at=now,
        compacted_at=None,
        horizon=None,
        lease_until=None,
        next_attempt_at=None,
        error_class="",
        error_step="",
        crashes=0,
    )


def find_residue(purge_request: PurgeRequest, *, left: int) -> None:
    """From now on only a clean pass over every text completes it. ``left``: places where something is."""
    _move(
        purge_request,
        Verb.FIND_RESIDUE,
        residue_left=left,
        reopened=True,
        lease_until=None,
        completed_at=None,
        patrolled_at=None,
    )


def stop(purge_request: PurgeRequest, *, error_class: str, step: str) -> None:
    """It does not go on before people have looked."""
    _move(purge_request, Verb.STOP, lease_until=None, error_class=error_class[:80], error_step=step[:120])


def retry(purge_request: PurgeRequest) -> None:
    """It is queued as if nothing had failed yet."""
    _move(
        purge_request,
        Verb.RETRY,
        attempts=0,
        crashes=0,
        verifications=0,
        next_attempt_at=None,
        files_locked_until=None,
        lease_until=None,
    )


def cancel(purge_request: PurgeRequest) -> None:
    """It is over, and nobody was purged."""
    _move(purge_request, Verb.CANCEL, lease_until=None, people_left=0)


def _target(verb: Verb) -> Status:
    """Where a verb leads; the same for all its arrows."""
    (target,) = {arrow.target for arrow in ARROWS if arrow.verb == verb}
    return target


def _move(purge_request: PurgeRequest, verb: Verb, **columns: Any) -> None:
    arrows = [arrow for arrow in ARROWS if arrow.verb == verb]
    sources = Q(status__in=[arrow.source for arrow in arrows if arrow.only is None])
    where = reduce(or_, (Q(status=arrow.source) & arrow.only for arrow in arrows if arrow.only is not None), sources)
    if not PurgeRequest.across_accounts.filter(where, pk=purge_request.pk).update(status=_target(verb), **columns):
        raise IllegalTransition(purge_request.pk, verb)
