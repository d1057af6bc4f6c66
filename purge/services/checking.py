"""What has to be so before a purge is shown or accepted. Each check raises a refusal that says what to do instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from purge.addresses import identity_key, is_address
from purge.choices import (
    Reason,
    Route,
)
from purge.host import AccountFacts, HolderKind, Person, PersonState, TenantKind, get_host
from purge.installation.storage import UNMARKED, begin_storage, storage_trouble, text_for_customers
from purge.routes.policy import Policy
from purge.routes.scope import DOOMED_REASONS
from purge.routes.targets import Target
from purge.selectors import open_request_of
from purge.services.refusals import NotAllowed, PurgeRefused, SelectionChanged
from purge.upkeep import paused


def purged_account(account_id: int) -> AccountFacts:
    account = get_host().accounts([account_id]).get(account_id)
    if account is None or account.kind not in (TenantKind.ENTERPRISE, TenantKind.TRIAL):
        raise NotAllowed("no_account", _("There is no such account, or nothing is purged in it."))
    return account


def check_permission(acting_user: Any, account_id: int) -> None:
    if acting_user is None or not get_host().may_purge(acting_user.pk, account_id):
        raise NotAllowed(
            "permission", _("Only an administrator of this account who holds the purge permission can purge.")
        )


def check_paused(acting_user: Any, *, preview: bool = False) -> None:
    """Whoever cannot mend it reads calm words, and those who can are told. For a preview an answer of a moment ago
    will do: what is accepted is asked again."""
    found = tuple(reason for reason in paused.all_reasons(now=not preview) if reason.refuses)
    if found:
        paused.notify(found)
        text = found[0].text
        can_mend = acting_user is None or get_host().is_support(acting_user)
        raise PurgeRefused(found[0].code, text if can_mend else found[0].calm, details=text)


def check_storage(*, preview: bool = False) -> None:
    """What is accepted freezes people and closes files: not without sight of the files. A preview marks no storage."""
    trouble = storage_trouble() if preview else begin_storage()
    if trouble and not (preview and trouble == UNMARKED):
        paused.notify((paused.of_storage(trouble),))
        raise PurgeRefused("storage", text_for_customers())


def check_number(user_ids: Sequence[int], *, most: int | None = None) -> None:
    """``most``: how many may be in it; None: what a person may select."""
    most = settings.PURGE_MAX_PEOPLE if most is None else most
    if not user_ids:
        raise PurgeRefused("empty", _("Select at least one deleted user."))
    if len(user_ids) > most:
        raise PurgeRefused(
            "too_many",
            _("You selected %(n)d users; at most %(most)d can be purged in one request. Nothing was accepted.")
            % {"n": len(user_ids), "most": most},
        )


def route_for(account: AccountFacts, enterprise: Route, trial: Route) -> Route:
    return enterprise if account.kind == TenantKind.ENTERPRISE else trial


def _numbers(ids: Iterable[int]) -> str:
    return ", ".join(str(person_id) for person_id in sorted(ids))


def refused_people(
    people: Sequence[Person], user_ids: Collection[int], account_id: int
) -> Iterator[tuple[str, Mapping[int, str]]]:
    """Who of the chosen cannot be purged, by the code of why: unknown or another account's (nothing is revealed), in a
    request, whose ID stands beside them, of a shared mailbox, active."""
    found = {person.id for person in people if person.account_id == account_id}
    yield "unknown", dict.fromkeys(sorted(set(user_ids) - found), "")
    yield "in_request", dict(sorted(open_request_of(user_ids, account_id=account_id).items()))
    # Whom another customer's purge has frozen is what they were before, also in these words.
    yield "same_mailbox", {person.id: "" for person in people if person.email_key is None}
    yield "active", {person.id: "" for person in people if person.earlier_state == PersonState.ACTIVE}


def check_people(people: Sequence[Person], user_ids: Collection[int], account_id: int) -> None:
    """Refuse, naming which: unknown, another account's (the same words: nothing is revealed), active, in a request."""
    refused = dict(refused_people(people, user_ids, account_id))
    if unknown := refused["unknown"]:
        raise PurgeRefused(
            "unknown",
            _("No deleted user of this account has the number %(ids)s.") % {"ids": _numbers(unknown)},
            people=unknown,
        )
    if taken := refused["in_request"]:
        first, reference = next(iter(taken.items()))
        raise PurgeRefused(
            "in_request",
            _("User %(id)s is already in purge request %(reference)s. Take them out of the selection.")
            % {"id": first, "reference": reference},
            people=taken,
            reference=reference,
        )
    if shared := refused["same_mailbox"]:
        raise PurgeRefused(
            "same_mailbox",
            _(
                "These users have the same mailbox as another user of this account: user %(ids)s. An operator has to "
                "give each user an address of their own first (manage.py identity_report)."
            )
            % {"ids": _numbers(shared)},
            people=shared,
        )
    if active := refused["active"]:
        raise PurgeRefused(
            "active",
            _("Only deleted users can be purged. Delete these first, or take them out: user %(ids)s.")
            % {"ids": _numbers(active)},
            people=active,
        )


def check_changed(people: Sequence[Person], account_id: int, confirmed: bool) -> None:
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
        texts.append(_("Restored meanwhile and left out: user %(ids)s.") % {"ids": _numbers(restored)})
    texts += [
        _("In purge request %(reference)s already and left out: user %(ids)s.")
        % {"reference": reference, "ids": _numbers(pk for pk, found in taken.items() if found == reference)}
        for reference in sorted(set(taken.values()))
    ]
    if texts:
        texts.append(_("Nothing was purged; please confirm the rest again."))
        raise SelectionChanged(" ".join(texts), people=[*restored, *sorted(taken)], rest=rest)


def check_oneself(acting_user: Any, targets: Iterable[Target]) -> None:
    """Nobody erases themself, not even through an earlier row of theirs that has their address or login."""
    if any(target.person.id == acting_user.pk and target.reason in DOOMED_REASONS for target in targets):
        raise PurgeRefused(
            "self",
            _(
                "You would erase yourself: a selected user has your email address or login. Correct it in User "
                "Cleanup first, or have another administrator purge this user."
            ),
            people=[acting_user.pk],
        )


def check_matches_shown(
    targets: Iterable[Target], account_id: int, shown: Collection[int] | None, user_ids: Sequence[int]
) -> None:
    own = {
        target.person.id
        for target in targets
        if target.person.account_id == account_id
        and target.reason in DOOMED_REASONS
        and target.reason != Reason.SELECTED
    }
    if shown is not None and not own <= set(shown):
        raise SelectionChanged(
            _("Somebody else of this account has one of these addresses or logins now, and would be erased too."),
            people=own - set(shown),
            rest=user_ids,
        )


def check_address(address: str, account_id: int) -> str:
    if not is_address(address):
        raise PurgeRefused(
            "malformed", _("This is not an email address. Type one whole address, such as name@company.example.")
        )
    key = identity_key(address)
    if get_host().users_in_account(account_id, [key]):
        raise PurgeRefused("is_user", _whose_address(account_id, key))
    return key


def _whose_address(account_id: int, key: str) -> str:
    """What to do instead with the address of a user of the account, by how far that user is already."""
    has_it = [each for each in get_host().holders(account_id, [key]).get(key, ()) if each.kind == HolderKind.CURRENT]
    taken = open_request_of([each.person_id for each in has_it], account_id=account_id)
    if taken:
        text = _("This address belongs to a user who is in purge request %(reference)s already.")
        return text % {"reference": min(taken.values())}
    # Whom another customer's purge has frozen is what they were before, also in these words.
    if has_it and all(each.earlier_state == PersonState.DELETED for each in has_it):
        return _("This address belongs to a deleted user of this account. Select them in Deleted Users and purge them.")
    return _("This address belongs to a user of this account. Delete the user, then purge them in User Cleanup.")


def check_kinds(policy: Policy, account_id: int | None, targets: Iterable[Target]) -> None:
    """The accounts are still of the kinds by which the route and the matches were found."""
    reached = {target.person.account_id for target in targets if target.reason != Reason.SELECTED}
    asked = reached if account_id is None else reached | {account_id}
    facts = get_host().accounts(asked)
    trial_routes = (Route.UI_TRIAL, Route.OTHER_TRIAL)
    same = account_id is None or (facts[account_id].kind == TenantKind.TRIAL) == (policy.route in trial_routes)
    if not same or any(account not in facts or facts[account].kind != TenantKind.TRIAL for account in reached):
        raise PurgeRefused("kind_changed", _("An account has just become another kind of account. Try again."))
