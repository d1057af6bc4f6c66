"""Was this person purged?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from purge.addresses import IDENTITY_KEY_VERSION, identity_key
from purge.choices import (
    Status,
)
from purge.hashing import HashKeyMissing, asked_digests, form_of, keyed_hash
from purge.host import get_host
from purge.models import LookUp, PurgeRequest, SuppressionHash
from purge.services.refusals import NotAllowed, PurgeRefused


@dataclass(frozen=True)
class FoundRequest:
    """An answer to "was this person purged?": the request and when it was accepted and completed."""

    reference: str
    status: str
    accepted_at: Any
    completed_at: Any


def person_look_up(*, acting_user: Any, text: str) -> list[FoundRequest]:
    """Requests that purged an address, login or Unique User ID. What was typed is hashed, never stored.

    That it was asked is stored.

    Administrators get their own account's requests, support staff all.
    """
    key = identity_key(text)
    if not key:
        raise PurgeRefused("empty", _("Type an email address or a Unique User ID."))
    everything = acting_user.has_perm("purge.follow_requests")
    account_id = get_host().account_of(acting_user)
    if not everything and (account_id is None or not acting_user.has_perm("purge.view_purgerequest")):
        raise NotAllowed("permission", _("You may not look people up."))
    try:
        asked = {(kind, *each) for kind in ("email", "login", "unique_id") for each in asked_digests(kind, [key])}
        digest = keyed_hash("email", key)
    except HashKeyMissing as error:
        raise PurgeRefused("hash_key", str(error)) from None
    hashes = SuppressionHash.objects.filter(digest__in={digest for _kind, _form, digest in asked})
    if not everything:
        # Also of their own requests only what was known here: others' identifiers are no business of theirs.
        hashes = hashes.filter(account_id=account_id, request__account_id=account_id)
    ids = {
        request_id
        for request_id, kind, form, digest in hashes.values_list("request_id", "kind", "form", "digest")
        if (kind, form_of(form), digest) in asked
    }
    requests = PurgeRequest.across_accounts.filter(pk__in=ids).exclude(status=Status.CANCELLED)
    found = [
        FoundRequest(
            purge_request.reference, purge_request.status, purge_request.accepted_at, purge_request.completed_at
        )
        for purge_request in requests.order_by("-accepted_at")[:50]
    ]
    LookUp.objects.create(actor=acting_user, digest=digest, form=IDENTITY_KEY_VERSION, found=len(found))
    return found
