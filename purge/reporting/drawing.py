"""Bar charts as numbers for a drawing, made on the server: each bar leads to its rows, and a table says the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.models import PurgeRequest
from purge.reporting.figures import DURATION_LABELS, SHORT_DURATION_LABELS, Rows, days_of, still_open
from purge.reporting.periods import Period
from purge.reporting.report import duration_groups, months_of
from purge.standing import moment_text

#: Size of a chart's drawing, in its own units.
WIDTH, HEIGHT, FLOOR, CEILING = 640, 256, 190, 14
#: Words at the foot stand in two lines by turns, so far below each other: on a phone they are as wide as two bars.
FOOT, FURTHER = 24, 32
#: Open requests that a chart shows: those due first.
MOST_OPEN = 8

#: Where the list of some rows is; where one request is, by its number.
LinkTo = Callable[[Rows], str]
LinkToOne = Callable[[int], str]


@dataclass(frozen=True)
class Bar:
    """One bar of a chart, in the drawing's units; what it says, and where its rows are."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str
    url: str


@dataclass(frozen=True)
class Tick:
    """A label of an axis, or a line across at ``y``."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Cell:
    """A cell of the table; ``url``: where its rows are, '' where there are none."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing with the table behind it. ``heads``: the table's columns; ``rows``: one per group of bars. ``period``:
    from when to when. ``mark``: a line across, at a number that matters."""

    name: str
    title: str
    period: str
    summary: str
    heads: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]
    bars: tuple[Bar, ...]
    labels: tuple[Tick, ...]
    lines: tuple[Tick, ...]
    mark: Tick | None = None
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = FLOOR

    @property
    def is_empty(self) -> bool:
        return not any(bar.height for bar in self.bars)


@dataclass(frozen=True)
class Group:
    """Bars on top of each other. ``short``: below them, ``long``: in the table. ``parts``: number, kind and address."""

    short: str
    long: str
    parts: tuple[tuple[int, str, str], ...]
    more: tuple[Cell, ...] = ()


# ---------------------------------------------------------------- the three charts


def months_chart(
    requests: QuerySet[PurgeRequest],
    period: Period,
    link_to: LinkTo,
    *,
    account_id: int | None = None,
    everything: bool,
) -> Chart:
    """How many were completed in each month, within the thirty days and later?"""
    months = months_of(requests, period, account_id=account_id, everything=everything)
    groups = [
        Group(
            _month_label(month.period, first=number == 0),
            month.period.label,
            (
                (month.on_time.number, "purged", link_to(month.on_time.rows)),
                (month.late.number, "late", link_to(month.late.rows)),
            ),
            (Cell(_grouped(month.people)),),
        )
        for number, month in enumerate(months)
    ]
    done = sum(month.on_time.number + month.late.number for month in months)
    people, late = sum(month.people for month in months), sum(month.late.number for month in months)
    return _chart(
        name="months",
        title=_("Erased by month, against the 30-day deadline"),
        period=_span_text(period),
        summary=ngettext(
            "%(n)s request completed, late: %(late)s. People erased: %(people)s.",
            "%(n)s requests completed, late: %(late)s. People erased: %(people)s.",
            done,
        )
        % {"n": _grouped(done), "late": _grouped(late), "people": _grouped(people)},
        head=_("Month"),
        kinds=(("purged", _("Requests completed on time")), ("late", _("Requests completed late"))),
        groups=groups,
        more=(_("People erased"),),
    )


def durations_chart(
    requests: QuerySet[PurgeRequest], period: Period, link_to: LinkTo, *, account_id: int | None = None
) -> Chart:
    """How long did it take?"""
    counted = duration_groups(requests, period, account_id=account_id)
    groups = [
        Group(str(short), str(label), ((each.number, "purged", link_to(each.rows)),))
        for short, label, each in zip(SHORT_DURATION_LABELS, DURATION_LABELS, counted, strict=True)
    ]
    done = sum(each.number for each in counted)
    within = sum(each.number for each in counted[:3])
    return _chart(
        name="durations",
        title=_("Time to completion"),
        period=_span_text(period),
        summary=ngettext(
            "%(n)s request completed, %(day)s of them within a day.",
            "%(n)s requests completed, %(day)s of them within a day.",
            done,
        )
        % {"n": _grouped(done), "day": _grouped(within)},
        head=_("Completed within"),
        kinds=(("purged", _("Requests")),),
        groups=groups,
    )


def slowest_chart(requests: QuerySet[PurgeRequest], link_to_one: LinkToOne, zone: str) -> Chart:
    """Which open request is the slowest, and how many of its thirty days are over?"""
    now = timezone.now()
    rows = still_open(requests, MOST_OPEN)
    groups = []
    for each in rows:
        days, late = days_of(each, now), each.due_at < now
        parts = ((max(days, 1), "late" if late else "purged", link_to_one(each.pk)),)
        due = Cell(moment_text(each.due_at, zone))
        groups.append(Group(each.reference.split("-")[1], each.reference, parts, (due,)))
    return _chart(
        name="slowest",
        title=_("Slowest open requests"),
        period=_("now: %(when)s") % {"when": moment_text(now, zone)},
        summary=_slowest_text(rows, zone),
        head=_("Request ID"),
        kinds=(("purged", _("Days since it was accepted")), ("late", _("past the day it was due"))),
        groups=groups,
        more=(_("Due"),),
        mark=30,
    )


def _slowest_text(rows: Sequence[PurgeRequest], zone: str) -> str:
    if not rows:
        return _("No request is open.")
    first = rows[0]
    return _("Due first: %(reference)s, on %(when)s.") % {
        "reference": first.reference,
        "when": moment_text(first.due_at, zone),
    }


def _span_text(period: Period) -> str:
    """ "Dec 2025 to Nov 2026"; the days where they are no whole months."""
    months = period.months()
    if all(month.is_whole_month for month in (months[0], months[-1])):
        first, last = date_format(period.first, "M Y"), date_format(period.last, "M Y")
        return first if first == last else _("%(first)s to %(last)s") % {"first": first, "last": last}
    return period.label


def _month_label(month: Period, *, first: bool) -> str:
    """The month; where a year begins, the year as well."""
    return date_format(month.first, "M y" if first or month.first.month == 1 else "M")


# ---------------------------------------------------------------- the drawing


def _chart(
    *,
    name: str,
    title: str,
    period: str,
    summary: str,
    head: str,
    kinds: tuple[tuple[str, str], ...],
    groups: Sequence[Group],
    more: tuple[str, ...] = (),
    mark: int = 0,
) -> Chart:
    """Bars on top of each other, beside one another by group."""
    highest = max((sum(number for number, *_rest in group.parts) for group in groups), default=0)
    top = round_up(max(highest, mark if groups else 0))
    left = 16 + 11 * len(f"{top:,}")
    room = (WIDTH - left) / max(1, len(groups))
    width = round(min(34.0, room * 0.62), 1)
    bars: list[Bar] = []
    labels = []
    words = dict(kinds)
    for place, group in enumerate(groups):
        middle = left + room * (place + 0.5)
        labels.append(Tick(round(middle, 1), FLOOR + FOOT + FURTHER * (place % 2), group.short))
        y = float(FLOOR)
        for number, kind, url in group.parts:
            height = round((FLOOR - CEILING) * number / top, 1)
            y = round(y - height, 1)
            said = f"{group.long}: {_grouped(number)} {words[kind]}"
            bars.append(Bar(round(middle - width / 2, 1), y, width, height, kind, said, url))
    return Chart(
        name=name,
        title=title,
        period=period,
        summary=summary,
        heads=(head, *_table_heads(kinds, groups), *more),
        kinds=kinds,
        rows=tuple(_table_row(group) for group in groups),
        bars=tuple(bars),
        labels=tuple(labels),
        lines=tuple(_line(left, top, round(top * share)) for share in (0, 0.5, 1)),
        mark=_line(left, top, mark) if mark and groups else None,
    )


def _line(left: float, top: int, number: int) -> Tick:
    return Tick(left, round(FLOOR - (FLOOR - CEILING) * number / top, 1), _grouped(number))


def _table_heads(kinds: tuple[tuple[str, str], ...], groups: Sequence[Group]) -> tuple[str, ...]:
    """A column for each part of a group: where each group has one part, its kind is only a colour."""
    parts = max((len(group.parts) for group in groups), default=len(kinds))
    return tuple(text for _kind, text in kinds[:parts])


def _table_row(group: Group) -> tuple[Cell, ...]:
    cells = [Cell(_grouped(number), url if number else "") for number, _kind, url in group.parts]
    return (Cell(group.long), *cells, *group.more)


def round_up(number: int) -> int:
    """The end of an axis: an even round number that is not below the number."""
    if number <= 10:
        return max(2, number + number % 2)
    step: int = 10 ** (len(str(number)) - 1) // 2
    return -(-number // step) * step


def _grouped(number: int) -> str:
    """In the reader's digits."""
    return number_format(number, force_grouping=True)
