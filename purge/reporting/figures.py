"""What a report counts, as conditions on requests: a number and the list behind it are one and the same question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.choices import OPEN_STATUSES, Route, Status, Verdict
from purge.models import LedgerEntry, PatrolPass, PurgeRequest
from purge.reporting.periods import Period
from purge.standing import is_late


class Figure(StrEnum):
    """What is counted: requests, each by what happened to it in the period."""

    ACCEPTED = "accepted"
    COMPLETED = "completed"
    ON_TIME = "on_time"
    LATE = "late"
    #: Due in the period, past that day, and open now.
    OVERDUE = "overdue"
    #: What was not completed by its day: both of the last two.
    DELAYED = "delayed"
    CANCELLED = "cancelled"
    FOUND = "found"
    CHECKED = "checked"


LABELS: Mapping[Figure, Any] = {
    Figure.ACCEPTED: gettext_lazy("Accepted"),
    Figure.COMPLETED: gettext_lazy("Completed"),
    Figure.ON_TIME: gettext_lazy("Completed on time"),
    Figure.LATE: gettext_lazy("Completed late"),
    Figure.OVERDUE: gettext_lazy("Still open, past the day they were due"),
    Figure.DELAYED: gettext_lazy("Not completed by the day they were due"),
    Figure.CANCELLED: gettext_lazy("Cancelled"),
    Figure.FOUND: gettext_lazy("Data found after the purge"),
    Figure.CHECKED: gettext_lazy("Completed, and checked again since: nothing was found"),
}

#: Upper bounds of the groups of durations, from acceptance to completion; what took longer is one more group.
DURATIONS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
DURATION_LABELS = (
    gettext_lazy("up to 5 minutes"),
    gettext_lazy("up to 1 hour"),
    gettext_lazy("up to 1 day"),
    gettext_lazy("up to 1 week"),
    gettext_lazy("up to 30 days"),
    gettext_lazy("longer"),
)
#: The same, for the axis of a chart.
SHORT_DURATION_LABELS = (
    gettext_lazy("5 minutes"),
    gettext_lazy("1 hour"),
    gettext_lazy("1 day"),
    gettext_lazy("1 week"),
    gettext_lazy("30 days"),
    gettext_lazy("longer"),
)

#: Entries of a request's history after which it waited for something, and for what.
WAITS: Mapping[str, Any] = {
    "held": gettext_lazy("the platform's check"),
    "failed": gettext_lazy("the next attempt, after one that failed"),
    "needs_attention": gettext_lazy("support, after it had stopped"),
    "residue": gettext_lazy("support, after data was found"),
    "erased": gettext_lazy("the final check of every text"),
}
#: Of a request whose history has none of them.
NO_WAIT = "none"
#: What a request waits for by the status that it has now.
WAITS_NOW = {
    Status.HELD: "held",
    Status.NEEDS_ATTENTION: "needs_attention",
    Status.RESIDUE: "residue",
    Status.ERASED: "erased",
}


def wait_label(event: str) -> str:
    """What a request last waited for, in words."""
    return str(WAITS[event]) if event in WAITS else _("its history names no wait")


class NoFigure(ValueError):
    """A text is no code of a figure."""


@dataclass(frozen=True)
class Rows:
    """The requests behind one number. ``took``: a group of :data:`DURATIONS`, by number. ``why``: what the late ones
    last waited for. ``account_id``: of this account alone; of those who see all."""

    figure: Figure
    period: Period
    route: str = ""
    account_id: int | None = None
    took: int | None = None
    why: str = ""

    def among(self, requests: QuerySet[PurgeRequest], *, everything: bool) -> QuerySet[PurgeRequest]:
        """Those of the requests that a reader may see. ``everything``: the reader sees all accounts."""
        condition = condition_of(self.figure, self.period)
        if self.route:
            condition &= Q(route=self.route)
        if self.account_id is not None:
            condition &= Q(account_id=self.account_id)
        if self.took is not None:
            condition &= took(self.took)
        if self.why:
            requests, condition = requests.alias(why=last_wait(everything=everything)), condition & Q(why=self.why)
        return requests.filter(condition)

    @property
    def label(self) -> str:
        """What a list of them is called."""
        parts = [str(LABELS[self.figure])]
        if self.took is not None:
            parts.append(str(DURATION_LABELS[self.took]))
        if self.route:
            parts.append(str(Route(self.route).label))
        if self.why:
            parts.append(_("last waited for: %(what)s") % {"what": wait_label(self.why)})
        return f"{', '.join(parts)} · {self.period.label}"

    # ------------------------------------------------------------ as a part of an address

    @property
    def code(self) -> str:
        """The same as letters, digits and "~", for a link."""
        own = "" if self.account_id is None else str(self.account_id)
        took = "" if self.took is None else str(self.took)
        span = (self.period.first.isoformat(), self.period.last.isoformat())
        return "~".join((str(self.figure), *span, self.route, own, took, self.why)).rstrip("~")

    @classmethod
    def from_code(cls, code: str, zone: str) -> Rows:
        """Raises :class:`NoFigure`."""
        parts = (code.split("~") + [""] * 7)[:7]
        try:
            figure, period = Figure(parts[0]), Period(_day(parts[1]), _day(parts[2]), zone)
            rows = cls(figure, period, str(Route(parts[3])) if parts[3] else "", why=parts[6])
            if parts[4]:
                rows = replace(rows, account_id=int(parts[4][:18]))
            if parts[5]:
                rows = replace(rows, took=int(parts[5][:2]))
        except ValueError:
            raise NoFigure(code) from None
        if rows.took is not None and not 0 <= rows.took <= len(DURATIONS):
            raise NoFigure(code)
        if rows.why and rows.why != NO_WAIT and rows.why not in WAITS:
            raise NoFigure(code)
        return rows


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    if not 1900 <= day.year <= 2999:
        raise NoFigure(text)
    return day


# ---------------------------------------------------------------- conditions


def condition_of(figure: Figure, period: Period) -> Q:
    """The requests that a figure counts in a period."""
    done = Q(status=Status.COMPLETED) & _within("completed_at", period)
    overdue = is_late() & _within("due_at", period)
    match figure:
        case Figure.ACCEPTED:
            return _within("accepted_at", period)
        case Figure.COMPLETED:
            return done
        case Figure.ON_TIME:
            return done & Q(completed_at__lte=F("due_at"))
        case Figure.LATE:
            return done & Q(completed_at__gt=F("due_at"))
        case Figure.OVERDUE:
            return overdue
        case Figure.DELAYED:
            return overdue | (done & Q(completed_at__gt=F("due_at")))
        case Figure.CANCELLED:
            return Q(status=Status.CANCELLED) & _happened("cancelled", period)
        case Figure.FOUND:
            return _happened("residue", period)
        case _checked:
            return done & was_checked_again()


def _within(column: str, period: Period) -> Q:
    return Q(**{f"{column}__gte": period.start, f"{column}__lt": period.end})


def _happened(event: str, period: Period) -> Q:
    """That stands in the request's history."""
    entries = LedgerEntry.objects.filter(request=OuterRef("pk"), event=event, at__gte=period.start, at__lt=period.end)
    return Q(Exists(entries))


def was_checked_again() -> Q:
    """As :func:`purge.selectors.checked_again` says it of one request, and nothing is found of it."""
    passes = PatrolPass.objects.filter(
        armed_by__endswith=Concat(Value("."), OuterRef("key_fingerprint")),
        started_at__gt=OuterRef("completed_at"),
        finished_at__isnull=False,
        verdict__in=(Verdict.CLEAN, Verdict.UNOPENED, Verdict.RESIDUE),
    )
    return Q(Exists(passes))


def took(group: int) -> Q:
    """How long it took from acceptance to completion: more than the bound before, at most the group's own."""
    condition = Q()
    if group > 0:
        condition &= Q(completed_at__gt=F("accepted_at") + DURATIONS[group - 1])
    if group < len(DURATIONS):
        condition &= Q(completed_at__lte=F("accepted_at") + DURATIONS[group])
    return condition


def last_wait(*, everything: bool) -> Case:
    """What a request last waited for: what its status says, else the latest such entry of its history, else
    :data:`NO_WAIT`.

    That a request was held because of other accounts is nothing that its own account reads later.
    """
    events = [event for event in WAITS if everything or event != "held"]
    entries = LedgerEntry.objects.filter(request=OuterRef("pk"), event__in=events).order_by("-pk")
    latest = Coalesce(Subquery(entries.values("event")[:1]), Value(NO_WAIT))
    return Case(*(When(status=status, then=Value(event)) for status, event in WAITS_NOW.items()), default=latest)


def still_open(requests: QuerySet[PurgeRequest], most: int) -> list[PurgeRequest]:
    """The open ones that are due first."""
    return list(requests.filter(status__in=OPEN_STATUSES).order_by("due_at", "pk")[:most])


def days_of(purge_request: PurgeRequest, now: datetime | None = None) -> int:
    """How many days a request has been open."""
    return max(0, ((now or timezone.now()) - purge_request.accepted_at).days)
