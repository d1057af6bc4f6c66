"""The home page: what waits, what is late, whether a worker is alive, and two charts made on the server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from messaging.models import Notification
from messaging.selectors import notifications_of
from purge.choices import OPEN_STATUSES, Fate, Reason, State, Status
from purge.installation.storage import TEXTS, begin_storage, text_for_customers
from purge.models import FollowUp, PurgeRequest, Subject, WorkerBeat
from purge.selectors import requests_seen_by, worker_beat, worker_is_alive, workers_without_files
from purge.standing import FOLLOW, Standing, in_state, is_late, standings
from purge.upkeep.compaction import clean_up_texts
from purge.upkeep.paused import notify, of_storage, texts_for
from users.models import DeletedCount, UserState
from users.tenancy import account_id_of_administrator, sees_all_accounts

MONTHS = 12
#: The chart of durations looks at the latest completions only.
MOST_DURATIONS = 2_000
LATEST = 5

#: Size of a chart's drawing, in its own units.
WIDTH, HEIGHT, FLOOR, CEILING = 640, 220, 190, 14


@dataclass(frozen=True)
class Tile:
    """One number. ``tone``: quiet, info, warning, error or success; ``url``: where to go, or ''."""

    label: str
    value: str
    tone: str
    note: str
    url: str = ""


@dataclass(frozen=True)
class Bar:
    """One bar of a chart, in the drawing's units, and what it says."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str


@dataclass(frozen=True)
class Tick:
    """A label of an axis, or a line across at ``y``."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing with the table behind it. ``heads``: the table's columns; ``rows``: one per group of bars."""

    title: str
    summary: str
    heads: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[Bar, ...]
    labels: tuple[Tick, ...]
    lines: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = FLOOR

    @property
    def is_empty(self) -> bool:
        return not any(bar.height for bar in self.bars)


@dataclass(frozen=True)
class Home:
    """What the home page shows to somebody. ``worker`` is None when none has ever run; ``paused``: why purges wait;
    ``clean_up``: what keeps the disk space of finished ones, for those who can end it."""

    tiles: tuple[Tile, ...]
    worker: WorkerBeat | None
    worker_alive: bool
    storage: str
    paused: tuple[str, ...]
    clean_up: tuple[str, ...]
    charts: tuple[Chart, ...]
    latest: tuple[tuple[PurgeRequest, Standing], ...]
    notifications: QuerySet[Notification]
    follows_all: bool


def home_of(user: Any) -> Home:
    """The home page of somebody signed in: their account's, or all accounts' for support staff and superusers."""
    requests = requests_seen_by(user)
    latest = list(requests.order_by("-accepted_at", "-pk")[:LATEST])
    stand = standings(latest, user)
    return Home(
        tiles=_tiles(user, requests),
        worker=worker_beat(),
        worker_alive=worker_is_alive(),
        storage=_storage_text(user),
        paused=texts_for(user),
        clean_up=clean_up_texts() if user.is_superuser or user.is_support else (),
        charts=(_months_chart(user, requests), _durations_chart(requests)),
        latest=tuple((purge_request, stand[purge_request.pk]) for purge_request in latest),
        notifications=notifications_of(user)[:LATEST],
        follows_all=user.has_perm(FOLLOW),
    )


def _storage_text(user: Any) -> str:
    """What is wrong with the file storage, for those who can mend it; the constant sentence for all others."""
    trouble = begin_storage()
    away = workers_without_files()
    if not (trouble or away):
        return ""
    if trouble:
        notify((of_storage(trouble),))
    if not (user.is_superuser or user.is_support):
        return text_for_customers()
    if trouble:
        return str(TEXTS[trouble])
    return ngettext(
        "%(n)d worker sees another file storage than the web and erases nothing. Set its MEDIA_ROOT as for the web.",
        "%(n)d workers see another file storage than the web and erase nothing. Set their MEDIA_ROOT as for the web.",
        away,
    ) % {"n": away}


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
            f"{counted['open']:,}",
            "info" if counted["open"] else "quiet",
            _("%(waiting)s waiting, %(in_progress)s in progress")
            % {"waiting": f"{counted['waiting']:,}", "in_progress": f"{counted['in_progress']:,}"},
            f"{url}?state={State.WAITING}" if counted["waiting"] else url,
        ),
        Tile(
            str(State.NEEDS_HELP.label),
            f"{counted['needs_help']:,}",
            _bad(counted["needs_help"]),
            _("stopped; action needed"),
            f"{url}?state={State.NEEDS_HELP}",
        ),
        Tile(
            _("Overdue"),
            f"{counted['overdue']:,}",
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
        tiles.append(Tile(_("To do"), f"{left:,}", tone, _("left to do after purges"), f"{url}?todo=open"))
    waiting = deleted_and_waiting(user)
    if waiting is not None:
        cleanup = reverse("admin:users_deleteduser_changelist")
        tone = "info" if waiting else "quiet"
        tiles.insert(0, Tile(_("Deleted users"), f"{waiting:,}", tone, _("ready to restore or purge"), cleanup))
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


# ---------------------------------------------------------------- charts


def _months() -> list[str]:
    """The last twelve months as "YYYY-MM" in the reader's time zone, the oldest first."""
    today = timezone.localdate()
    number = today.year * 12 + today.month - 1
    return [f"{n // 12}-{n % 12 + 1:02}" for n in range(number - MONTHS + 1, number + 1)]


def _month_label(month: str, form: str) -> str:
    return date_format(datetime.strptime(f"{month}-15", "%Y-%m-%d"), form)  # noqa: DTZ007 - a month, no moment


def _months_chart(user: Any, requests: QuerySet[PurgeRequest]) -> Chart:
    """Deleted users who still wait, by month of deletion, beside the people purged, by month of completion."""
    months = _months()
    since = timezone.now() - timedelta(days=31 * (MONTHS + 1))
    purged: Counter[str] = Counter()
    erased = Subject.objects.filter(
        request__in=requests.filter(completed_at__gte=since), role=Reason.SELECTED, fate=Fate.ERASED
    )
    per_request = erased.values_list("request__completed_at").annotate(n=Count("pk")).order_by()
    for completed_at, number in per_request:
        purged[timezone.localtime(completed_at).strftime("%Y-%m")] += number
    counts = _deleted_counts(user)
    deleted: Counter[str] = Counter()
    if counts is not None:
        for month, number in counts.filter(month__in=months).values_list("month").annotate(total=Sum("n")).order_by():
            deleted[month] += number
    kinds = [("purged", _("Purged"), purged)]
    if counts is not None:
        kinds.insert(0, ("deleted", _("Deleted and still here"), deleted))
    total = sum(purged[month] for month in months)
    return _chart(
        title=_("Deleted and purged, by month"),
        summary=ngettext("%(n)d person purged in twelve months.", "%(n)d people purged in twelve months.", total)
        % {"n": total},
        head=_("Month"),
        groups=[(_month_label(month, "M"), _month_label(month, "F Y"), month) for month in months],
        kinds=kinds,
    )


#: Upper bounds of the groups of durations.
DURATIONS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))


def _durations_chart(requests: QuerySet[PurgeRequest]) -> Chart:
    """How long the latest requests took from acceptance to completion."""
    done: Any = requests.filter(status=Status.COMPLETED, completed_at__isnull=False).order_by("-completed_at")
    took: list[Any] = [end - start for start, end in done.values_list("accepted_at", "completed_at")[:MOST_DURATIONS]]
    names = (
        _("5 minutes"),
        _("1 hour"),
        _("1 day"),
        _("1 week"),
        _("30 days"),
        _("longer"),
    )
    counted: Counter[str] = Counter(str(sum(each > bound for bound in DURATIONS)) for each in took)
    groups = [
        (name, name if number == len(DURATIONS) else _("up to %(time)s") % {"time": name}, str(number))
        for number, name in enumerate(names)
    ]
    if took:
        summary = _("Median time to completion: %(time)s.") % {"time": _duration_text(median(took))}
    else:
        summary = _("No request is completed yet.")
    return _chart(
        title=_("Time to completion"),
        summary=summary,
        head=_("Completed within"),
        groups=groups,
        kinds=[("requests", _("Requests"), counted)],
    )


def _duration_text(took: timedelta) -> str:
    minutes = max(1, round(took.total_seconds() / 60))
    if minutes < 120:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = round(hours / 24)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def _chart(
    *,
    title: str,
    summary: str,
    head: str,
    groups: list[tuple[str, str, str]],
    kinds: list[tuple[str, str, Counter[str]]],
) -> Chart:
    """Bars side by side. ``groups``: (short label, long label, key); ``kinds``: (CSS name, label, numbers by key)."""
    top = _round_up(max((numbers[key] for _kind, _words, numbers in kinds for *_labels, key in groups), default=0))
    left = 16 + 11 * len(f"{top:,}")
    room = (WIDTH - left) / len(groups)
    width = min(28.0, room * 0.72 / len(kinds))
    bars, labels = [], []
    for number, (short, long, key) in enumerate(groups):
        middle = left + room * (number + 0.5)
        labels.append(Tick(round(middle, 1), FLOOR + 18, short))
        for place, (kind, text, numbers) in enumerate(kinds):
            height = round((FLOOR - CEILING) * numbers[key] / top, 1) if top else 0
            x = middle + (place - len(kinds) / 2) * width
            said = f"{long}: {numbers[key]:,} {text}"
            bars.append(Bar(round(x, 1), round(FLOOR - height, 1), round(width - 2, 1), height, kind, said))
    lines = [
        Tick(left, round(FLOOR - (FLOOR - CEILING) * share, 1), f"{round(top * share):,}") for share in (0, 0.5, 1)
    ]
    return Chart(
        title=title,
        summary=summary,
        heads=(head, *(text for _kind, text, _numbers in kinds)),
        kinds=tuple((kind, text) for kind, text, _numbers in kinds),
        rows=tuple((long, *(f"{numbers[key]:,}" for *_kind, numbers in kinds)) for _short, long, key in groups),
        bars=tuple(bars),
        labels=tuple(labels),
        lines=tuple(lines),
    )


def _round_up(number: int) -> int:
    """The end of an axis: an even round number that is not below the number."""
    if number <= 10:
        return max(2, number + number % 2)
    step: int = 10 ** (len(str(number)) - 1) // 2
    return -(-number // step) * step
