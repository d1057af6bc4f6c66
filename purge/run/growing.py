"""What turns out to be more than it was at acceptance: people who were overlooked join the request, and rows of other
accounts are counted when the plan is made, if the guards let that many through.

Where they do not, what it would do in other accounts is split off, like what has to wait from the beginning
(:mod:`purge.services.accepting`): a request of no account, which support sees beside the first and its account does
not. The first one goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from purge.choices import Fate, IdentifierKind, Origin, Reach, Reason
from purge.hashing import FOLDED, keyed_hash
from purge.host import Person, get_host
from purge.journal.lines import LATE, LET_GO, journal_acceptance, journal_people
from purge.models import Identifier, PurgeRequest, Subject
from purge.references import new_reference
from purge.routes.capturing import Captured, store
from purge.routes.guards import reached_elsewhere, reached_of, reason_to_hold_again
from purge.routes.policy import policy_for, within
from purge.routes.scope import DOOMED_REASONS
from purge.routes.searched_for import remember_addresses
from purge.routes.targets import Target, add_subjects, matches_of, overlooked_at
from purge.run.claims import hold, note
from purge.run.freezing import give_back
from purge.run.notifications import notify_trouble
from purge.run.transitions import accept
from purge.steps.plan import stored_steps
from purge.thoroughness.recording import note_applications


@dataclass(frozen=True)
class Grown:
    """A request has got more people. ``held``: why an operator has to look before it goes on; empty: it goes on."""

    held: str


def add_overlooked(purge_request: PurgeRequest) -> Grown | None:
    """Add users who had the identifier at acceptance, and were committed at that moment; None: there is none.

    Whoever was added, or got the identifier, after acceptance is no part of the request.
    """
    if purge_request.replays:
        return None  # asked again are the people of the purge log, and nobody beside them
    # What an earlier release captured may be the key of two people: nobody is added by it.
    identifiers = Identifier.objects.filter(request=purge_request, match=True, account_id=None).exclude(form=FOLDED)
    emails = [value for kind, value in identifiers.values_list("kind", "value") if kind == IdentifierKind.EMAIL]
    logins = [value for kind, value in identifiers.values_list("kind", "value") if kind == IdentifierKind.LOGIN]
    if not (emails or logins):
        return None
    targets = matches_of(purge_request, emails=emails, adobe_ids=logins)
    parts = Q(request=purge_request) | Q(request__part_of=purge_request)
    known = set(Subject.objects.filter(parts).values_list("person_id", flat=True))
    unknown = [target for target in targets if target.person.id not in known]
    if unknown:
        # Accounts that became trials since: their people were out of reach when it was accepted, and stay so.
        young = {pk for pk, changed in get_host().became_trial().items() if changed > purge_request.accepted_at}
        unknown = [target for target in unknown if target.person.account_id not in young]
    overlooked = overlooked_at(purge_request.accepted_at, unknown, keys=[*emails, *logins])
    if not overlooked:
        return None
    # What has grown is not what was let through: where the guards say so it waits again, and takes nobody before.
    before = list(purge_request.subjects.values_list("account_id", "role"))
    reached = [*before, *reached_of(overlooked)]
    held = reason_to_hold_again(purge_request, reached)
    if held and purge_request.account_id is not None:
        # What an account asked for is done in it whatever is found elsewhere, and it reads the same.
        elsewhere = [target for target in overlooked if target.person.account_id != purge_request.account_id]
        note(purge_request, "split_off", people=len(elsewhere))
        split_off(purge_request, elsewhere, held=held)
        overlooked = [target for target in overlooked if target.person.account_id == purge_request.account_id]
        reached, held = [*before, *reached_of(overlooked)], ""
        if not overlooked:
            return None
    add_subjects(purge_request, overlooked, begins=not held)
    going = [target.person for target in overlooked if target.reason in DOOMED_REASONS]
    if going:
        journal_people(purge_request, LATE, people=going)
    note_applications(purge_request)
    note(purge_request, "grown", people=len(overlooked))
    PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(
        other_account_count=reached_elsewhere(purge_request.account_id, reached),
        kept_count=sum(1 for _account, reason in reached if reason == Reason.KEPT),
    )
    return Grown(held)


def split_off(purge_request: PurgeRequest, targets: Sequence[Target], *, held: str, rows: int = 0) -> PurgeRequest:
    """These people as a request that waits for an operator, in the caller's transaction. Nobody is frozen. ``rows``:
    those that it would change beside.

    What is known of the people in the requesting account alone is no business of this part. Raises OSError when its
    line does not reach the purge log.
    """
    doomed = [target for target in targets if target.reason in DOOMED_REASONS]
    part = accept(
        reference=new_reference(),
        route=purge_request.route,
        origin=Origin.ELSEWHERE,
        reach=Reach.OTHERS,
        part_of=purge_request,
        held=held,
        policy=within(policy_for(purge_request), Reach.OTHERS).as_json(),
        key_fingerprint=purge_request.key_fingerprint,
        accepted_at=purge_request.accepted_at,
        due_at=purge_request.due_at,
        other_account_count=reached_elsewhere(None, reached_of(targets)),
        other_row_count=rows,
        kept_count=len(targets) - len(doomed),
        people_left=len(doomed),
    )
    everywhere = purge_request.identifiers.filter(
        kind__in=(IdentifierKind.EMAIL, IdentifierKind.LOGIN), account_id=None
    ).exclude(form=FOLDED)
    store(
        part,
        [
            Captured(IdentifierKind(kind), key, match=match)
            for kind, key, match in everywhere.values_list("kind", "value", "match")
        ],
        only_hashed=[Captured(IdentifierKind.PUBLIC_ID, target.person.public_id) for target in doomed],
    )
    remember_addresses(part, [target.person for target in doomed])
    add_subjects(part, list(targets), begins=False)
    note(part, "accepted", people=len(doomed), own=0, route=str(part.route))
    note(part, "held", reason=held)
    notify_trouble(part, "held")
    journal_acceptance(part, people=[target.person for target in doomed])
    return part


# ---------------------------------------------------------------- rows of other accounts


def rows_elsewhere(purge_request: PurgeRequest) -> int:
    """How many rows of other accounts a stored plan changes because of what stands in them; the rows of people who go
    are theirs, and those are counted as people."""
    if purge_request.reach == Reach.OWN:
        return 0
    elsewhere = stored_steps(purge_request, but_own=True)
    return sum(row.planned - row.own_planned for row, step in elsewhere if not step.by_key)


def divide_or_hold(purge_request: PurgeRequest, rows: int) -> bool:
    """With its plan counted, and nothing done: whether the request is another one now, or waits. In the caller's
    transaction; raises OSError when a line does not reach the purge log.

    ``rows``: of :func:`rows_elsewhere`. What an operator has let through goes on; and an account's own request goes on
    in its account.
    """
    if purge_request.released_at is not None or purge_request.reach == Reach.OWN:
        return False
    reached = list(purge_request.subjects.values_list("account_id", "role"))
    reason = reason_to_hold_again(purge_request, reached, rows=rows)
    if not reason:
        return False
    if purge_request.account_id is not None:
        _divide(purge_request, purge_request.account_id, reason, rows)
        return True
    give_back(purge_request)
    purge_request.subjects.filter(role__in=DOOMED_REASONS).update(fate=Fate.WAITING, frozen_at=None)
    hold(purge_request, reason)
    return True


def _divide(purge_request: PurgeRequest, account_id: int, reason: str, rows: int) -> None:
    others = purge_request.subjects.exclude(account_id=account_id)
    reasons = {person_id: Reason(role) for person_id, role in others.values_list("person_id", "role")}
    people = get_host().people(list(reasons))
    give_back(purge_request, but_of=account_id)
    others.delete()
    _forget(purge_request, account_id, people)
    split_off(purge_request, [Target(person, reasons[person.id]) for person in people], held=reason, rows=rows)
    going = [person for person in people if reasons[person.id] in DOOMED_REASONS]
    if going:
        journal_people(purge_request, LET_GO, people=going)
    note(purge_request, "split_off", people=len(people))
    purge_request.steps.all().delete()
    mine = purge_request.subjects
    PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(
        reach=Reach.OWN,
        policy=within(policy_for(purge_request), Reach.OWN).as_json(),
        other_account_count=0,
        kept_count=mine.filter(role=Reason.KEPT).count(),
        people_left=mine.filter(role__in=DOOMED_REASONS).count(),
    )


def _forget(purge_request: PurgeRequest, account_id: int, people: Sequence[Person]) -> None:
    """What was captured of people of other accounts is theirs, and not looked for in this one."""
    ids = [person.id for person in people]
    for known in (purge_request.identifiers, purge_request.identifier_sets, purge_request.hashes):
        known.filter(person_id__in=ids).delete()
    purge_request.identifiers.filter(account_id__isnull=False).exclude(account_id=account_id).delete()
    purge_request.hashes.filter(only_account_id__isnull=False).exclude(only_account_id=account_id).delete()
    going = purge_request.subjects.values_list("person_id", flat=True)
    own = {person.adobe_key for person in get_host().people(list(going))}
    logins = {person.adobe_key for person in people if person.adobe_key} - own
    purge_request.identifiers.filter(kind=IdentifierKind.LOGIN, value__in=logins, match=False).delete()
    digests = [keyed_hash(IdentifierKind.LOGIN, login) for login in logins]
    digests += [keyed_hash(IdentifierKind.PUBLIC_ID, person.public_id) for person in people]
    purge_request.hashes.filter(
        person_id=None, kind__in=(IdentifierKind.LOGIN, IdentifierKind.PUBLIC_ID), digest__in=digests, match=False
    ).delete()
