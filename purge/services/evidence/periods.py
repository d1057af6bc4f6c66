"""For how long evidence is kept: decided by an operator, for the whole installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from purge.models import EvidencePeriod
from purge.rules.periods import LONGEST_DAYS, SHORTEST, Evidence
from purge.services.refusals import NotAllowed, PurgeRefused
from purge.standing import OPERATE


@transaction.atomic
def evidence_periods_set(*, acting_user: Any, days: Mapping[Evidence, int | None]) -> None:
    """Keep these kinds of evidence for so many days (None: without an end) from now on; others stay as they are. Of
    purge requests the days are whole years. ``acting_user``: None is the command line.

    Raises :class:`NotAllowed`, and :class:`PurgeRefused` for a period that is too short, too long, or no whole year.
    """
    if acting_user is not None and not acting_user.has_perm(OPERATE):
        raise NotAllowed("periods", _("Operators alone decide for how long evidence is kept."))
    for kind, number in days.items():
        if number is None:
            continue
        if not SHORTEST[kind] <= number <= LONGEST_DAYS:
            raise PurgeRefused(
                "period",
                _("%(kind)s: from %(least)s to %(most)s days, or without an end.")
                % {
                    "kind": kind.label,
                    "least": SHORTEST[kind],
                    "most": number_format(LONGEST_DAYS, force_grouping=True),
                },
            )
        if kind == Evidence.REQUESTS and number % 365:
            raise PurgeRefused("period", _("Purge requests are kept for whole years."))
    now = timezone.now()
    for kind, number in days.items():
        EvidencePeriod.objects.update_or_create(kind=kind, defaults={"days": number, "decided_at": now})
