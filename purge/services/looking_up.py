"""Was this person purged?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from purge.addresses import address_key
from purge.choices import (
    Status,
)
from purge.hashing import HashKeyMissing, keyed_hash
from purge.host import get_host
from purge.models import LookUp, PurgeRequest
from purge.services.refusals import NotAllowed, PurgeRefused


@dataclass(frozen=True)
class Found:
    """An answer to "was this person purged?": the request and when it was accepted and completed."""

    reference: str
    status: str
    accepted_at: Any
    completed_at: Any


def person_look_up(*, acting_user: Any, text: str) -> list[Found]:
    """Requests that purged an address, login or Unique User ID. What was typed is hashed, never stored.

    That it was asked is stored.

    Administrators get their own account's requests, support staff all.
    """
    key = address_key(text)
    if not key:
        raise PurgeRefused("empty", _("Type an e-mail address or a Unique User ID."))
    everything = acting_user.has_perm("purge.follow_requests")
    account_id = get_host().account_of(acting_user)
    if not everything and (account_id is None or not acting_user.has_perm("purge.view_purgerequest")):
        raise NotAllowed("permission", _("You may not look people up."))
    try:
        digests = [keyed_hash(kind, key) for kind in ("email", "login", "unique_id")]
    except HashKeyMissing as error:
        raise PurgeRefused("hash_key", str(error)) from None
    requests = PurgeRequest.objects.filter(hashes__digest__in=digests).exclude(status=Status.CANCELLED).distinct()
    if not everything:
        requests = requests.filter(account_id=account_id)
    found = [
        Found(request.reference, request.status, request.accepted_at, request.completed_at)
        for request in requests.order_by("-accepted_at")[:50]
    ]
    LookUp.objects.create(actor=acting_user, digest=digests[0], found=len(found))
    return found
