"""Who started the requests of a report: told to whoever asks, and noted that they asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from purge.host import get_host
from purge.models import PurgeRequest, StaffNamesShown
from purge.reporting.periods import Period
from purge.reporting.report import StaffLine, staff_of
from purge.services.refusals import NotAllowed


@dataclass(frozen=True)
class NamedStaff:
    """``name``: of somebody who is still here, else what stands for them."""

    name: str
    line: StaffLine


@transaction.atomic
def staff_names_show(
    *, acting_user: Any, requests: QuerySet[PurgeRequest], period: Period, account_id: int | None
) -> list[NamedStaff]:
    """Who started ``requests``, which are those that the acting user may see (None: the command line, which sees all).

    ``account_id``: those of this account alone. That somebody asked, when, and how many names they read, is noted
    first. Raises :class:`NotAllowed`.
    """
    if acting_user is not None and not acting_user.has_perm("purge.view_purgerequest"):
        raise NotAllowed("names", _("You may not see purge requests."))
    own = get_host().account_of(acting_user) if acting_user is not None else None
    lines = list(staff_of(requests, period, account_id=account_id))
    ids = [line.initiator_id for line in lines if line.initiator_id is not None]
    names = {each.id: each.name for each in get_host().person_lines(ids)}
    if own is not None:
        # Of the platform's own people a customer reads no name.
        theirs = {person.id for person in get_host().people(ids) if person.account_id == own}
        names = {pk: name if pk in theirs else _("LMS support") for pk, name in names.items()}
    StaffNamesShown.across_accounts.create(
        actor=acting_user,
        account_id=own if own is not None else account_id,
        first_day=period.first,
        last_day=period.last,
        people=len(ids),
    )
    gone = _("nobody, or nobody who is still here")
    return [NamedStaff(names.get(line.initiator_id or 0, gone), line) for line in lines]
