"""Preview and submission: who, which identifiers, whether it may be; then one transaction that accepts it all."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.addresses import identity_key, is_address, trimmed
from purge.choices import (
    IdentifierKind,
    Origin,
    Reach,
    Reason,
    Route,
    Status,
)
from purge.hashing import SEARCHED, HashKeyMissing, fingerprint
from purge.host import AccountFacts, Person, PersonState, TenantKind, get_host
from purge.installation.storage import UNMARKED, begin_storage, storage_trouble, text_for_customers
from purge.models import ImsNotice, PurgeRequest
from purge.references import new_reference
from purge.routes.capturing import Captured, gathered_of, is_findable, note_writings, store
from purge.routes.guards import reached_elsewhere, reached_of, reason_to_hold_elsewhere, reason_to_hold_whole
from purge.routes.kinds_of_accounts import no_kind_changes
from purge.routes.ownership import not_shared
from purge.routes.policy import Policy, policy_of, within
from purge.routes.scope import DOOMED_ROLES, Scope, build_scope
from purge.routes.searched_for import remember_addresses
from purge.routes.targets import Target, add_subjects, in_reach, resolve_targets
from purge.run.claims import note
from purge.run.notifications import notify_trouble
from purge.run.transitions import accept
from purge.selectors import open_request_of
from purge.services.opaque_reference import is_opaque, names_one_of
from purge.services.refusals import NotAllowed, PurgeRefused, SelectionChanged
from purge.services.restoring import write_ahead
from purge.steps.impact import Impact, in_account_only, measure_impact
from purge.upkeep import paused
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


# ---------------------------------------------------------------- checking


def _account(account_id: int) -> AccountFacts:
    account = get_host().accounts([account_id]).get(account_id)
    if account is None or account.kind not in (TenantKind.ENTERPRISE, TenantKind.TRIAL):
        raise NotAllowed("no_account", _("There is no such account, or nothing is purged in it."))
    return account


def _check_permission(acting_user: Any, account_id: int) -> None:
    if acting_user is None or not get_host().may_purge(acting_user.pk, account_id):
        raise NotAllowed(
            "permission", _("Only an administrator of this account who holds the purge permission can purge.")
        )


def _check_paused(acting_user: Any) -> None:
    """Whoever cannot mend it reads calm words, and those who can are told."""
    found = tuple(reason for reason in paused.all_reasons(now=True) if reason.refuses)
    if found:
        paused.notify(found)
        text = found[0].text
        can_mend = acting_user is None or get_host().is_support(acting_user)
        raise PurgeRefused(found[0].code, text if can_mend else found[0].calm, details=text)


def _check_storage(*, preview: bool = False) -> None:
    """What is accepted freezes people and closes files: not without sight of the files. A preview marks no storage."""
    trouble = storage_trouble() if preview else begin_storage()
    if trouble and not (preview and trouble == UNMARKED):
        paused.notify((paused.of_storage(trouble),))
        raise PurgeRefused("storage", text_for_customers())


def _check_number(user_ids: Sequence[int]) -> None:
    most = settings.PURGE_MAX_PEOPLE
    if not user_ids:
        raise PurgeRefused("empty", _("Select at least one deleted user."))
    if len(user_ids) > most:
        raise PurgeRefused(
            "too_many",
            _("You selected %(n)d users; at most %(most)d can be purged in one request. Nothing was accepted.")
            % {"n": len(user_ids), "most": most},
        )


def _route(account: AccountFacts, enterprise: Route, trial: Route) -> Route:
    return enterprise if account.kind == TenantKind.ENTERPRISE else trial


def _labels(ids: Iterable[int]) -> str:
    return ", ".join(str(person_id) for person_id in sorted(ids))


def _check_people(people: Sequence[Person], user_ids: Collection[int], account_id: int) -> None:
    """Refuse, naming which: unknown, another account's (the same words: nothing is revealed), active, in a request."""
    found = {person.id for person in people if person.account_id == account_id}
    unknown = set(user_ids) - found
    if unknown:
        raise PurgeRefused(
            "unknown",
            _("No deleted user of this account has the number %(ids)s.") % {"ids": _labels(unknown)},
            people=unknown,
        )
    taken = sorted(open_request_of(user_ids, account_id=account_id).items())
    if taken:
        first, reference = taken[0]
        raise PurgeRefused(
            "in_request",
            _("User %(id)s is already in purge request %(reference)s. Take them out of the selection.")
            % {"id": first, "reference": reference},
            people=[person_id for person_id, _reference in taken],
            reference=reference,
        )
    # Whom another customer's purge has frozen is what they were before, also in these words.
    shared = [person.id for person in people if person.email_key is None]
    if shared:
        raise PurgeRefused(
            "same_mailbox",
            _(
                "These users have the same mailbox as another user of this account: user %(ids)s. An operator has to "
                "give each user an address of their own first (manage.py identity_report)."
            )
            % {"ids": _labels(shared)},
            people=shared,
        )
    active = [person.id for person in people if person.earlier_state == PersonState.ACTIVE]
    if active:
        raise PurgeRefused(
            "active",
            _("Only deleted users can be purged. Delete these first, or take them out: user %(ids)s.")
            % {"ids": _labels(active)},
            people=active,
        )


def _emails(people: Iterable[Person]) -> frozenset[str]:
    return frozenset(person.email_key for person in people if person.email_key)


def _check_oneself(acting_user: Any, targets: Iterable[Target]) -> None:
    """Nobody erases themself, not even through an earlier row of theirs that has their address or login."""
    if any(target.person.id == acting_user.pk and target.role in DOOMED_ROLES for target in targets):
        raise PurgeRefused(
            "self",
            _(
                "You would erase yourself: a selected user has your email address or login. Correct it in User "
                "Cleanup first, or have another administrator purge this user."
            ),
            people=[acting_user.pk],
        )


def _check_matches_shown(
    targets: Iterable[Target], account_id: int, shown: Collection[int] | None, user_ids: Sequence[int]
) -> None:
    own = {
        target.person.id
        for target in targets
        if target.person.account_id == account_id and target.role in DOOMED_ROLES and target.role != Reason.SELECTED
    }
    if shown is not None and not own <= set(shown):
        raise SelectionChanged(
            _("Somebody else of this account has one of these addresses or logins now, and would be erased too."),
            people=own - set(shown),
            rest=user_ids,
        )


def _identities(people: Iterable[Person], account_id: int, targets: Iterable[Target]) -> Identities:
    """What to take out for the selected people: emails and logins everywhere, former emails in their account."""
    people = list(people)
    emails = _emails(people)
    adobe = frozenset(person.adobe_key for person in people if person.adobe_key)
    former = frozenset(key for person in people for key in person.former_keys)
    going = {target.person.id for target in targets if target.role in DOOMED_ROLES}
    theirs = not_shared({account_id: (adobe | former) - emails}, going)[account_id]
    return Identities(
        emails=emails,
        other_addresses=frozenset(key for key in adobe & theirs if is_findable(key)),
        former=former & theirs,
        logins=frozenset(key for key in adobe & theirs if not is_findable(key)),
        unique_ids=frozenset(identity_key(person.unique_user_id) for person in people if person.unique_user_id),
    )


def _scope(policy: Policy, targets: Iterable[Target], identities: Identities, account_id: int | None) -> Scope:
    doomed = [target for target in targets if target.role in DOOMED_ROLES]
    ids = [target.person.id for target in doomed]
    gathered = gathered_of((target.person for target in doomed if target.role != Reason.SELECTED), going=ids)
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


# ---------------------------------------------------------------- preview


def _own_targets(policy: Policy, people: Sequence[Person], account: AccountFacts) -> list[Target]:
    """The selected people and, in a trial account, its other users whom the route reaches by their addresses."""
    if account.kind != TenantKind.TRIAL:
        return [Target(person, Reason.SELECTED) for person in people]
    targets = resolve_targets(policy, selected=people, emails=_emails(people))
    return [target for target in targets if target.person.account_id == account.id]


def purge_preview(*, acting_user: Any, account_id: int, user_ids: Sequence[int]) -> Preview:
    """The impact of purging these deleted users, in their account. Changes nothing.

    Raises :class:`PurgeRefused` for whatever :func:`purge_submit` would refuse.
    """
    user_ids = list(dict.fromkeys(user_ids))
    account = _account(account_id)
    _check_permission(acting_user, account_id)
    _check_number(user_ids)
    people = get_host().people(user_ids)
    _check_people(people, user_ids, account_id)
    _check_paused(acting_user)
    _check_storage(preview=True)
    policy = policy_of(_route(account, Route.UI_ENTERPRISE, Route.UI_TRIAL))
    own = _own_targets(policy, people, account)
    _check_oneself(acting_user, own)
    scope = in_account_only(_scope(policy, own, _identities(people, account_id, own), account_id), account_id)
    going = {target.person.id for target in own if target.role in DOOMED_ROLES}
    administrators = set(get_host().administrators(account_id))
    return Preview(
        account,
        people,
        measure_impact(scope),
        policy,
        scope,
        matches=[target.person for target in own if target.role in DOOMED_ROLES and target.role != Reason.SELECTED],
        kept=[target.person for target in own if target.role == Reason.KEPT],
        last_administrator=bool(administrators) and administrators <= going,
    )


def purge_preview_address(*, acting_user: Any, account_id: int, address: str) -> Preview:
    """Where an address of somebody who is no user is found in this account. Changes nothing."""
    account = _account(account_id)
    _check_permission(acting_user, account_id)
    key = _check_address(address, account_id)
    _check_paused(acting_user)
    _check_storage(preview=True)
    policy = policy_of(_route(account, Route.OTHER_ENTERPRISE, Route.OTHER_TRIAL))
    scope = in_account_only(_scope(policy, [], Identities(emails=frozenset({key})), account_id), account_id)
    return Preview(account, [], measure_impact(scope), policy, scope)


def _check_address(address: str, account_id: int) -> str:
    if not is_address(address):
        raise PurgeRefused(
            "malformed", _("This is not an email address. Type one whole address, such as name@company.example.")
        )
    key = identity_key(address)
    if get_host().users_in_account(account_id, [key]):
        raise PurgeRefused(
            "is_user",
            _("This address belongs to a user of this account. Delete the user, then purge them in User Cleanup."),
        )
    return key


# ---------------------------------------------------------------- submit


def purge_submit(
    *,
    acting_user: Any,
    account_id: int,
    user_ids: Sequence[int],
    origin: str = Origin.ADMIN,
    token: uuid.UUID | None = None,
    confirmed: bool = False,
    matches: Collection[int] | None = None,
) -> PurgeRequest:
    """Accept the purge of at most fifty deleted users of one account.

    ``token``: the confirmation form's; the same one again returns the same request. ``confirmed``: the people were
    shown on a confirmation page, so somebody restored or taken by another request meanwhile is named in
    :class:`SelectionChanged` instead of being refused. ``matches``: ids of the other users of the account that the page
    listed as going too; where there are others now it is shown again, by the same exception. Raises
    :class:`PurgeRefused`; then nothing has changed.
    """
    user_ids = list(dict.fromkeys(user_ids))
    account = _account(account_id)
    _check_permission(acting_user, account_id)
    if (earlier := _of_token(token, acting_user)) is not None:
        return earlier
    get_host().require_confirmed()
    _check_number(user_ids)
    _check_paused(acting_user)
    _check_storage()
    route = _route(account, Route.UI_ENTERPRISE, Route.UI_TRIAL)
    policy = policy_of(route)
    try:
        with transaction.atomic():
            people = get_host().lock_people(user_ids)
            # Asked again under the lock: the first of two clicks may have committed meanwhile.
            if (earlier := _of_token(token, acting_user)) is not None:
                return earlier
            _check_changed(people, account_id, confirmed)
            _check_people(people, user_ids, account_id)
            targets = resolve_targets(policy, selected=people, emails=_emails(people))
            _check_oneself(acting_user, targets)
            _check_matches_shown(targets, account_id, matches, user_ids)
            identities = _identities(people, account_id, targets)
            return _accept_here_and_elsewhere(
                route=route,
                policy=policy,
                origin=origin,
                account_id=account_id,
                acting_user=acting_user,
                targets=targets,
                identities=identities,
                token=token,
            )
    except IntegrityError:
        if (earlier := _of_token(token, acting_user)) is not None:
            return earlier
        raise


def _of_token(token: uuid.UUID | None, acting_user: Any) -> PurgeRequest | None:
    if token is None:
        return None
    return PurgeRequest.objects.filter(token=token, initiator_id=acting_user.pk).first()


def _check_changed(people: Sequence[Person], account_id: int, confirmed: bool) -> None:
    """After a confirmation page: who is no longer to be had is named and left out, the rest is asked again."""
    if not confirmed:
        return
    mine = [person for person in people if person.account_id == account_id]
    taken = open_request_of([person.id for person in mine], account_id=account_id)
    restored = [person.id for person in mine if person.earlier_state == PersonState.ACTIVE and person.id not in taken]
    rest = [person.id for person in people if person.id not in restored and person.id not in taken]
    if not rest and taken:
        return  # nobody is left to be asked about again: the refusal names the request
    texts = []
    if restored:
        texts.append(_("Restored meanwhile and left out: user %(ids)s.") % {"ids": _labels(restored)})
    texts += [
        _("In purge request %(reference)s already and left out: user %(ids)s.")
        % {"reference": reference, "ids": _labels(pk for pk, found in taken.items() if found == reference)}
        for reference in sorted(set(taken.values()))
    ]
    if texts:
        texts.append(_("Nothing was purged; please confirm the rest again."))
        raise SelectionChanged(" ".join(texts), people=[*restored, *sorted(taken)], rest=rest)


def purge_submit_address(
    *,
    acting_user: Any,
    account_id: int,
    address: str,
    origin: str = Origin.ADMIN,
    token: uuid.UUID | None = None,
) -> PurgeRequest:
    """Accept the purge of an address that belongs to no user of the account (the *other users* route)."""
    account = _account(account_id)
    _check_permission(acting_user, account_id)
    if (earlier := _of_token(token, acting_user)) is not None:
        return earlier
    get_host().require_confirmed()
    key = _check_address(address, account_id)
    _check_paused(acting_user)
    _check_storage()
    route = _route(account, Route.OTHER_ENTERPRISE, Route.OTHER_TRIAL)
    try:
        with transaction.atomic():
            return _accept(
                route=route,
                policy=policy_of(route),
                origin=origin,
                account_id=account_id,
                acting_user=acting_user,
                targets=[],
                identities=Identities(emails=frozenset({key}), written=frozenset({address})),
                token=token,
            )
    except IntegrityError:
        if (earlier := _of_token(token, acting_user)) is not None:
            return earlier
        raise


def purge_submit_ims(
    *, email: str = "", adobe_id: str = "", reference: str = "", acting_user: Any = None
) -> PurgeRequest:
    """Take in a message of the identity provider: one purge over the trial accounts, one notice per enterprise account.

    The same ``reference`` again returns the same request; once that was cancelled, it is taken in anew.
    """
    emails = frozenset({identity_key(email)}) if email.strip() else frozenset()
    adobe = frozenset({identity_key(adobe_id)}) if adobe_id.strip() else frozenset()
    if not emails and not adobe:
        raise PurgeRefused("no_identifier", _("The message names nobody: give an email address, an adobe_id, or both."))
    if emails and not is_address(email):
        raise PurgeRefused("malformed", _("The email address of the message is malformed."))
    reference = reference.strip()
    if reference and not is_opaque(reference):
        raise PurgeRefused("reference", str(_REFERENCE))
    if (earlier := _of_external_reference(reference)) is not None:
        return earlier
    _check_paused(acting_user)
    _check_storage()
    policy = policy_of(Route.IMS_TRIAL)
    with transaction.atomic():
        targets = resolve_targets(policy, selected=(), emails=emails, adobe_ids=adobe)
        _check_reference(reference, targets, emails | adobe)
        # A person's own emails are known only from their rows when the message brings the login alone.
        matched = (target.person.email_key for target in targets if target.role in (Reason.MATCH, Reason.CREATOR))
        named = emails | frozenset(key for key in adobe if "@" in key)
        identities = Identities(
            emails=named,
            other_addresses=frozenset() if emails else frozenset(key for key in matched if key) - named,
            match_logins=adobe,
            written=frozenset(filter(None, (email, adobe_id))),
        )
        try:
            with transaction.atomic():
                purge_request = _accept(
                    route=Route.IMS_TRIAL,
                    policy=policy,
                    origin=Origin.IMS,
                    account_id=None,
                    acting_user=acting_user,
                    targets=targets,
                    identities=identities,
                    external_reference=reference or None,
                    held=reason_to_hold_whole(policy, reached_of(targets)),
                )
        except IntegrityError:
            earlier = _of_external_reference(reference)
            if earlier is None:
                raise
            return earlier
        _send_notices(purge_request, emails, adobe, identifier=trimmed(email) or trimmed(adobe_id))
        return purge_request


def _of_external_reference(reference: str) -> PurgeRequest | None:
    """The request that a message has become already. A cancelled one purged nobody, so it is no answer."""
    if not reference:
        return None
    known = PurgeRequest.objects.filter(external_reference=reference).exclude(status=Status.CANCELLED)
    return known.first()


_REFERENCE = gettext_lazy(
    "The reference is kept for good: give an opaque one, of at most 200 letters, digits and - _ . : / only, which "
    "does not name the person."
)


def _check_reference(reference: str, targets: Iterable[Target], given: Iterable[str]) -> None:
    if not reference:
        return
    people = [target.person for target in targets]
    people += get_host().enterprise_matches(emails=list(given), adobe_ids=[])
    identifiers = list(given)
    for person in people:
        known = (person.email_key, *person.former_keys, person.adobe_key, person.unique_user_id)
        identifiers += [value for value in known if value]
    if names_one_of(reference, identifiers, names=get_host().names([person.id for person in people])):
        raise PurgeRefused("reference", str(_REFERENCE))


def _send_notices(
    purge_request: PurgeRequest, emails: frozenset[str], adobe: frozenset[str], *, identifier: str
) -> None:
    """Enterprise accounts decide themselves: their administrators are told, nothing is erased."""
    host = get_host()
    people = host.enterprise_matches(emails=list(emails), adobe_ids=list(adobe))
    notices = [
        ImsNotice(
            request=purge_request,
            account_id=person.account_id,
            user_id=person.id,
            identifier=identifier,
            due_at=purge_request.due_at,
        )
        for person in people
    ]
    ImsNotice.objects.bulk_create(notices)
    for account_id in sorted({person.account_id for person in people}):
        host.notify(
            kind="ims_notice",
            reference="",
            request_id=purge_request.pk,
            account_id=account_id,
            recipients=host.administrators(account_id),
            facts={"due": purge_request.due_at.date().isoformat()},
        )


def _accept_here_and_elsewhere(
    *,
    route: Route,
    policy: Policy,
    origin: str,
    account_id: int,
    acting_user: Any,
    targets: list[Target],
    identities: Identities,
    token: uuid.UUID | None,
) -> PurgeRequest:
    """Accept a submission: one request, or two where something has to wait because of other accounts.

    The first then works in its own account alone and begins at once; the second holds everything elsewhere. Its account
    never hears of it.
    """
    held = reason_to_hold_elsewhere(account_id, reached_of(targets))
    here = Reach.OWN if held else Reach.EVERYWHERE
    first = _accept(
        route=route,
        policy=policy,
        origin=origin,
        account_id=account_id,
        acting_user=acting_user,
        targets=[target for target in targets if in_reach(target, here, account_id)],
        identities=identities,
        token=token,
        reach=here,
    )
    if held:
        _accept(
            route=route,
            policy=policy,
            origin=Origin.ELSEWHERE,
            account_id=None,
            acting_user=None,
            targets=[target for target in targets if in_reach(target, Reach.OTHERS, account_id)],
            # What is known of the people in their own account alone is no business of this part.
            identities=replace(identities, former=frozenset(), unique_ids=frozenset()),
            reach=Reach.OTHERS,
            part_of=first,
            held=held,
        )
    return first


def _accept(
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
) -> PurgeRequest:
    """Create the request with all it captures, freeze the people, write the journal, queue the work.

    ``held``: why an operator has to look first; then nobody is frozen and nothing is queued.
    """
    try:
        key = fingerprint()
    except HashKeyMissing as error:
        raise PurgeRefused("hash_key", str(error)) from None
    no_kind_changes()
    _check_kinds(policy, account_id, targets)
    now = timezone.now()
    doomed = [target for target in targets if target.role in DOOMED_ROLES]
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
        due_at=part_of.due_at if part_of else now + timedelta(days=settings.PURGE_DUE_DAYS),
        selected_count=sum(1 for target in targets if target.role == Reason.SELECTED),
        other_account_count=reached_elsewhere(account_id, reached),
        kept_count=sum(1 for target in targets if target.role == Reason.KEPT),
        people_left=len(doomed),
    )
    _capture(purge_request, identities, targets)
    add_subjects(purge_request, targets, begins=not held)
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
    said = purge_request.hashes.exclude(form=SEARCHED).values_list("kind", "digest", "form").distinct()
    digests = [(str(kind), digest, form) for kind, digest, form in said]
    write_ahead(purge_request, [target.person for target in doomed], digests)
    return purge_request


def _check_kinds(policy: Policy, account_id: int | None, targets: Iterable[Target]) -> None:
    """The accounts are still of the kinds by which the route and the matches were found."""
    reached = {target.person.account_id for target in targets if target.role != Reason.SELECTED}
    asked = reached if account_id is None else reached | {account_id}
    facts = get_host().accounts(asked)
    trial_routes = (Route.UI_TRIAL, Route.OTHER_TRIAL)
    same = account_id is None or (facts[account_id].kind == TenantKind.TRIAL) == (policy.route in trial_routes)
    if not same or any(account not in facts or facts[account].kind != TenantKind.TRIAL for account in reached):
        raise PurgeRefused("kind_changed", _("An account has just become another kind of account. Try again."))


def _capture(purge_request: PurgeRequest, identities: Identities, targets: Sequence[Target]) -> None:
    """Store the identifiers while they are needed, and their keyed hashes for good."""
    own = purge_request.account_id
    plain = [
        *(Captured(IdentifierKind.EMAIL, value, match=True) for value in identities.emails),
        *(Captured(IdentifierKind.EMAIL, value) for value in identities.other_addresses),
        *(Captured(IdentifierKind.EMAIL, value, own) for value in identities.former),
        *(Captured(IdentifierKind.LOGIN, value) for value in identities.logins),
        *(Captured(IdentifierKind.LOGIN, value, match=True) for value in identities.match_logins),
    ]
    going = [target.person.public_id for target in targets if target.role in DOOMED_ROLES]
    # Of people, their own account knows each by all their identifiers (see add_subjects).
    store(
        purge_request,
        plain,
        only_hashed=[Captured(IdentifierKind.PUBLIC_ID, public_id) for public_id in going],
        listed_in=None if targets else own,
    )
    note_writings(purge_request, identities.written)
    remember_addresses(purge_request, [target.person for target in targets if target.role in DOOMED_ROLES])
