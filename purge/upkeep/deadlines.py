"""Thirty days at most: a reminder when half of them are over, another when all are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from purge.choices import NoticeState
from purge.host import get_host
from purge.models import ImsNotice, PurgeRequest
from purge.run.claims import note
from purge.run.notifications import notify_responsible, notify_trouble

HALF_TIME, OVERDUE = "half_time", "overdue"


@dataclass(frozen=True)
class Reminded:
    """How many requests people were reminded of, how many of the identity provider's notices, and what is overdue."""

    half_time: int
    overdue: int
    notices: int
    overdue_now: int


def remind() -> Reminded:
    """Send the reminders that are due, each once. A request that came to its end before anybody looked has only one."""
    now = timezone.now()
    late = PurgeRequest.across_accounts.overdue().filter(overdue_told_at=None)
    overdue = sum(_remind(purge_request, OVERDUE, now) for purge_request in late)
    waiting = PurgeRequest.across_accounts.open().filter(half_time_told_at=None, overdue_told_at=None, due_at__gt=now)
    half_time = sum(_remind(purge_request, HALF_TIME, now) for purge_request in _past_half(waiting, now))
    return Reminded(half_time, overdue, _remind_of_notices(now), PurgeRequest.across_accounts.overdue().count())


def _past_half(requests: Iterable[PurgeRequest], now: datetime) -> list[PurgeRequest]:
    return [
        purge_request
        for purge_request in requests
        if is_past_half(purge_request.accepted_at, purge_request.due_at, now)
    ]


def is_past_half(start: datetime, end: datetime, now: datetime) -> bool:
    return now >= start + (end - start) / 2


def _remind(purge_request: PurgeRequest, kind: str, now: datetime) -> int:
    """Once, whoever else looks at the same moment: the conditional update decides."""
    column = f"{kind}_told_at"
    if not PurgeRequest.across_accounts.filter(pk=purge_request.pk, **{column: None}).update(**{column: now}):
        return 0
    note(purge_request, kind)
    (notify_trouble if kind == OVERDUE else notify_responsible)(purge_request, kind)
    return 1


def _remind_of_notices(now: datetime) -> int:
    """Notices wait for an account's administrators, who are told once a kind; how many new notifications that made."""
    new = 0
    for notice in ImsNotice.across_accounts.filter(state=NoticeState.OPEN).order_by("pk"):
        if not is_past_half(notice.created_at, notice.due_at, now):
            continue
        new += get_host().notify(
            kind=OVERDUE if notice.due_at < now else HALF_TIME,
            reference="",
            request_id=notice.request_id,
            account_id=notice.account_id,
            recipients=get_host().administrators(notice.account_id),
            facts={"due": notice.due_at.date().isoformat()},
        )
    return new
