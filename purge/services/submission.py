"""Preview and submission of deleted users, or of the address of somebody who is no user: what both ask, in order."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import identity_key
from purge.choices import (
    Origin,
    Reason,
    Route,
)
from purge.host import AccountFacts, Person, TenantKind, get_host
from purge.models import PurgeRequest
from purge.register.notes import NO_NOTE, Note
from purge.routes.capturing import gathered_of
from purge.routes.policy import Policy, policy_of
from purge.routes.scope import DOOMED_REASONS, Scope, build_scope
from purge.routes.targets import Target, resolve_targets
from purge.run.claims import note
from purge.services.accepting import Identities, accept_here_and_elsewhere, emails_of, identities_of
from purge.services.checking import (
    check_address,
    check_changed,
    check_matches_shown,
    check_number,
    check_oneself,
    check_paused,
    check_people,
    check_permission,
    check_storage,
    purged_account,
    refused_people,
    route_for,
)
from purge.services.following import check_operator
from purge.services.refusals import PurgeRefused
from purge.services.registering.notes import check_first_note
from purge.steps.impact import Impact, in_account_only, measure_impact


@dataclass
class Preview:
    """What a confirmation page shows: the people, and the impact in their own account.

    ``matches``: other users of the same account who go too, having an address or login of the selected; ``kept``: those
    who have, and stay. ``last_administrator``: whether the account has no active Administrator any more afterwards.
    """

    account: AccountFacts
    people: list[Person]
    impact: Impact
    policy: Policy
    scope: Scope = field(repr=False, default_factory=Scope)
    matches: list[Person] = field(default_factory=list)
    kept: list[Person] = field(default_factory=list)
    last_administrator: bool = False


def scope_before(policy: Policy, targets: Iterable[Target], identities: Identities, account_id: int | None) -> Scope:
    """What a request over these people would be asked with, before there is one."""
    doomed = [target for target in targets if target.reason in DOOMED_REASONS]
    ids = [target.person.id for target in doomed]
    gathered = gathered_of((target.person for target in doomed if target.reason != Reason.SELECTED), going=ids)
    own = dict(gathered.addresses)
    if account_id is not None:
        own[account_id] = own.get(account_id, frozenset()) | identities.former
    unique_ids: dict[int, set[str]] = defaultdict(set)
    written: dict[str, set[str]] = defaultdict(set)
    for target in doomed:
        if target.person.unique_user_id:
            unique_ids[target.person.account_id].add(identity_key(target.person.unique_user_id))
        for writing in target.person.writings:
            written[identity_key(writing)].add(writing)
    return build_scope(
        policy,
        people=ids,
        addresses=identities.emails | identities.other_addresses,
        own_addresses=own,
        logins=identities.logins | gathered.logins,
        ids=unique_ids,
        public_ids=[target.person.public_id for target in doomed],
        written=written,
        matched=identities.emails | identities.match_logins,
        account_id=account_id,
        losing_accounts={target.person.account_id for target in doomed},
        accepted_at=timezone.now(),
    )


def _own_targets(policy: Policy, people: Sequence[Person], account: AccountFacts) -> list[Target]:
    """The selected people and, in a trial account, its other users whom the route reaches by their addresses."""
    if account.kind != TenantKind.TRIAL:
        return [Target(person, Reason.SELECTED) for person in people]
    targets = resolve_targets(policy, selected=people, emails=emails_of(people))
    return [target for target in targets if target.person.account_id == account.id]


def purge_preview(*, acting_user: Any, account_id: int, user_ids: Sequence[int], in_full: bool = True) -> Preview:
    """The impact of purging these deleted users, in their account. Changes nothing.

    ``in_full``: see :func:`purge.steps.impact.measure_impact`.

    Raises :class:`PurgeRefused` for whatever :func:`purge_submit` would refuse.
    """
    user_ids = list(dict.fromkeys(user_ids))
    account = purged_account(account_id)
    check_permission(acting_user, account_id)
    check_number(user_ids)
    people = get_host().people(user_ids)
    check_people(people, user_ids, account_id)
    check_paused(acting_user, preview=True)
    check_storage(preview=True)
    policy = policy_of(route_for(account, Route.UI_ENTERPRISE, Route.UI_TRIAL))
    own = _own_targets(policy, people, account)
    check_oneself(acting_user, own)
    scope = in_account_only(scope_before(policy, own, identities_of(people, account_id, own), account_id), account_id)
    going = {target.person.id for target in own if target.reason in DOOMED_REASONS}
    administrators = set(get_host().administrators(account_id))
    return Preview(
        account,
        people,
        measure_impact(scope, in_full=in_full),
        policy,
        scope,
        matches=[
            target.person for target in own if target.reason in DOOMED_REASONS and target.reason != Reason.SELECTED
        ],
        kept=[target.person for target in own if target.reason == Reason.KEPT],
        last_administrator=bool(administrators) and administrators <= going,
    )


def purge_preview_address(*, acting_user: Any, account_id: int, address: str, in_full: bool = True) -> Preview:
    """Where an address of somebody who is no user is found in this account. Changes nothing.

    ``in_full``: see :func:`purge.steps.impact.measure_impact`.
    """
    account = purged_account(account_id)
    check_permission(acting_user, account_id)
    key = check_address(address, account_id)
    check_paused(acting_user, preview=True)
    check_storage(preview=True)
    policy = policy_of(route_for(account, Route.OTHER_ENTERPRISE, Route.OTHER_TRIAL))
    scope = in_account_only(scope_before(policy, [], Identities(emails=frozenset({key})), account_id), account_id)
    return Preview(account, [], measure_impact(scope, in_full=in_full), policy, scope)


def purge_submit(
    *,
    acting_user: Any,
    account_id: int,
    user_ids: Sequence[int],
    origin: str = Origin.ADMIN,
    token: uuid.UUID | None = None,
    confirmed: bool = False,
    matches: Collection[int] | None = None,
    noted: Note = NO_NOTE,
) -> PurgeRequest:
    """Accept the purge of at most fifty deleted users of one account.

    ``token``: the confirmation form's; the same one again returns the same request. ``confirmed``: the people were
    shown on a confirmation page, so somebody restored or taken by another request meanwhile is named in
    :class:`SelectionChanged` instead of being refused. ``matches``: ids of the other users of the account that the page
    listed as going too; where there are others now it is shown again, by the same exception. ``noted``: for the
    register. Raises :class:`PurgeRefused`; then nothing has changed.
    """
    user_ids = list(dict.fromkeys(user_ids))
    account = purged_account(account_id)
    check_permission(acting_user, account_id)
    if (earlier := _of_token(token, acting_user)) is not None:
        return earlier
    get_host().require_confirmed()
    check_number(user_ids)
    check_paused(acting_user)
    check_storage()
    route = route_for(account, Route.UI_ENTERPRISE, Route.UI_TRIAL)
    policy = policy_of(route)
    try:
        with transaction.atomic():
            people = get_host().lock_people(user_ids)
            # Asked again under the lock: the first of two clicks may have committed meanwhile.
            if (earlier := _of_token(token, acting_user)) is not None:
                return earlier
            check_changed(people, account_id, confirmed)
            check_people(people, user_ids, account_id)
            targets = resolve_targets(policy, selected=people, emails=emails_of(people))
            check_oneself(acting_user, targets)
            check_matches_shown(targets, account_id, matches, user_ids)
            own = [target.person for target in targets if target.person.account_id == account_id]
            check_first_note(noted, account_id=account_id, people=own)
            identities = identities_of(people, account_id, targets)
            return accept_here_and_elsewhere(
                route=route,
                policy=policy,
                origin=origin,
                account_id=account_id,
                acting_user=acting_user,
                targets=targets,
                identities=identities,
                token=token,
                noted=noted,
            )
    except IntegrityError:
        if (earlier := _of_token(token, acting_user)) is not None:
            return earlier
        raise


@dataclass(frozen=True)
class LeftOut:
    """Somebody who was chosen for a batch and is not in it. ``why``: the code of what refused them; ``reference``: the
    request that has them."""

    person_id: int
    why: str
    reference: str = ""


@dataclass(frozen=True)
class Batch:
    """A request of many people, and who is not in it, in the order of their numbers."""

    purge_request: PurgeRequest
    left_out: tuple[LeftOut, ...] = ()


def purge_submit_batch(*, acting_user: Any, account_id: int, user_ids: Sequence[int], noted: Note = NO_NOTE) -> Batch:
    """Accept the purge of up to ``PURGE_MAX_BATCH`` deleted users of one account, for an operator.

    It is nobody's selection, as what a rule chooses will be: whoever is in another request, or no deleted user of the
    account (any more), is left out, and the others are purged. ``acting_user``: an operator; None: the command line.
    ``noted``: for the register. Raises :class:`PurgeRefused`, also when nobody is left; then nothing has changed.
    """
    user_ids = list(dict.fromkeys(user_ids))
    check_operator(acting_user)
    account = purged_account(account_id)
    get_host().require_confirmed()
    check_number(user_ids, most=settings.PURGE_MAX_BATCH)
    check_paused(acting_user)
    check_storage()
    route = route_for(account, Route.UI_ENTERPRISE, Route.UI_TRIAL)
    policy = policy_of(route)
    with transaction.atomic():
        people = get_host().lock_people(user_ids)
        left_out = _left_out(people, user_ids, account_id)
        not_going = {each.person_id for each in left_out}
        people = [person for person in people if person.id not in not_going]
        if not people:
            raise PurgeRefused("nobody", _("None of these users can be purged now."), people=not_going)
        targets = resolve_targets(policy, selected=people, emails=emails_of(people))
        if acting_user is not None:
            check_oneself(acting_user, targets)
        own = [target.person for target in targets if target.person.account_id == account_id]
        check_first_note(noted, account_id=account_id, people=own)
        purge_request = accept_here_and_elsewhere(
            route=route,
            policy=policy,
            origin=Origin.RULE,
            account_id=account_id,
            acting_user=None,
            targets=targets,
            identities=identities_of(people, account_id, targets),
            token=None,
            noted=noted,
        )
        by = None if acting_user is None else acting_user.pk
        note(purge_request, "batch", actor_id=by, chosen=len(user_ids), left_out=len(left_out))
    return Batch(purge_request, left_out)


def _left_out(people: Sequence[Person], user_ids: Collection[int], account_id: int) -> tuple[LeftOut, ...]:
    """Who of the chosen does not go, by what :func:`purge.services.checking.check_people` refuses."""
    why: dict[int, LeftOut] = {}
    for code, found in refused_people(people, user_ids, account_id):
        for person_id, reference in found.items():
            why.setdefault(person_id, LeftOut(person_id, code, reference))
    return tuple(why[person_id] for person_id in sorted(why))


def purge_submit_address(
    *,
    acting_user: Any,
    account_id: int,
    address: str,
    origin: str = Origin.ADMIN,
    token: uuid.UUID | None = None,
    noted: Note = NO_NOTE,
) -> PurgeRequest:
    """Accept the purge of an address that belongs to no user of the account (the *other users* route). ``noted``: for
    the register."""
    account = purged_account(account_id)
    check_permission(acting_user, account_id)
    if (earlier := _of_token(token, acting_user)) is not None:
        return earlier
    get_host().require_confirmed()
    key = check_address(address, account_id)
    check_first_note(noted, account_id=account_id, people=())
    check_paused(acting_user)
    check_storage()
    route = route_for(account, Route.OTHER_ENTERPRISE, Route.OTHER_TRIAL)
    try:
        with transaction.atomic():
            return accept_here_and_elsewhere(
                route=route,
                policy=policy_of(route),
                origin=origin,
                account_id=account_id,
                acting_user=acting_user,
                targets=[],
                identities=Identities(emails=frozenset({key}), written=frozenset({address})),
                token=token,
                noted=noted,
            )
    except IntegrityError:
        if (earlier := _of_token(token, acting_user)) is not None:
            return earlier
        raise


def _of_token(token: uuid.UUID | None, acting_user: Any) -> PurgeRequest | None:
    if token is None:
        return None
    return PurgeRequest.across_accounts.filter(token=token, initiator_id=acting_user.pk).first()
