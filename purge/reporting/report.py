"""A report over a period: how many, how fast, late and why, found after, checked again. Counted in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from purge.choices import Fate
from purge.models import EvidenceCount, PurgeRequest, Subject
from purge.reporting.figures import DURATIONS, Figure, Rows, condition_of, last_wait, took
from purge.reporting.periods import Period
from purge.standing import zone_named

#: Lines of accounts in a report; the totals count all of them.
MOST_LINES = 500
#: What is counted of requests whose evidence is gone, beside the people.
COUNTED = ("accepted", "completed", "late", "cancelled", "found")
#: What each line of an account and type says.
LINE_FIGURES = (Figure.ACCEPTED, Figure.COMPLETED, Figure.LATE, Figure.OVERDUE, Figure.FOUND)


@dataclass(frozen=True)
class Counted:
    """One number, and the rows behind it."""

    number: int
    rows: Rows


@dataclass(frozen=True)
class Line:
    """The figures of one account and type. ``account_id``: None of what belongs to no account. ``people``: erased by
    what was completed."""

    account_id: int | None
    route: str
    people: int
    figures: dict[Figure, Counted]


@dataclass(frozen=True)
class StaffLine:
    """The figures of what one person started. ``initiator_id``: None of what nobody started who is still here."""

    initiator_id: int | None
    accepted: int
    completed: int
    late: int


@dataclass(frozen=True)
class Report:
    """``median``, ``longest``: from acceptance to completion, None where nothing was completed. ``why``: what the late
    ones last waited for, most first. ``counts_only``: of requests whose evidence is gone, which no list shows any more:
    numbers by the names of :data:`COUNTED`, and people as ``erased``."""

    period: Period
    account_id: int | None
    everything: bool
    totals: dict[Figure, Counted]
    people: int
    median: timedelta | None
    longest: timedelta | None
    durations: list[Counted]
    why: list[tuple[str, Counted]]
    lines: list[Line]
    more_lines: bool = False
    counts_only: dict[str, int] = field(default_factory=dict)


def report_of(
    requests: QuerySet[PurgeRequest],
    period: Period,
    *,
    account_id: int | None = None,
    own: int | None = None,
    everything: bool,
) -> Report:
    """The report on those of ``requests`` that happened in the period. The number of statements is fixed.

    ``everything``: the reader sees all accounts; else people are counted in the requests' own accounts alone.
    ``account_id``: the one account that it is about, of those who see all; None: all that the reader may see. ``own``:
    the reader's account.
    """
    theirs = requests if account_id is None else requests.filter(account_id=account_id)
    theirs = theirs.order_by()
    totals = theirs.aggregate(**{str(figure): _count(condition_of(figure, period)) for figure in Figure})
    done = theirs.filter(condition_of(Figure.COMPLETED, period))
    number = totals[Figure.COMPLETED]
    median, longest = _durations(done, number)
    people = _people(done, everything=everything)
    lines = _lines(theirs, period, people)
    return Report(
        period=period,
        account_id=account_id,
        everything=everything,
        totals={figure: Counted(totals[figure], Rows(figure, period, account_id=account_id)) for figure in Figure},
        people=sum(people.values()),
        median=median,
        longest=longest,
        durations=duration_groups(theirs, period, account_id=account_id),
        why=_why(theirs, period, account_id=account_id, everything=everything),
        lines=lines[:MOST_LINES],
        more_lines=len(lines) > MOST_LINES,
        counts_only=_counts_only(period, account_id, own, everything=everything),
    )


def _count(condition: Q) -> Count:
    return Count("pk", filter=condition)


def _durations(done: QuerySet[PurgeRequest], number: int) -> tuple[timedelta | None, timedelta | None]:
    """Half of them took no longer than the first; none longer than the second."""
    if not number:
        return None, None
    span = ExpressionWrapper(F("completed_at") - F("accepted_at"), output_field=DurationField())
    spans = done.annotate(span=span).order_by("span").values_list("span", flat=True)
    return spans[(number - 1) // 2], spans.reverse().first()


def duration_groups(
    requests: QuerySet[PurgeRequest], period: Period, *, account_id: int | None = None
) -> list[Counted]:
    """What was completed in a period, by how long it took."""
    done = condition_of(Figure.COMPLETED, period)
    groups = range(len(DURATIONS) + 1)
    numbers = requests.order_by().aggregate(**{f"group_{group}": _count(done & took(group)) for group in groups})
    return [
        Counted(numbers[f"group_{group}"], Rows(Figure.COMPLETED, period, account_id=account_id, took=group))
        for group in groups
    ]


@dataclass(frozen=True)
class Month:
    """What was completed in a month; ``people``: whom that erased."""

    period: Period
    on_time: Counted
    late: Counted
    people: int


def months_of(
    requests: QuerySet[PurgeRequest], period: Period, *, account_id: int | None = None, everything: bool
) -> list[Month]:
    """Each month of the period. Two statements."""
    months = period.months()
    wanted = {
        f"{figure}_{number}": _count(condition_of(figure, month))
        for number, month in enumerate(months)
        for figure in (Figure.ON_TIME, Figure.LATE)
    }
    done = requests.order_by().filter(condition_of(Figure.COMPLETED, period))
    numbers, people = done.aggregate(**wanted), _people_by_month(done, period, everything=everything)
    return [
        Month(
            month,
            Counted(numbers[f"on_time_{number}"], Rows(Figure.ON_TIME, month, account_id=account_id)),
            Counted(numbers[f"late_{number}"], Rows(Figure.LATE, month, account_id=account_id)),
            people.get((month.first.year, month.first.month), 0),
        )
        for number, month in enumerate(months)
    ]


def _people_by_month(done: QuerySet[PurgeRequest], period: Period, *, everything: bool) -> dict[tuple[int, int], int]:
    month = TruncMonth("request__completed_at", tzinfo=zone_named(period.zone))
    counted = _erased(done, everything=everything).annotate(month=month).values_list("month").annotate(n=Count("pk"))
    return {(first.year, first.month): number for first, number in counted.order_by()}


def _erased(done: QuerySet[PurgeRequest], *, everything: bool) -> QuerySet[Subject]:
    """The people whom these requests erased; for those who see one account, in the requests' own accounts alone."""
    erased = Subject.objects.filter(request__in=done.values("pk"), fate=Fate.ERASED)
    return erased if everything else erased.filter(account_id=F("request__account_id"))


def _why(
    requests: QuerySet[PurgeRequest], period: Period, *, account_id: int | None, everything: bool
) -> list[tuple[str, Counted]]:
    late = requests.filter(condition_of(Figure.DELAYED, period)).annotate(why=last_wait(everything=everything))
    numbers = dict(late.values_list("why").annotate(n=Count("pk")).order_by())
    return [
        (event, Counted(number, Rows(Figure.DELAYED, period, account_id=account_id, why=event)))
        for event, number in sorted(numbers.items(), key=lambda each: (-each[1], each[0]))
    ]


def _people(done: QuerySet[PurgeRequest], *, everything: bool) -> dict[tuple[int | None, str], int]:
    """(account, route) of the request → people whom it erased."""
    erased = _erased(done, everything=everything)
    counted = erased.values_list("request__account_id", "request__route").annotate(n=Count("pk")).order_by()
    return {(account, route): number for account, route, number in counted}


def _lines(requests: QuerySet[PurgeRequest], period: Period, people: dict[tuple[int | None, str], int]) -> list[Line]:
    """By account and type, those with anything to say; the busiest first."""
    figures = {str(figure): _count(condition_of(figure, period)) for figure in LINE_FIGURES}
    any_of = Q()
    for figure in LINE_FIGURES:
        any_of |= condition_of(figure, period)
    rows: Any = requests.filter(any_of).values("account_id", "route").annotate(**figures)
    found = rows.order_by("-completed", "account_id", "route")[: MOST_LINES + 1]
    return [_line(row, period, people) for row in found]


def _line(row: dict[str, Any], period: Period, people: dict[tuple[int | None, str], int]) -> Line:
    account_id, route = row["account_id"], row["route"]
    return Line(
        account_id,
        route,
        people.get((account_id, route), 0),
        {
            figure: Counted(row[figure], Rows(figure, period, route=route, account_id=account_id))
            for figure in LINE_FIGURES
        },
    )


def _counts_only(period: Period, account_id: int | None, own: int | None, *, everything: bool) -> dict[str, int]:
    """What is still known of requests whose evidence is gone: of the whole months that lie in the period."""
    whole = [month for month in period.months() if month.is_whole_month]
    if not whole or not (everything or own):
        return {}
    counts = EvidenceCount.objects.filter(month__gte=whole[0].first, month__lte=whole[-1].first)
    about = account_id if everything else own
    if about is not None:
        counts = counts.filter(account_id=about)
    people = "people" if everything else "own"
    sums = counts.aggregate(**{name: Sum(name) for name in COUNTED}, erased=Sum(people))
    return {name: number for name, number in sums.items() if number}


def staff_of(requests: QuerySet[PurgeRequest], period: Period, *, account_id: int | None) -> Iterable[StaffLine]:
    """The same by who started them; the busiest first. Whoever shows it has asked for it and is noted
    (:func:`purge.services.evidence.names_of_staff`)."""
    if account_id is not None:
        requests = requests.filter(account_id=account_id)
    accepted, done, late = (condition_of(figure, period) for figure in (Figure.ACCEPTED, Figure.COMPLETED, Figure.LATE))
    counted = requests.filter(accepted | done).values("initiator_id").order_by()
    rows = counted.annotate(accepted=_count(accepted), completed=_count(done), late=_count(late))
    return [StaffLine(**row) for row in rows.order_by("-accepted", "-completed", "initiator_id")[:MOST_LINES]]
