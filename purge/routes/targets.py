"""Who goes and who is kept: a route's policy applied to the people of the platform, at this moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from purge.choices import Fate, IdentifierKind, Reach, Reason
from purge.host import Person, get_host
from purge.models import Identifier, PurgeRequest, Subject
from purge.routes.capturing import capture_gathered, capture_ids, gathered_of, note_writings
from purge.routes.policy import Policy, policy_for
from purge.routes.scope import DOOMED_REASONS
from purge.routes.searched_for import remember_addresses, remember_sets
from purge.routes.suppression import remember_people


@dataclass(frozen=True)
class Target:
    """A person in the scope of a request, and why."""

    person: Person
    reason: Reason


def resolve_targets(
    policy: Policy, *, selected: Collection[Person], emails: Iterable[str], adobe_ids: Iterable[str] = ()
) -> list[Target]:
    """The people that a purge reaches, in id order; each once, for the reason that decides what happens to the row.

    ``emails``: keys that a match may have as email or adobe_id; ``adobe_ids``: the same for an identity provider's
    login. A match who is the creator of the trial account they are a user of is kept or goes, as the policy says.
    """
    found: dict[int, Target] = {}
    if policy.delete_selected:
        found = {person.id: Target(person, Reason.SELECTED) for person in selected}
    if policy.delete_trial_matches:
        for target in _matches(policy, emails, adobe_ids):
            found.setdefault(target.person.id, target)
    return [found[person_id] for person_id in sorted(found)]


def _matches(policy: Policy, emails: Iterable[str], adobe_ids: Iterable[str]) -> Iterable[Target]:
    host = get_host()
    people = host.trial_matches(emails=list(emails), adobe_ids=list(adobe_ids))
    created = host.created_accounts([person.id for person in people])
    for person in people:
        if person.account_id not in created.get(person.id, ()):
            yield Target(person, Reason.MATCH)
        elif policy.delete_matching_creators:
            yield Target(person, Reason.CREATOR)
            if policy.delete_users_of_created_trials:
                yield from _members(person)
        else:
            yield Target(person, Reason.KEPT)


def _members(creator: Person) -> Iterable[Target]:
    """Everybody else in the trial account that the creator is a user of: there only, in no other account."""
    host = get_host()
    others = [person_id for person_id in host.members(creator.account_id) if person_id != creator.id]
    for person in host.people(others):
        yield Target(person, Reason.MEMBER)


def in_reach(target: Target, reach: str, account_id: int | None) -> bool:
    """Whether a person belongs to this part of a divided submission. ``account_id``: the requesting account."""
    match Reach(reach):
        case Reach.OWN:
            return target.person.account_id == account_id
        case Reach.OTHERS:
            return target.person.account_id != account_id
        case _everywhere:
            return True


def matches_of(purge_request: PurgeRequest, *, emails: Iterable[str], adobe_ids: Iterable[str] = ()) -> list[Target]:
    """Everybody whom a stored request reaches now without having been selected, within its reach."""
    found = resolve_targets(policy_for(purge_request), selected=(), emails=emails, adobe_ids=adobe_ids)
    account_id = purge_request.account_id if purge_request.part_of is None else purge_request.part_of.account_id
    return [target for target in found if in_reach(target, purge_request.reach, account_id)]


def overlooked_at(moment: datetime, targets: Iterable[Target], *, keys: Collection[str]) -> list[Target]:
    """Those of the people found now who were there at a moment, and had one of these identifiers then.

    A member of an account that is emptied has none of them: they have to have been there.
    """
    targets = list(targets)
    if not targets:
        return []
    had = {
        holder.person_id
        for holders in get_host().holders(None, keys).values()
        for holder in holders
        if holder.is_current and (holder.since is None or holder.since <= moment)
    }
    return [
        target
        for target in targets
        if (target.person.added_at <= moment if target.reason == Reason.MEMBER else target.person.id in had)
    ]


def add_subjects(purge_request: PurgeRequest, targets: list[Target], *, begins: bool = True) -> list[Target]:
    """Put people into a request. Returns the targets.

    ``begins``: those whose rows go are frozen at once; otherwise they stay what they are until the request may begin.
    """
    if not targets:
        return []
    doomed = [target.person for target in targets if target.reason in DOOMED_REASONS]
    now = timezone.now() if begins else None
    Subject.objects.bulk_create(
        [
            Subject(
                request=purge_request,
                person_id=target.person.id,
                account_id=target.person.account_id,
                role=target.reason,
                fate=Fate.KEPT if target.reason == Reason.KEPT else Fate.WAITING,
                earlier_state=target.person.earlier_state,
                frozen_at=None if target.reason == Reason.KEPT else now,
            )
            for target in targets
        ]
    )
    _capture_public_ids(purge_request, doomed)
    others = [
        target.person for target in targets if target.reason in DOOMED_REASONS and target.reason != Reason.SELECTED
    ]
    going = purge_request.subjects.filter(role__in=DOOMED_REASONS).values_list("person_id", flat=True)
    remember_people(purge_request, doomed, going=set(going))
    capture_gathered(purge_request, gathered_of(others, going=set(going)))
    capture_ids(purge_request, doomed)
    note_writings(purge_request, (writing for person in doomed for writing in person.writings))
    remember_sets(purge_request, doomed)
    if begins:
        get_host().freeze(doomed, accepted_at=purge_request.accepted_at)
    return targets


def complete_searched_for(purge_request: PurgeRequest) -> None:
    """Capture what a request of an earlier release has not: the digests of its addresses, and the IDs, logins and
    public ids of its people, as far as they are still there. Nothing where it has that already."""
    if purge_request.identifier_sets.exists():
        return
    subjects = purge_request.subjects.filter(role__in=DOOMED_REASONS).exclude(fate=Fate.RELEASED)
    people = get_host().people(list(subjects.values_list("person_id", flat=True)))
    _capture_public_ids(purge_request, people)
    capture_ids(purge_request, people)
    note_writings(purge_request, (writing for person in people for writing in person.writings))
    remember_sets(purge_request, people)
    remember_addresses(purge_request, people)


def _capture_public_ids(purge_request: PurgeRequest, people: Iterable[Person]) -> None:
    Identifier.objects.bulk_create(
        [
            Identifier(
                request=purge_request,
                kind=IdentifierKind.PUBLIC_ID,
                value=person.public_id,
                person_id=person.id,
                local=False,
                match=False,
            )
            for person in people
        ],
        ignore_conflicts=True,
    )
