"""Evidence goes when its period is over; of purge requests counts stay.

What is declared by :class:`purge.rules.GoesAfter`, and purge requests that are over. In chunks of their own
transactions: whoever is killed at it has lost nothing, and the next night goes on. What an open purge request needs
stays: the request with all its parts, the one that it asks for again, and stored files of its account.

Nobody has decided about an installation that existed before there were periods: nothing goes there until somebody does.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import OPEN_STATUSES, Fate, NoticeState, Status
from purge.host import get_host
from purge.journal.site_fence import site_is_fenced
from purge.models import (
    EvidenceCount,
    EvidencePeriod,
    FollowUp,
    ImsNotice,
    JournalAlarm,
    JournalMark,
    LedgerEntry,
    PurgeRequest,
    Subject,
)
from purge.rules.periods import Evidence, GoesAfter
from purge.rules.registry import get_registry
from purge.selectors import account_in_open_request
from purge.standing import zone_named
from purge.steps.erasing import eraser_of
from purge.worker.leases import leased
from purge.worker.shutdown import slice_is_over

logger = logging.getLogger(__name__)

#: Rows that go in one transaction; files and requests, which are more work each.
ROWS, FEW = 1_000, 50
#: So long one run works; what is left is the next night's.
SECONDS = 480
LEASE = "evidence"


@dataclass(frozen=True)
class Kept:
    """A kind of evidence, and for how long it is kept. ``days``: None without an end. ``decided_at``: None while nobody
    has decided, so that it is kept without an end too."""

    kind: Evidence
    days: int | None
    decided_at: datetime | None

    @property
    def years(self) -> int:
        """Of requests: whole years after the end of the one in which they ended."""
        return (self.days or 0) // 365


def periods() -> list[Kept]:
    """Every kind with its period, in the order of :class:`Evidence`."""
    rows = {row.kind: row for row in EvidencePeriod.objects.all()}
    return [
        Kept(kind, rows[kind].days, rows[kind].decided_at) if kind in rows else Kept(kind, None, None)
        for kind in Evidence
    ]


def is_undecided() -> bool:
    """Whether somebody has to be asked for how long evidence is kept."""
    return EvidencePeriod.objects.filter(decided_at__isnull=False).count() < len(Evidence)


def evidence_clear(*, seconds: float = SECONDS) -> dict[str, int]:
    """Let go what is past its period. Kind → how many rows (of imports: files) went; those with none are left out."""
    went: Counter[str] = Counter()
    if site_is_fenced():
        return dict(went)  # who knows what an old backup brings back
    deadline = time.monotonic() + seconds
    with leased(LEASE, seconds + 60) as mine:
        if mine is None:
            return dict(went)  # another machine is at it
        for kept in periods():
            if kept.days is not None and kept.decided_at is not None:
                _clear(kept, deadline, went)
    if went:
        logger.info("evidence past its period: %s", ", ".join(f"{kind} {n}" for kind, n in sorted(went.items())))
    return dict(went)


def evidence_due() -> dict[str, int]:
    """The same without doing it."""
    due: Counter[str] = Counter()
    for kept in periods():
        if kept.days is None or kept.decided_at is None:
            continue
        if kept.kind == Evidence.REQUESTS:
            due[kept.kind] += requests_past(year_cutoff(kept.years)).count()
        for each in get_registry().periods:
            if each.kind == kept.kind:
                due[kept.kind] += _rows(each, timezone.now() - timedelta(days=kept.days)).count()
    return {kind: number for kind, number in due.items() if number}


def _clear(kept: Kept, deadline: float, went: Counter[str]) -> None:
    if kept.kind == Evidence.REQUESTS:
        _clear_requests(year_cutoff(kept.years), deadline, went)
    assert kept.days is not None
    before = timezone.now() - timedelta(days=kept.days)
    for each in get_registry().periods:
        if each.kind == kept.kind:
            _clear_rows(each, before, deadline, went)


# ---------------------------------------------------------------- rows and files


def _rows(period: GoesAfter, before: datetime) -> QuerySet[Any]:
    model: Any = apps.get_model(period.model)
    rows: QuerySet[Any] = model._base_manager.filter(**{f"{period.moment}__lt": before}, **period.only)
    if period.row_stays:
        has_file = Q()
        for name in period.files:
            has_file |= ~Q(**{name: ""})
        rows = rows.filter(has_file)
    return rows


def _clear_rows(period: GoesAfter, before: datetime, deadline: float, went: Counter[str]) -> None:
    """By primary key upwards, so that rows that have to stay are not met again."""
    last, size = 0, FEW if period.files else ROWS
    needed: dict[int, bool] = {}
    while not slice_is_over(deadline):
        rows = list(_rows(period, before).filter(pk__gt=last).order_by("pk")[:size])
        if not rows:
            return
        last = rows[-1].pk
        going = [row for row in rows if not _is_needed(row, period, needed)]
        went[period.kind] += _let_go(period, going, before)


def _is_needed(row: Any, period: GoesAfter, needed: dict[int, bool]) -> bool:
    if not period.account:
        return False
    account_id: int = getattr(row, f"{period.account}_id")
    if account_id not in needed:
        needed[account_id] = account_in_open_request(account_id)
    return needed[account_id]


def _let_go(period: GoesAfter, rows: list[Any], before: datetime) -> int:
    """Files first: a row without its file is done by the next run, a file without its row by nobody."""
    gone = [row.pk for row in rows if _files_are_gone(period, row)]
    if not gone:
        return 0
    with transaction.atomic():
        left = _rows(period, before).filter(pk__in=gone)
        if period.row_stays:
            return left.update(**dict.fromkeys(period.files, ""))
        return left._raw_delete(left.db)  # nothing points at them: the registry has looked


def _files_are_gone(period: GoesAfter, row: Any) -> bool:
    """False where the storage keeps one: it is tried again, with its row in place to tell of it."""
    stored = [getattr(row, name) for name in period.files if getattr(row, name)]
    return all(eraser_of(file.storage).erase([str(file.name)]) is None for file in stored)


# ---------------------------------------------------------------- requests


def year_cutoff(years: int, now: datetime | None = None) -> datetime:
    """What ended before this moment is older than so many years after the end of its year."""
    return datetime((now or timezone.now()).year - years, 1, 1, tzinfo=UTC)


def requests_past(cutoff: datetime) -> QuerySet[PurgeRequest]:
    """Requests that are not parts of others, and ended before then with all their parts; and nothing needs them."""
    parts = PurgeRequest.across_accounts.filter(part_of=OuterRef("pk"))
    young = parts.alias(ended=_ended()).filter(Q(status__in=OPEN_STATUSES) | Q(ended__gte=cutoff))
    again = PurgeRequest.across_accounts.filter(replays=OuterRef("reference"), status__in=OPEN_STATUSES)
    mine = Q(request=OuterRef("pk")) | Q(request__part_of=OuterRef("pk"))
    return (
        PurgeRequest.across_accounts.filter(part_of=None, status__in=(Status.COMPLETED, Status.CANCELLED))
        .alias(ended=_ended())
        .filter(ended__lt=cutoff)
        .exclude(Exists(young))
        .exclude(Exists(again))
        .exclude(Exists(FollowUp.across_accounts.filter(mine, done_at=None)))
        .exclude(Exists(ImsNotice.across_accounts.filter(mine, state=NoticeState.OPEN)))
        # What the purge log outside the database does not say yet, or says otherwise.
        .exclude(Exists(JournalMark.objects.filter(mine, written__lt=F("reached"))))
        .exclude(Exists(JournalAlarm.objects.filter(reference=OuterRef("reference"))))
    )


def _ended() -> Any:
    """When a request that is over ended; of a cancelled one, whose history does not say it, when it was due."""
    cancelled = LedgerEntry.objects.filter(request=OuterRef("pk"), event="cancelled").order_by("-pk").values("at")[:1]
    return Coalesce("completed_at", models.Subquery(cancelled), "due_at")


def _clear_requests(cutoff: datetime, deadline: float, went: Counter[str]) -> None:
    last = 0
    while not slice_is_over(deadline):
        due = requests_past(cutoff).filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:FEW]
        found = list(due)
        if not found:
            return
        for pk in found:
            went[Evidence.REQUESTS] += _request_goes(pk, cutoff)
        last = found[-1]


@transaction.atomic
def _request_goes(pk: int, cutoff: datetime) -> int:
    """A request with its parts becomes numbers, in one transaction: counted once, whoever is killed when."""
    locked = PurgeRequest.across_accounts.select_for_update().filter(Q(pk=pk) | Q(part_of=pk)).order_by("pk")
    rows = list(locked)
    if not requests_past(cutoff).filter(pk=pk).exists():
        return 0  # somebody reopened it meanwhile
    zones = get_host().accounts({row.account_id for row in rows if row.account_id is not None})
    for row in rows:
        account = zones.get(row.account_id or 0)
        _count(row, account.time_zone if account else "UTC")
    PurgeRequest.across_accounts.filter(part_of=pk).delete()
    PurgeRequest.across_accounts.filter(pk=pk).delete()
    return len(rows)


def _count(row: PurgeRequest, zone: str) -> None:
    done = row.status == Status.COMPLETED
    ended = row.completed_at or _cancelled_at(row) or row.due_at
    erased = Subject.objects.filter(request=row, fate=Fate.ERASED).aggregate(
        people=Count("pk"), own=Count("pk", filter=Q(account_id=row.account_id))
    )
    numbers = {
        "completed": int(done),
        "late": int(done and ended > row.due_at),
        "cancelled": int(not done),
        "found": int(LedgerEntry.objects.filter(request=row, event="residue").exists()),
        **(erased if done else {}),
    }
    _add(row, _month(ended, zone), numbers)
    _add(row, _month(row.accepted_at, zone), {"accepted": 1})


def _cancelled_at(row: PurgeRequest) -> datetime | None:
    return LedgerEntry.objects.filter(request=row, event="cancelled").values_list("at", flat=True).last()


def _month(moment: datetime, zone: str) -> date:
    return timezone.localtime(moment, zone_named(zone)).date().replace(day=1)


def _add(row: PurgeRequest, month: date, numbers: Mapping[str, int]) -> None:
    of: dict[str, Any] = {"account_id": row.account_id, "month": month, "route": row.route}
    count, _made = EvidenceCount.across_accounts.get_or_create(**of)
    changes: Any = {name: F(name) + number for name, number in numbers.items() if number}
    if changes:
        EvidenceCount.across_accounts.filter(pk=count.pk).update(**changes)


# ---------------------------------------------------------------- words


def kept_text(kept: Kept) -> str:
    """For how long, as a phrase."""
    if kept.decided_at is None:
        return _("without an end: nobody has decided yet")
    if kept.days is None:
        return _("without an end")
    if kept.kind == Evidence.REQUESTS:
        return ngettext(
            "%(n)d year after the end of the year in which they ended, then counts only",
            "%(n)d years after the end of the year in which they ended, then counts only",
            kept.years,
        ) % {"n": kept.years}
    return ngettext("%(n)d day", "%(n)d days", kept.days) % {"n": kept.days}


def periods_in_words() -> list[tuple[Evidence, str]]:
    """Each kind, with how long it is kept."""
    return [(kept.kind, kept_text(kept)) for kept in periods()]
