"""What a look found after a purge was proved clean: operators have it taken out, where it is nobody's."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from purge.choices import Status
from purge.host import get_host
from purge.installation.storage import TEXTS, begin_storage
from purge.models import PurgeRequest
from purge.proof.report import CouldNotLook
from purge.run.claims import note
from purge.services.following import check_operator, purge_retry
from purge.services.refusals import PurgeRefused
from purge.services.restoring import check_purge_log
from purge.upkeep.patrol import take_out


def purge_take_out(*, acting_user: Any, purge_request: PurgeRequest) -> int:
    """Treat the listed places of a request with residue, then have a worker look at everything again.

    Each place is read again, and only what nobody holds now goes; the number of rows that were changed. Raises
    :class:`PurgeRefused` for a request without listed places, and when the hash key does not fit.
    """
    check_operator(acting_user)
    get_host().require_confirmed()
    if trouble := begin_storage():
        raise PurgeRefused("storage", str(TEXTS[trouble]))
    check_purge_log()
    listed = purge_request.residues.filter(gone_at=None).exists()
    if not PurgeRequest.across_accounts.filter(pk=purge_request.pk, status=Status.RESIDUE).exists() or not listed:
        raise PurgeRefused(
            "nothing_listed",
            _("Request %(reference)s has no place that could be taken out. Look first: purge_verify.")
            % {"reference": purge_request.reference},
        )
    try:
        # Not in one transaction with what follows: a stored file goes only after its row was committed.
        changed = take_out(purge_request)
    except CouldNotLook as error:
        raise PurgeRefused("could_not_look", str(error)) from None
    with transaction.atomic():
        note(purge_request, "taken_out", actor_id=getattr(acting_user, "pk", None), rows=changed)
        purge_retry(acting_user=acting_user, purge_request=purge_request)
    return changed
