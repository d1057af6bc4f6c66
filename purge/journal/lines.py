"""What the purge log tells of a request: the lines that a restored backup will need one day.

Two kinds of lines (README.md has the format). *Written ahead*: ``accepted``, ``late`` (people who were overlooked then)
and ``let_go`` (people who stay after all) say who goes; they are on the disk before the transaction commits, so no
purge is under way of which the log knows nothing. *Outcomes*: ``committed``, ``completed``, ``cancelled`` follow the
commit. A line that was written ahead and has no outcome is void: its transaction was rolled back. An outcome that a
killed process did not write is added by the reconciler, from :class:`purge.models.JournalMark`.

No names and no addresses: numbers, random public ids, keyed hashes.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from purge.choices import Status
from purge.host import Person, get_host
from purge.installation.identity import installation
from purge.journal import chains
from purge.models import JournalMark, PurgeRequest
from purge.rules.fingerprint import rules_fingerprint

logger = logging.getLogger(__name__)

ACCEPTED, LATE, LET_GO = "accepted", "late", "let_go"
COMMITTED, COMPLETED, CANCELLED = "committed", "completed", "cancelled"
#: Lines that tell what has happened: what they say, the database of that moment knew.
OUTCOMES: Final = frozenset({COMMITTED, COMPLETED, CANCELLED})
#: So long the process that committed has time to write its line itself; and lines added in one round.
GRACE = timedelta(seconds=10)
MOST_ADDED = 2_000


def journal_acceptance(purge_request: PurgeRequest, *, people: Collection[Person]) -> None:
    """Write a request ahead, within its transaction, as the last thing that can fail.

    Raises OSError when the line did not reach the disk: nothing may be committed then.
    """
    owner = installation().pk
    place = chains.append(
        owner,
        {
            "event": ACCEPTED,
            "at": purge_request.accepted_at.isoformat(),
            "request": purge_request.reference,
            "n": 1,
            "route": str(purge_request.route),
            "account": purge_request.account_id,
            **_people(people, purge_request.account_id),
            **_asked(purge_request),
            "hashes": _hashes(purge_request),
            "key": purge_request.key_fingerprint,
            "rules": rules_fingerprint(),
        },
        to_disk=True,
    )
    mark = JournalMark.objects.create(request=purge_request, chain=place.chain, seq=place.seq)
    _append_after_commit(owner, purge_request, COMMITTED, mark)


def journal_people(purge_request: PurgeRequest, event: str, *, people: Collection[Person]) -> None:
    """People who come into an accepted request or leave it, ahead of the commit. Raises OSError, as above.

    The caller's transaction holds the request's lock.
    """
    mark = _raised(purge_request)
    before = [mark.chain, mark.seq] if mark.chain else None
    owner = installation().pk
    place = chains.append(
        owner,
        {
            "event": event,
            "at": mark.changed_at.isoformat(),
            "request": purge_request.reference,
            "n": mark.reached,
            **_people(people, purge_request.account_id),
            "rules": rules_fingerprint(),
            "changes": before,
        },
        to_disk=True,
    )
    mark.chain, mark.seq = place.chain, place.seq
    mark.save(update_fields=["chain", "seq"])
    _append_after_commit(owner, purge_request, COMMITTED, mark)


def journal_outcome(purge_request: PurgeRequest, event: str) -> None:
    """A request is completed or cancelled: its transaction says so, the line follows the commit."""
    _append_after_commit(installation().pk, purge_request, event, _raised(purge_request))


def _people(people: Collection[Person], account_id: int | None) -> dict[str, Any]:
    """Row numbers are given out anew after a restore; the public ids beside them are not, and nobody else of this
    number was added at this moment. (Lines of before have no moment.)"""
    ids = {person.account_id for person in people} | ({account_id} if account_id is not None else set())
    accounts = get_host().accounts(ids)
    return {
        "accounts": {str(each): accounts[each].public_id for each in sorted(ids) if each in accounts},
        "people": [
            [person.id, person.public_id, person.account_id, person.added_at.isoformat()]
            for person in sorted(people, key=_number)
        ],
    }


def _asked(purge_request: PurgeRequest) -> dict[str, Any]:
    """What it takes to ask for the same again: how far it reaches, of what it is a part, why it waits, until when."""
    facts: dict[str, Any] = {"reach": str(purge_request.reach), "due": purge_request.due_at.isoformat()}
    if purge_request.initiator_id is not None:
        by = get_host().people([purge_request.initiator_id])
        facts["by"] = [[person.id, person.public_id] for person in by]
    if purge_request.part_of is not None:
        facts["part_of"] = purge_request.part_of.reference
    if purge_request.held_reason:
        facts["held"] = purge_request.held_reason
    if purge_request.replays:
        facts |= {"replays": purge_request.replays, "first": purge_request.asked_at.isoformat()}
    return facts


def _hashes(purge_request: PurgeRequest) -> list[list[Any]]:
    """Each keyed hash once for each place where it counts: (kind, hash, normal form, where it is taken out, whether
    people were chosen by it, on which account's list)."""
    stored = purge_request.hashes.values_list(
        "kind", "digest", "form", "taken_out", "only_account_id", "match", "account_id"
    )
    said = {
        (str(kind), digest, form, only if taken_out else False, match, listed)
        for kind, digest, form, taken_out, only, match, listed in stored
    }
    return [list(each) for each in sorted(said, key=repr)]


def _number(person: Person) -> int:
    return person.id


def _raised(purge_request: PurgeRequest) -> JournalMark:
    """The request's mark, one step further. The caller's transaction holds the request's lock."""
    mark, made = JournalMark.objects.get_or_create(request=purge_request, defaults={"reached": 2})
    if not made:
        mark.reached, mark.changed_at = mark.reached + 1, timezone.now()
        mark.save(update_fields=["reached", "changed_at"])
    return mark


# ---------------------------------------------------------------- after the commit


def _append_after_commit(owner: uuid.UUID, purge_request: PurgeRequest, event: str, mark: JournalMark) -> None:
    line = _outcome(purge_request.reference, event, mark)

    def write() -> None:
        _append(owner, line)

    # A function, no partial: of one that raises Django asks the name, and a partial has none
    # (findings/django-on-commit-robust-partial.sh).
    transaction.on_commit(write, robust=True)


def _outcome(reference: str, event: str, mark: JournalMark) -> dict[str, Any]:
    line = [mark.chain, mark.seq] if mark.chain else None
    return {
        "event": event,
        "at": timezone.now().isoformat(),
        "request": reference,
        "n": mark.reached,
        "confirms": line,
    }


def _append(owner: uuid.UUID, line: dict[str, Any]) -> None:
    """Not forced to the disk: nobody waits here, and the reconciler forces it before it counts on it."""
    try:
        chains.append(owner, line, to_disk=False)
    except OSError as error:
        logger.warning("purge log: a line could not be written (%s); it is added later", type(error).__name__)


def add_missing(*, grace: timedelta = GRACE) -> int:
    """Write the outcomes that the log lacks: their process was killed between commit and line. How many.

    Raises OSError. A line that is written twice does no harm: it says the same.
    """
    marks = (
        JournalMark.objects.filter(written__lt=F("reached"), changed_at__lte=timezone.now() - grace)
        .select_related("request")
        .order_by("changed_at")[:MOST_ADDED]
    )
    events = {Status.COMPLETED: COMPLETED, Status.CANCELLED: CANCELLED}
    owner = installation().pk
    for mark in marks:
        event = events.get(Status(mark.request.status), COMMITTED)
        chains.append(owner, _outcome(mark.request.reference, event, mark), to_disk=False)
    return len(marks)
