"""The one transaction that accepts a purge: the identifiers that it is about, the request, its people, and the work."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from purge.addresses import identity_key
from purge.choices import (
    IdentifierKind,
    Origin,
    Reach,
    Reason,
    Route,
    Trust,
)
from purge.hashing import HashKeyMissing, fingerprint
from purge.host import Person, get_host
from purge.models import PurgeRequest
from purge.references import new_reference
from purge.register.notes import NO_NOTE, Note, write_note
from purge.routes.capturing import Captured, is_findable, note_writings, store
from purge.routes.guards import UNPROVED, reached_elsewhere, reached_of, reason_to_hold_elsewhere, trust_in
from purge.routes.kinds_of_accounts import no_kind_changes
from purge.routes.ownership import not_shared
from purge.routes.policy import Policy, within
from purge.routes.scope import DOOMED_REASONS, build_scope
from purge.routes.searched_for import remember_addresses
from purge.routes.targets import Target, add_subjects, in_reach
from purge.run.claims import note
from purge.run.notifications import notify_trouble
from purge.run.transitions import accept
from purge.services.checking import check_kinds
from purge.services.refusals import PurgeRefused
from purge.services.restoring import write_ahead
from purge.steps.impact import measure_impact
from purge.worker.queue import enqueue_request


@dataclass(frozen=True)
class Identities:
    """The identifiers captured at submission, as identity keys.

    ``emails``: taken out everywhere in scope and matched in trial accounts. ``other_addresses``: taken out everywhere,
    not matched (a login that is an address). ``former``: taken out in the requesting account only. ``logins``: taken
    out of settings everywhere in scope. ``match_logins``: an identity provider's login, matched in trial accounts.
    ``unique_ids``: hashed for look-ups. ``written``: an address as it was typed, where no user has it. What somebody
    who stays shares with them is in none but ``emails``.
    """

    emails: frozenset[str] = frozenset()
    other_addresses: frozenset[str] = frozenset()
    former: frozenset[str] = frozenset()
    logins: frozenset[str] = frozenset()
    match_logins: frozenset[str] = frozenset()
    unique_ids: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()


def emails_of(people: Iterable[Person]) -> frozenset[str]:
    return frozenset(person.email_key for person in people if person.email_key)


def identities_of(people: Iterable[Person], account_id: int, targets: Iterable[Target]) -> Identities:
    """What to take out for the selected people: emails and logins everywhere, former emails in their account."""
    people = list(people)
    emails = emails_of(people)
    adobe = frozenset(person.adobe_key for person in people if person.adobe_key)
    former = frozenset(key for person in people for key in person.former_keys)
    going = {target.person.id for target in targets if target.reason in DOOMED_REASONS}
    theirs = not_shared({account_id: (adobe | former) - emails}, going)[account_id]
    return Identities(
        emails=emails,
        other_addresses=frozenset(key for key in adobe & theirs if is_findable(key)),
        former=former & theirs,
        logins=frozenset(key for key in adobe & theirs if not is_findable(key)),
        unique_ids=frozenset(identity_key(person.unique_user_id) for person in people if person.unique_user_id),
    )


@dataclass(frozen=True)
class Again:
    """A purge that a restored backup undid, and that is asked for again. ``reference``, ``accepted_at``, ``due_at``: of
    it. ``remember``: stores with the new request what only the purge log knows of it."""

    reference: str
    accepted_at: datetime
    due_at: datetime
    remember: Callable[[PurgeRequest], None]


@dataclass(frozen=True)
class _Part:
    """What one request of a divided submission does elsewhere. ``held``: why it waits for an operator, if it does."""

    targets: list[Target]
    identities: Identities
    held: str


def accept_here_and_elsewhere(
    *,
    route: Route,
    policy: Policy,
    origin: str,
    account_id: int,
    acting_user: Any,
    targets: list[Target],
    identities: Identities,
    token: uuid.UUID | None,
    again: Again | None = None,
    noted: Note = NO_NOTE,
) -> PurgeRequest:
    """Accept a submission: one request, or several where something has to wait because of other accounts.

    The first then works in its own account alone and begins at once; the others do everything elsewhere: what is about
    addresses that the account has proved to be its own, and the rest, which waits. Its account never hears of them.
    """
    here, parts = _divided(policy, account_id, acting_user, targets, identities)
    first = accept_request(
        route=route,
        policy=policy,
        origin=origin,
        account_id=account_id,
        acting_user=acting_user,
        targets=[target for target in targets if in_reach(target, here, account_id)],
        identities=identities,
        token=token,
        reach=here,
        again=again,
        noted=noted,
    )
    for part in parts:
        accept_request(
            route=route,
            policy=policy,
            origin=Origin.ELSEWHERE,
            account_id=None,
            acting_user=None,
            targets=part.targets,
            identities=part.identities,
            reach=Reach.OTHERS,
            part_of=first,
            held=part.held,
        )
    return first


def _divided(
    policy: Policy, account_id: int, acting_user: Any, targets: Sequence[Target], identities: Identities
) -> tuple[Reach, list[_Part]]:
    """Where the first request of a submission works, and what the others do.

    What is not proved, and is in use nowhere else, is looked for nowhere else, and nobody has to be asked.
    """
    elsewhere = [target for target in targets if in_reach(target, Reach.OTHERS, account_id)]
    # What is known of the people in their own account alone is no business of what happens elsewhere.
    anywhere = replace(identities, former=frozenset(), unique_ids=frozenset())
    proved, unproved = by_proof(account_id, anywhere)
    theirs = [target for target in elsewhere if keys_of(target) & proved.emails]
    held = reason_to_hold_elsewhere(account_id, getattr(acting_user, "pk", None), reached_of(theirs))
    if unproved is None:
        return (Reach.OWN, [_Part(theirs, proved, held)]) if held else (Reach.EVERYWHERE, [])
    parts = [_Part(theirs, proved, held)] if proved.emails or proved.other_addresses else []
    others = [target for target in elsewhere if target not in theirs]
    if others or is_in_use_elsewhere(policy, account_id, unproved):
        parts.append(_Part(others, unproved, UNPROVED))
    return Reach.OWN, parts


def keys_of(target: Target) -> set[str]:
    return {key for key in (target.person.email_key, target.person.adobe_key) if key}


def by_proof(account_id: int, identities: Identities) -> tuple[Identities, Identities | None]:
    """What an account may take out of others, and what it has not proved: None where it need not, or has.

    A login that is no address can be proved by nobody.
    """
    if trust_in(get_host().accounts([account_id])[account_id].kind) == Trust.TRUSTED:
        return identities, None
    proved = get_host().proved(account_id, identities.emails | identities.other_addresses)
    yes = replace(
        identities,
        emails=identities.emails & proved,
        other_addresses=identities.other_addresses & proved,
        logins=frozenset(),
        match_logins=frozenset(),
    )
    no = replace(identities, emails=identities.emails - proved, other_addresses=identities.other_addresses - proved)
    if not (no.emails or no.other_addresses or no.logins or no.match_logins):
        return identities, None
    return yes, no


def is_in_use_elsewhere(policy: Policy, account_id: int, identities: Identities) -> bool:
    """Whether any row or file of another account names one of these."""
    written: dict[str, set[str]] = defaultdict(set)
    for writing in identities.written:
        written[identity_key(writing)].add(writing)
    scope = build_scope(
        within(policy, Reach.OTHERS),
        people=(),
        addresses=identities.emails | identities.other_addresses,
        logins=identities.logins,
        written=written,
        matched=identities.emails,
        account_id=None,
        excluded_account_id=account_id,
        accepted_at=timezone.now(),
    )
    return bool(measure_impact(scope, cap=0).lines)


def accept_request(
    *,
    route: Route,
    policy: Policy,
    origin: str,
    account_id: int | None,
    acting_user: Any,
    targets: list[Target],
    identities: Identities,
    token: uuid.UUID | None = None,
    external_reference: str | None = None,
    reach: Reach = Reach.EVERYWHERE,
    part_of: PurgeRequest | None = None,
    held: str = "",
    again: Again | None = None,
    noted: Note = NO_NOTE,
) -> PurgeRequest:
    """Create the request with all it captures, freeze the people, write the journal, queue the work.

    ``held``: why an operator has to look first; then nobody is frozen and nothing is queued. ``again``: what it asks
    for again; an operator does, so that no guard is asked a second time. ``noted``: for the register, checked.
    """
    try:
        key = fingerprint()
    except HashKeyMissing as error:
        raise PurgeRefused("hash_key", str(error)) from None
    no_kind_changes()
    check_kinds(policy, account_id, targets)
    now = timezone.now()
    doomed = [target for target in targets if target.reason in DOOMED_REASONS]
    reached = reached_of(targets)
    purge_request = accept(
        reference=new_reference(),
        route=route,
        origin=origin,
        account_id=account_id,
        reach=reach,
        part_of=part_of,
        initiator=acting_user,
        held=held,
        token=token,
        external_reference=external_reference,
        policy=within(policy, reach).as_json(),
        key_fingerprint=key,
        accepted_at=part_of.accepted_at if part_of else now,
        due_at=_due_at(now, part_of, again),
        replays=again.reference if again else "",
        first_accepted_at=again.accepted_at if again else None,
        first_due_at=again.due_at if again else None,
        released_at=now if again and not held else None,
        selected_count=sum(1 for target in targets if target.reason == Reason.SELECTED),
        other_account_count=reached_elsewhere(account_id, reached),
        kept_count=sum(1 for target in targets if target.reason == Reason.KEPT),
        people_left=len(doomed),
    )
    capture(purge_request, identities, targets)
    add_subjects(purge_request, targets, begins=not held)
    if again is not None:
        again.remember(purge_request)
    if not noted.is_empty:
        write_note(purge_request, noted, changed_by=acting_user)
    own = sum(1 for target in doomed if target.person.account_id == account_id)
    note(
        purge_request,
        "accepted",
        actor_id=getattr(acting_user, "pk", None),
        people=len(doomed),
        own=own,
        route=str(route),
    )
    if held:
        note(purge_request, "held", reason=held)
        notify_trouble(purge_request, "held")
    else:
        enqueue_request(purge_request.pk)
    # Last, so that a refusal by the database leaves no line; the file is forced to disk before the commit.
    write_ahead(purge_request, [target.person for target in doomed])
    return purge_request


def _due_at(now: datetime, part_of: PurgeRequest | None, again: Again | None) -> datetime:
    """What is asked for again was due when it was first asked for, if that is still to come."""
    if part_of is not None:
        return part_of.due_at
    return max(now, again.due_at) if again else now + timedelta(days=settings.PURGE_DUE_DAYS)


def capture(purge_request: PurgeRequest, identities: Identities, targets: Sequence[Target]) -> None:
    """Store the identifiers while they are needed, and their keyed hashes for good."""
    own = purge_request.account_id
    plain = [
        *(Captured(IdentifierKind.EMAIL, value, match=True) for value in identities.emails),
        *(Captured(IdentifierKind.EMAIL, value) for value in identities.other_addresses),
        *(Captured(IdentifierKind.EMAIL, value, own) for value in identities.former),
        *(Captured(IdentifierKind.LOGIN, value) for value in identities.logins),
        *(Captured(IdentifierKind.LOGIN, value, match=True) for value in identities.match_logins),
    ]
    going = [target.person.public_id for target in targets if target.reason in DOOMED_REASONS]
    # Of people, their own account knows each by all their identifiers (see add_subjects).
    store(
        purge_request,
        plain,
        only_hashed=[Captured(IdentifierKind.PUBLIC_ID, public_id) for public_id in going],
        listed_in=None if targets else own,
    )
    note_writings(purge_request, identities.written)
    remember_addresses(purge_request, [target.person for target in targets if target.reason in DOOMED_REASONS])
