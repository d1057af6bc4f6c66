"""The home page: what waits, what is late, whether a worker is alive, and charts made on the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from messaging.models import Notification
from messaging.selectors import notifications_of
from purge.admin.base import account_names
from purge.admin.report import link_to, link_to_one
from purge.choices import OPEN_STATUSES, Fate, State
from purge.models import FollowUp, PurgeRequest, Subject, WorkerBeat
from purge.reporting.drawing import Chart, durations_chart, months_chart, slowest_chart
from purge.reporting.periods import last_twelve_months
from purge.selectors import requests_seen_by, worker_beat, worker_is_alive
from purge.standing import FOLLOW, Standing, in_state, is_late, standings, zone_of
from purge.upkeep.compaction import clean_up_texts
from purge.upkeep.evidence import is_undecided
from users.models import DeletedCount, UserState
from users.tenancy import account_id_of_administrator, sees_all_accounts

LATEST = 5


@dataclass(frozen=True)
class Tile:
    """One number. ``tone``: quiet, info, warning, error or success; ``url``: where to go, or ''."""

    label: str
    value: str
    tone: str
    note: str
    url: str = ""


@dataclass(frozen=True)
class Home:
    """What the home page shows to somebody. ``worker`` is None when none has ever run; ``asks_for_periods``: nobody has
    decided for how long evidence is kept, and they may; ``clean_up``: what keeps the disk space of finished ones, for
    those who can end it; ``latest``: with the names of their accounts for those who follow all, else ''."""

    tiles: tuple[Tile, ...]
    worker: WorkerBeat | None
    worker_alive: bool
    clean_up: tuple[str, ...]
    asks_for_periods: bool
    charts: tuple[Chart, ...]
    latest: tuple[tuple[PurgeRequest, Standing, str], ...]
    notifications: QuerySet[Notification]
    follows_all: bool

    @property
    def worker_just_seen(self) -> bool:
        """Less than a minute ago."""
        return self.worker is not None and self.worker.beat_at > timezone.now() - timedelta(minutes=1)


def home_of(user: Any) -> Home:
    """The home page of somebody signed in: their account's, or all accounts' for support staff and superusers."""
    requests = requests_seen_by(user)
    latest = list(requests.order_by("-accepted_at", "-pk")[:LATEST])
    stand = standings(latest, user)
    names = account_names(latest) if user.has_perm(FOLLOW) else {}
    return Home(
        tiles=_tiles(user, requests),
        worker=worker_beat(),
        worker_alive=worker_is_alive(),
        asks_for_periods=user.is_superuser and is_undecided(),
        clean_up=clean_up_texts() if user.is_superuser or user.is_support else (),
        charts=_charts(user, requests),
        latest=tuple((each, stand[each.pk], names.get(each.pk, "")) for each in latest),
        notifications=notifications_of(user)[:LATEST],
        follows_all=user.has_perm(FOLLOW),
    )


def _charts(user: Any, requests: QuerySet[PurgeRequest]) -> tuple[Chart, ...]:
    zone, everything = zone_of(user), user.has_perm(FOLLOW)
    year = last_twelve_months(zone)
    return (
        months_chart(requests, year, link_to, everything=everything),
        slowest_chart(requests, link_to_one, zone),
        durations_chart(requests, year, link_to),
    )


# ---------------------------------------------------------------- tiles


def _tiles(user: Any, requests: QuerySet[PurgeRequest]) -> tuple[Tile, ...]:
    now = timezone.now()
    waits, works, stopped = (in_state(state, now) for state in (State.WAITING, State.IN_PROGRESS, State.NEEDS_HELP))
    counted = requests.filter(status__in=OPEN_STATUSES).aggregate(
        open=Count("pk"),
        waiting=Count("pk", filter=waits),
        in_progress=Count("pk", filter=works),
        needs_help=Count("pk", filter=stopped),
        overdue=Count("pk", filter=is_late(now)),
    )
    url = reverse("admin:purge_purgerequest_changelist")
    tiles = [
        Tile(
            _("Open requests"),
            number_format(counted["open"], force_grouping=True),
            "info" if counted["open"] else "quiet",
            _("%(waiting)s waiting, %(in_progress)s in progress")
            % {
                "waiting": number_format(counted["waiting"], force_grouping=True),
                "in_progress": number_format(counted["in_progress"], force_grouping=True),
            },
            f"{url}?state={State.WAITING}" if counted["waiting"] else url,
        ),
        Tile(
            str(State.NEEDS_HELP.label),
            number_format(counted["needs_help"], force_grouping=True),
            _bad(counted["needs_help"]),
            _("stopped; action needed"),
            f"{url}?state={State.NEEDS_HELP}",
        ),
        Tile(
            _("Overdue"),
            number_format(counted["overdue"], force_grouping=True),
            _bad(counted["overdue"]),
            _("past the 30-day deadline"),
            f"{url}?deadline=overdue",
        ),
    ]
    account_id = account_id_of_administrator(user)
    if account_id is not None:
        # Of the requests that their list shows: what other accounts' purges left here has a notification and a list.
        left = FollowUp.objects.filter(account_id=account_id, request__account_id=account_id, done_at=None).count()
        tone = "warning" if left else "success"
        tiles.append(
            Tile(
                _("To do"),
                number_format(left, force_grouping=True),
                tone,
                _("left to do after purges"),
                f"{url}?todo=open",
            )
        )
    waiting = deleted_and_waiting(user)
    if waiting is not None:
        cleanup = reverse("admin:users_deleteduser_changelist")
        tone = "info" if waiting else "quiet"
        tiles.insert(
            0,
            Tile(
                _("Deleted users"),
                number_format(waiting, force_grouping=True),
                tone,
                _("ready to restore or purge"),
                cleanup,
            ),
        )
    return tuple(tiles)


def _bad(number: int) -> str:
    return "error" if number else "success"


def deleted_and_waiting(user: Any) -> int | None:
    """How many deleted people are in no request; None for those who see no account's people."""
    counts = _deleted_counts(user)
    if counts is None:
        return None
    held = Subject.objects.filter(
        request__status__in=OPEN_STATUSES, fate__in=(Fate.WAITING, Fate.STUCK), earlier_state=UserState.DELETED
    )
    account_id = account_id_of_administrator(user)
    if account_id is not None:
        held = held.filter(account_id=account_id, request__account_id=account_id)
    total = counts.aggregate(total=Sum("n"))["total"] or 0
    return max(0, total - held.values("person_id").distinct().count())


def _deleted_counts(user: Any) -> QuerySet[DeletedCount] | None:
    account_id = account_id_of_administrator(user)
    if account_id is not None:
        return DeletedCount.objects.filter(account_id=account_id)
    return DeletedCount.objects.all() if sees_all_accounts(user) else None
