"""A message of the identity provider: a purge over the trial accounts, a notice for each enterprise account."""

from __future__ import annotations

from collections.abc import Iterable
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
from purge.routes.policy import policy_of
from purge.routes.targets import Target, resolve_targets
from purge.services.accepting import Identities, accept_request
from purge.services.checking import check_paused, check_storage
from purge.services.opaque_reference import is_opaque, names_one_of
from purge.services.refusals import PurgeRefused


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
    check_paused(acting_user)
    check_storage()
    policy = policy_of(Route.IMS_TRIAL)
    with transaction.atomic():
        targets = resolve_targets(policy, selected=(), emails=emails, adobe_ids=adobe)
        _check_reference(reference, targets, emails | adobe)
        # A person's own emails are known only from their rows when the message brings the login alone.
        matched = (target.person.email_key for target in targets if target.reason in (Reason.MATCH, Reason.CREATOR))
        named = emails | frozenset(key for key in adobe if "@" in key)
        identities = Identities(
            emails=named,
            other_addresses=frozenset() if emails else frozenset(key for key in matched if key) - named,
            match_logins=adobe,
            written=frozenset(filter(None, (email, adobe_id))),
        )
        try:
            with transaction.atomic():
                purge_request = accept_request(
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
