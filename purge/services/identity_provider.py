"""A message of the identity provider: a purge over the trial accounts, a notice for each enterprise account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.addresses import identity_key, is_address, trimmed
from purge.choices import (
    Origin,
    Reason,
    Route,
    Status,
)
from purge.host import get_host
from purge.models import ImsNotice, PurgeRequest
from purge.routes.guards import reached_of, reason_to_hold_whole
from purge.routes.policy import Policy, policy_of
from purge.routes.scope import DOOMED_REASONS
from purge.routes.targets import Target, resolve_targets
from purge.services.accepting import Identities, accept_request
from purge.services.checking import check_paused, check_storage
from purge.services.following import check_operator
from purge.services.opaque_reference import is_opaque, names_one_of
from purge.services.refusals import PurgeRefused
from purge.services.submission import scope_before
from purge.steps.impact import ImpactLine, measure_impact


@dataclass(frozen=True)
class _Message:
    """What a message says, as keys. ``written``: as it was sent."""

    emails: frozenset[str]
    logins: frozenset[str]
    reference: str
    written: frozenset[str]


@dataclass(frozen=True)
class ImsPreview:
    """What a message would reach. ``people``: account id → ids of those who go, ascending; ``kept``: creators of trials
    who stay; ``noticed``: enterprise accounts whose administrators get a notice; ``earlier``: the request that the same
    reference has become already, and then nothing else."""

    people: Mapping[int, tuple[int, ...]]
    lines: tuple[ImpactLine, ...]
    kept: int
    noticed: int
    earlier: PurgeRequest | None = None

    @property
    def going(self) -> tuple[int, ...]:
        return tuple(sorted(pk for ids in self.people.values() for pk in ids))


def purge_preview_ims(*, acting_user: Any, email: str = "", adobe_id: str = "", reference: str = "") -> ImsPreview:
    """What :func:`purge_submit_ims` would do with such a message. Changes nothing, and refuses what that refuses."""
    check_operator(acting_user)
    message = _read(email, adobe_id, reference)
    if (earlier := _of_external_reference(message.reference)) is not None:
        return ImsPreview({}, (), 0, 0, earlier)
    check_paused(acting_user, preview=True)
    check_storage(preview=True)
    policy = policy_of(Route.IMS_TRIAL)
    targets = _targets(policy, message)
    doomed = [target.person for target in targets if target.reason in DOOMED_REASONS]
    people: dict[int, tuple[int, ...]] = {}
    for person in doomed:
        people[person.account_id] = (*people.get(person.account_id, ()), person.id)
    noticed = get_host().enterprise_matches(emails=list(message.emails), adobe_ids=list(message.logins))
    return ImsPreview(
        people=people,
        lines=tuple(measure_impact(scope_before(policy, targets, _identities(message, targets), None)).lines),
        kept=sum(1 for target in targets if target.reason == Reason.KEPT),
        noticed=len({person.account_id for person in noticed}),
    )


def purge_submit_ims(
    *,
    email: str = "",
    adobe_id: str = "",
    reference: str = "",
    acting_user: Any = None,
    shown: Collection[int] | None = None,
) -> PurgeRequest:
    """Take in a message of the identity provider: one purge over the trial accounts, one notice per enterprise account.

    The same ``reference`` again returns the same request; once that was cancelled, it is taken in anew.
    ``acting_user``: the operator who typed it; None for a command. ``shown``: ids of the people whom a page listed as
    going; where others go now, nothing is done (:class:`PurgeRefused`, "changed").
    """
    check_operator(acting_user)
    get_host().require_confirmed()
    message = _read(email, adobe_id, reference)
    if (earlier := _of_external_reference(message.reference)) is not None:
        return earlier
    check_paused(acting_user)
    check_storage()
    policy = policy_of(Route.IMS_TRIAL)
    with transaction.atomic():
        targets = _targets(policy, message)
        if shown is not None and {t.person.id for t in targets if t.reason in DOOMED_REASONS} != set(shown):
            raise PurgeRefused("changed", _("Somebody else would be erased now. Nothing was done: please look again."))
        try:
            with transaction.atomic():
                purge_request = accept_request(
                    route=Route.IMS_TRIAL,
                    policy=policy,
                    origin=Origin.IMS,
                    account_id=None,
                    acting_user=acting_user,
                    targets=targets,
                    identities=_identities(message, targets),
                    external_reference=message.reference or None,
                    held=reason_to_hold_whole(policy, reached_of(targets)),
                )
        except IntegrityError:
            earlier = _of_external_reference(message.reference)
            if earlier is None:
                raise
            return earlier
        _send_notices(purge_request, message.emails, message.logins, identifier=trimmed(email) or trimmed(adobe_id))
        return purge_request


def _read(email: str, adobe_id: str, reference: str) -> _Message:
    """Raises :class:`PurgeRefused` for what names nobody, or is malformed."""
    emails = frozenset({identity_key(email)}) if email.strip() else frozenset()
    logins = frozenset({identity_key(adobe_id)}) if adobe_id.strip() else frozenset()
    if not emails and not logins:
        raise PurgeRefused("no_identifier", _("The message names nobody: give an email address, an adobe_id, or both."))
    if emails and not is_address(email):
        raise PurgeRefused("malformed", _("The email address of the message is malformed."))
    reference = reference.strip()
    if reference and not is_opaque(reference):
        raise PurgeRefused("reference", str(_REFERENCE))
    return _Message(emails, logins, reference, frozenset(filter(None, (email, adobe_id))))


def _targets(policy: Policy, message: _Message) -> list[Target]:
    targets = resolve_targets(policy, selected=(), emails=message.emails, adobe_ids=message.logins)
    _check_reference(message.reference, targets, message.emails | message.logins)
    return targets


def _identities(message: _Message, targets: Iterable[Target]) -> Identities:
    # A person's own emails are known only from their rows when the message brings the login alone.
    matched = (target.person.email_key for target in targets if target.reason in (Reason.MATCH, Reason.CREATOR))
    named = message.emails | frozenset(key for key in message.logins if "@" in key)
    return Identities(
        emails=named,
        other_addresses=frozenset() if message.emails else frozenset(key for key in matched if key) - named,
        match_logins=message.logins,
        written=message.written,
    )


def _of_external_reference(reference: str) -> PurgeRequest | None:
    """The request that a message has become already. A cancelled one purged nobody, so it is no answer."""
    if not reference:
        return None
    known = PurgeRequest.across_accounts.filter(external_reference=reference).exclude(status=Status.CANCELLED)
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
    if names_one_of(reference, identifiers, names=get_host().names([person.id for person in people]).values()):
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
    ImsNotice.across_accounts.bulk_create(notices)
    for account_id in sorted({person.account_id for person in people}):
        host.notify(
            kind="ims_notice",
            reference="",
            request_id=purge_request.pk,
            account_id=account_id,
            recipients=host.administrators(account_id),
            facts={"due": purge_request.due_at.date().isoformat()},
        )
