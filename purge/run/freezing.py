"""Taking people out of use when a request may begin for them, and giving them back when it is called off.

A request that waits takes nothing: nobody is frozen, no session ends, no key or import link stops working. What is
taken when it begins can all be given back, until its plan is made.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from purge.choices import OPEN_STATUSES, Fate, IdentifierKind, Reason
from purge.host import PersonState, get_host
from purge.journal.lines import LET_GO, journal_people
from purge.models import PurgeRequest, Subject
from purge.routes.scope import DOOMED_REASONS, current_key
from purge.routes.targets import matches_of
from purge.run.claims import note


def begin(purge_request: PurgeRequest) -> None:
    """Freeze the people of a request that has waited, in the caller's transaction.

    Whoever is no longer what they were when it was accepted is let go: somebody selected who is not deleted any more,
    a match who does not match any more. Nobody comes in.
    """
    host = get_host()
    waiting = {
        subject.person_id: subject
        for subject in purge_request.subjects.filter(role__in=DOOMED_REASONS, fate=Fate.WAITING, frozen_at=None)
    }
    people = {person.id: person for person in host.lock_people(sorted(waiting))}
    still = _still_reached(purge_request)
    let_go = [
        person_id
        for person_id, subject in waiting.items()
        if person_id in people
        and (
            people[person_id].earlier_state != PersonState.DELETED
            if subject.role == Reason.SELECTED
            else person_id not in still
        )
    ]
    purge_request.subjects.filter(person_id__in=let_go).update(fate=Fate.RELEASED)
    if let_go:
        of_a_person = (IdentifierKind.PUBLIC_ID, IdentifierKind.UNIQUE_ID)
        purge_request.identifiers.filter(kind__in=of_a_person, person_id__in=let_go).delete()
        purge_request.identifier_sets.filter(person_id__in=let_go).delete()
        note(purge_request, "let_go", people=len(let_go))
        journal_people(purge_request, LET_GO, people=[people[person_id] for person_id in let_go])
    going = [person for person_id, person in people.items() if person_id not in let_go]
    for state in {person.earlier_state for person in going}:
        ids = [person.id for person in going if person.earlier_state == state]
        purge_request.subjects.filter(person_id__in=ids).update(frozen_at=timezone.now(), earlier_state=state)
    host.freeze(going, accepted_at=purge_request.accepted_at)
    left = purge_request.subjects.filter(role__in=DOOMED_REASONS, fate__in=(Fate.WAITING, Fate.STUCK)).count()
    PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(people_left=left)


def _still_reached(purge_request: PurgeRequest) -> set[int]:
    matching = purge_request.identifiers.filter(match=True, local=False).values_list("kind", "value", "form")
    identifiers = [(kind, current_key(value, form)) for kind, value, form in matching]
    found = matches_of(
        purge_request,
        emails=[value for kind, value in identifiers if kind == IdentifierKind.EMAIL],
        adobe_ids=[value for kind, value in identifiers if kind == IdentifierKind.LOGIN],
    )
    return {target.person.id for target in found}


def give_back(purge_request: PurgeRequest, *, but_of: int | None = None, only: Collection[int] | None = None) -> None:
    """Let go of everybody, in the caller's transaction: states and import links as they were before.

    A freeze lasts until the last request that holds the person, or the account's links, has ended. ``but_of``: people
    of this account stay in the request; ``only``: all but these people do.
    """
    host = get_host()
    doomed = purge_request.subjects.filter(role__in=DOOMED_REASONS)
    if but_of is not None:
        doomed = doomed.exclude(account_id=but_of)
    if only is not None:
        doomed = doomed.filter(person_id__in=only)
    frozen = dict(doomed.filter(frozen_at__isnull=False).values_list("person_id", "account_id"))
    others = Subject.objects.filter(request__status__in=OPEN_STATUSES, frozen_at__isnull=False).exclude(
        request=purge_request
    )
    held = set(
        others.filter(person_id__in=frozen, fate__in=(Fate.WAITING, Fate.STUCK)).values_list("person_id", flat=True)
    )
    host.unfreeze([person_id for person_id in frozen if person_id not in held])
    accounts = set(frozen.values())
    until: dict[int, datetime] = dict(
        others.filter(account_id__in=accounts)
        .order_by()
        .values_list("account_id")
        .annotate(latest=Max("request__accepted_at"))
    )
    host.revive_links({account_id: until.get(account_id) for account_id in accounts})
    doomed.update(fate=Fate.RELEASED)
