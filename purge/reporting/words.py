"""A report in words: what page, command and table for other programs say alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.choices import Route
from purge.reporting.figures import DURATION_LABELS, LABELS, Figure, wait_label
from purge.reporting.report import LINE_FIGURES, Counted, Report
from purge.standing import duration_text

#: The figures of a report, in the order in which people read them.
ORDER = (
    Figure.ACCEPTED,
    Figure.COMPLETED,
    Figure.ON_TIME,
    Figure.LATE,
    Figure.OVERDUE,
    Figure.CANCELLED,
    Figure.FOUND,
    Figure.CHECKED,
)
ENDED = {
    "accepted": gettext_lazy("accepted: %(n)s"),
    "completed": gettext_lazy("completed: %(n)s"),
    "late": gettext_lazy("of them late: %(n)s"),
    "cancelled": gettext_lazy("cancelled: %(n)s"),
    "found": gettext_lazy("data found after: %(n)s"),
    "erased": gettext_lazy("people erased: %(n)s"),
}


def shown(report: Report) -> list[tuple[str, Counted]]:
    """Each figure by its name."""
    return [(str(LABELS[figure]), report.totals[figure]) for figure in ORDER]


def route_label(route: str) -> str:
    return str(Route(route).label)


def line_heads() -> list[str]:
    return [str(LABELS[figure]) for figure in LINE_FIGURES]


def how_fast(report: Report) -> str:
    """How long it took, as one sentence; '' where nothing was completed."""
    if report.median is None or report.longest is None:
        return ""
    return _("Median time to completion: %(median)s; the slowest: %(longest)s.") % {
        "median": duration_text(report.median),
        "longest": duration_text(report.longest),
    }


def counts_only(report: Report) -> str:
    """What is still known of requests whose evidence is gone; '' where there are none."""
    parts = [
        str(text) % {"n": number_format(report.counts_only[name], force_grouping=True)}
        for name, text in ENDED.items()
        if name in report.counts_only
    ]
    return ", ".join(parts)


def csv_rows(report: Report) -> Iterable[tuple[str, ...]]:
    """Figure, type, account (its number) and number; durations in seconds. The first line says what stands in each
    column; the words are the same in every language."""
    yield ("figure", "type", "account", "detail", "number")
    own = "" if report.account_id is None else str(report.account_id)
    for figure in ORDER:
        yield (str(figure), "", own, "", str(report.totals[figure].number))
    yield ("people_erased", "", own, "", str(report.people))
    for name, took in (("median_seconds", report.median), ("longest_seconds", report.longest)):
        yield (name, "", own, "", "" if took is None else str(round(took.total_seconds())))
    for number, each in enumerate(report.durations):
        yield ("completed_within", "", own, str(BOUNDS[number]), str(each.number))
    for event, each in report.why:
        yield ("not_by_the_day_due", "", own, event, str(each.number))
    for line in report.lines:
        account = "" if line.account_id is None else str(line.account_id)
        for figure, each in line.figures.items():
            yield (str(figure), line.route, account, "", str(each.number))
        yield ("people_erased", line.route, account, "", str(line.people))
    for name, number in report.counts_only.items():
        yield (f"counts_only_{name}", "", own, "", str(number))


BOUNDS = ("5 minutes", "1 hour", "1 day", "1 week", "30 days", "longer")


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs: numbers and fixed words; durations in seconds."""
    return {
        "from": report.period.first,
        "to": report.period.last,
        "time_zone": report.period.zone,
        "account": report.account_id,
        **{str(figure): report.totals[figure].number for figure in ORDER},
        "people_erased": report.people,
        "median_seconds": None if report.median is None else round(report.median.total_seconds()),
        "longest_seconds": None if report.longest is None else round(report.longest.total_seconds()),
        "completed_within": {bound: each.number for bound, each in zip(BOUNDS, report.durations, strict=True)},
        "not_by_the_day_due": {event: each.number for event, each in report.why},
        "by_account_and_type": [
            {
                "account": line.account_id,
                "type": line.route,
                "people_erased": line.people,
                **{str(figure): each.number for figure, each in line.figures.items()},
            }
            for line in report.lines
        ],
        "counts_only": report.counts_only,
    }


def as_lines(report: Report) -> list[str]:
    """The report for people at a terminal."""
    lines = [report.period.label]
    lines += [f"  {label}: {each.number:,}" for label, each in shown(report)]
    lines.append("  " + _("People erased: %(n)s") % {"n": f"{report.people:,}"})
    if sentence := how_fast(report):
        lines.append(f"  {sentence}")
    for label, each in zip(DURATION_LABELS, report.durations, strict=True):
        if each.number:
            lines.append(f"    {label}: {each.number:,}")
    for event, each in report.why:
        lines.append("  " + _("Late, last waited for %(what)s: %(n)s") % {"what": wait_label(event), "n": each.number})
    for line in report.lines:
        account = "–" if line.account_id is None else line.account_id
        numbers = ", ".join(f"{LABELS[figure]} {each.number:,}" for figure, each in line.figures.items())
        lines.append(f"  {account} {route_label(line.route)}: {numbers}")
    if report.more_lines:
        lines.append("  " + _("More accounts are counted above and have no line of their own."))
    if ended := counts_only(report):
        lines.append("  " + _("Besides, of which only counts are left: %(counts)s") % {"counts": ended})
    return lines
