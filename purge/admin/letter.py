"""The letter to a person who was purged, as text with blanks. Nobody here knows the name: it is typed in the browser,
in a field of no form, and goes nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings

from purge.choices import Status
from purge.models import PurgeRequest
from purge.rules.periods import Evidence
from purge.upkeep.evidence import periods


@dataclass(frozen=True)
class Letter:
    """What the letter says by itself; None is a blank for whoever writes it. ``backups``: whether there are any."""

    account: str
    backups: bool
    backups_until: date | None
    evidence_until: date | None


def letter_of(purge_request: PurgeRequest, account: str) -> Letter | None:
    """None of a request that is not completed: nothing can be told yet."""
    done = purge_request.completed_at
    if purge_request.status != Status.COMPLETED or done is None:
        return None
    days = settings.PURGE_BACKUP_DAYS
    kept = next(each for each in periods() if each.kind == Evidence.REQUESTS)
    goes = date(done.year + 1 + kept.years, 1, 1) if kept.days is not None else None
    return Letter(account, days != 0, None if days is None else (done + timedelta(days=days)).date(), goes)
