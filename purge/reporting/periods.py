"""Spans of days in a time zone: a quarter, a year, any two days, and the months of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from purge.standing import zone_named

QUARTER = re.compile(r"(\d{4})-?[qQ]?([1-4])")
#: A report is about ten years at most: it has a line for each month.
LONGEST = timedelta(days=3_660)


class NoPeriod(ValueError):
    """What was typed is no quarter, no day, or a span that ends before it begins; in words."""


@dataclass(frozen=True)
class Period:
    """From the first moment of the day ``first`` to the last one of the day ``last``, in the time zone ``zone``."""

    first: date
    last: date
    zone: str

    @property
    def start(self) -> datetime:
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    @property
    def is_whole_month(self) -> bool:
        return self.first.day == 1 and self.last == _month_after(self.first) - timedelta(days=1)

    @property
    def label(self) -> str:
        """ "3rd quarter of 2026", "2026", "July 2026", or the two days."""
        if self == year_of(self.first.year, self.zone):
            return str(self.first.year)
        quarter = quarter_of(self.first, self.zone)
        if self == quarter:
            names = (
                _("1st quarter of %(year)s"),
                _("2nd quarter of %(year)s"),
                _("3rd quarter of %(year)s"),
                _("4th quarter of %(year)s"),
            )
            return names[(self.first.month - 1) // 3] % {"year": self.first.year}
        if self.is_whole_month:
            return date_format(self.first, "F Y")
        days = {"first": date_format(self.first, "DATE_FORMAT"), "last": date_format(self.last, "DATE_FORMAT")}
        return _("%(first)s to %(last)s") % days

    def months(self) -> list[Period]:
        """Its calendar months, the first and the last as far as they belong to it."""
        ends = [self.first]
        while ends[-1] <= self.last:
            ends.append(min(_month_after(ends[-1]), self.last + timedelta(days=1)))
        return [Period(first, after - timedelta(days=1), self.zone) for first, after in pairwise(ends) if first < after]


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), zone_named(zone))


def _month_after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def today_in(zone: str) -> date:
    return timezone.localtime(timezone.now(), zone_named(zone)).date()


def year_of(year: int, zone: str) -> Period:
    return Period(date(year, 1, 1), date(year, 12, 31), zone)


def quarter_of(day: date, zone: str) -> Period:
    """The quarter in which a day lies."""
    first = date(day.year, day.month - (day.month - 1) % 3, 1)
    last = _month_after(_month_after(_month_after(first))) - timedelta(days=1)
    return Period(first, last, zone)


def last_twelve_months(zone: str) -> Period:
    """The month that is not over, and the eleven before it."""
    today = today_in(zone)
    month = _month_after(today)
    return Period(date(month.year - 1, month.month, 1), month - timedelta(days=1), zone)


def recent_quarters(zone: str, number: int = 8) -> list[Period]:
    """The quarter that is not over and those before it, the latest first."""
    found = [quarter_of(today_in(zone), zone)]
    while len(found) < number:
        found.append(quarter_of(found[-1].first - timedelta(days=1), zone))
    return found


def quarter_code(period: Period) -> str:
    """ "2026-3", as :func:`period_typed` reads it."""
    return f"{period.first.year}-{(period.first.month + 2) // 3}"


def period_typed(zone: str, *, quarter: str = "", first: str = "", last: str = "") -> Period:
    """What somebody typed: a quarter ("2026-3"), or two days ("2026-07-01"); nothing: the quarter that is not over.

    Raises :class:`NoPeriod`.
    """
    if quarter:
        typed = QUARTER.fullmatch(quarter.strip())
        if typed is None or not 1900 <= int(typed[1]) <= 2999:
            raise NoPeriod(_("Write a quarter as year and number: 2026-3."))
        return quarter_of(date(int(typed[1]), int(typed[2]) * 3, 1), zone)
    if not (first or last):
        return quarter_of(today_in(zone), zone)
    begin, end = _day(first), _day(last) if last else today_in(zone)
    if begin > end:
        raise NoPeriod(_("The last day is before the first one."))
    if end - begin > LONGEST:
        raise NoPeriod(_("A report covers ten years at most."))
    return Period(begin, end, zone)


def _day(typed: str) -> date:
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        day = date.min
    if not 1900 <= day.year <= 2999:
        raise NoPeriod(_("Write a day as 2026-07-01."))
    return day
