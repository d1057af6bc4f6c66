"""The requests of the register: which ones, and a page of them, at the same cost whether there are many or few.

No page counts what there is. One begins where the last ended, and looks through a bounded number of requests: where few
of many match, it says how far it has looked, and the next goes on from there. What an index knows to be few (a ticket,
what is late) is looked up by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from purge.choices import OPEN_STATUSES, AskedBy, Basis, Origin, Route, State
from purge.models import PurgeRequest, RegisterNote
from purge.standing import in_state, is_late

PAGE = 50
#: How many requests one page looks through, and how many an index may give for "few".
MOST_LOOKED_AT, FEW = 10_000, 1_000
OVERDUE, LATE, IN_TIME = "overdue", "late", "in_time"
DEADLINES = [
    (OVERDUE, _("Overdue: open, and past the deadline")),
    (LATE, _("Completed late")),
    (IN_TIME, _("Completed in time")),
]
_NOTED = ("asked_by", "basis", "ticket", "received_from", "received_to")


def _day(label: Any) -> django_filters.DateFilter:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return django_filters.DateFilter(label=label, widget=widget, input_formats=["%Y-%m-%d"], method="by_range")


class RegisterFilter(django_filters.FilterSet):
    """Which requests. Days begin where the account is. Offered are the people of ``initiators`` (id, name)."""

    state = django_filters.ChoiceFilter(label=_("State"), choices=State.choices, method="by_state")
    deadline = django_filters.ChoiceFilter(label=_("Deadline"), choices=DEADLINES, method="by_deadline")
    route = django_filters.ChoiceFilter(label=_("Type of purge"), choices=Route.choices)
    origin = django_filters.ChoiceFilter(label=_("Started by"), choices=Origin.choices)
    initiator = django_filters.TypedChoiceFilter(
        label=_("Initiator"), field_name="initiator_id", coerce=int, choices=[]
    )
    asked_by = django_filters.ChoiceFilter(label=_("Asked by"), choices=AskedBy.choices, method="by_note")
    basis = django_filters.ChoiceFilter(label=_("Basis"), choices=Basis.choices, method="by_note")
    ticket = django_filters.CharFilter(label=_("Ticket"), method="by_note", max_length=40)
    accepted_from = _day(_("Accepted from"))
    accepted_to = _day(_("Accepted to"))
    completed_from = _day(_("Completed from"))
    completed_to = _day(_("Completed to"))
    received_from = _day(_("Letter received from"))
    received_to = _day(_("Letter received to"))

    class Meta:
        model = PurgeRequest
        fields: tuple[str, ...] = ()

    def __init__(self, data: Any, *, queryset: Any, zone: str, initiators: list[tuple[int, str]]) -> None:
        super().__init__(data, queryset=queryset)
        self.zone = ZoneInfo(zone)
        if initiators:
            self.filters["initiator"].extra["choices"] = initiators
        else:
            del self.filters["initiator"]

    def by_state(self, rows: QuerySet[PurgeRequest], _name: str, value: str) -> QuerySet[PurgeRequest]:
        return rows.filter(in_state(value))

    def by_deadline(self, rows: QuerySet[PurgeRequest], _name: str, value: str) -> QuerySet[PurgeRequest]:
        match value:
            case "overdue":
                return rows.filter(is_late())
            case "late":
                return rows.filter(completed_at__gt=F("due_at"))
            case _in_time:
                return rows.filter(completed_at__lte=F("due_at"))

    def by_note(self, rows: QuerySet[PurgeRequest], name: str, value: str) -> QuerySet[PurgeRequest]:
        return rows.filter(**{f"register_note__{name}": value})

    def by_range(self, rows: QuerySet[PurgeRequest], name: str, day: date) -> QuerySet[PurgeRequest]:
        what, _underscore, end = name.rpartition("_")
        if what == "received":
            return rows.filter(**{f"register_note__received_on__{'gte' if end == 'from' else 'lte'}": day})
        if end == "from":
            return rows.filter(**{f"{what}_at__gte": self._begins(day)})
        return rows.filter(**{f"{what}_at__lt": self._begins(day + timedelta(days=1))})

    def _begins(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.zone)

    @property
    def said(self) -> dict[str, Any]:
        """What was chosen, by the names of filters."""
        return {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}

    @property
    def by(self) -> str:
        """What the list is sorted by: by completion where days of completion were chosen."""
        return "completed_at" if {"completed_from", "completed_to"} & self.said.keys() else "accepted_at"

    @property
    def looks(self) -> bool:
        """Whether anything was chosen that the order of the list does not give by itself."""
        own = ("accepted_from", "accepted_to") if self.by == "accepted_at" else ("completed_from", "completed_to")
        return bool(self.said.keys() - set(own))


@dataclass(frozen=True)
class Page:
    """Some requests, the latest first. ``after``: where the next page begins, or ''. ``looked_until``: how far was
    looked, where the page is not full because few match; None: to the end, or the page is full."""

    rows: list[PurgeRequest]
    after: str
    looked_until: datetime | None


def page_of(filterset: RegisterFilter, *, account_id: int | None, after: str = "", size: int = 0) -> Page:
    """A page of ``size``, or :data:`PAGE`. ``account_id``: of the requests that are looked through; None: of all.
    ``after``: of the page before.

    Two or three statements; none reads more than :data:`MOST_LOOKED_AT` requests, whatever their number.
    """
    by, size = filterset.by, size or PAGE
    found = filterset.qs.filter(**{f"{by}__isnull": False}).select_related("part_of")
    order = (f"-{by}", "-pk")
    below = _below(after, by)
    edge: tuple[datetime, int] | None = None
    few = _few(filterset, account_id) if filterset.looks else None
    if few is not None:
        found = found.filter(pk__in=few)
    elif filterset.looks:
        through = _ordered_part(filterset, account_id).filter(below).order_by(*order)
        edges = list(through.values_list(by, "pk")[MOST_LOOKED_AT - 1 : MOST_LOOKED_AT])
        edge = edges[0] if edges else None
        if edge is not None:
            found = found.filter(**{f"{by}__gte": edge[0]})
    rows = list(found.filter(below).order_by(*order)[: size + 1])
    if len(rows) > size:
        rows = rows[:size]
        return Page(rows, _mark(getattr(rows[-1], by), rows[-1].pk), None)
    return Page(rows, _mark(*edge), edge[0]) if edge is not None else Page(rows, "", None)


def _ordered_part(filterset: RegisterFilter, account_id: int | None) -> QuerySet[PurgeRequest]:
    """What the list's own index gives: the account, and the days by which it is sorted."""
    rows: QuerySet[PurgeRequest] = PurgeRequest.objects.filter(**{f"{filterset.by}__isnull": False})
    if account_id is not None:
        rows = rows.filter(account_id=account_id)
    what = filterset.by.removesuffix("_at")
    for end in ("from", "to"):
        if (day := filterset.said.get(f"{what}_{end}")) is not None:
            rows = filterset.by_range(rows, f"{what}_{end}", day)
    return rows


def _few(filterset: RegisterFilter, account_id: int | None) -> list[int] | None:
    """The requests that an index gives for something chosen, where they are few. None: nothing is known to be few."""
    said = filterset.said
    ways: list[QuerySet[Any]] = []
    noted = {name: said[name] for name in ("asked_by", "basis", "ticket") if name in said}
    if any(name in said for name in _NOTED):
        notes = RegisterNote.objects.filter(**noted)
        if "received_from" in said:
            notes = notes.filter(received_on__gte=said["received_from"])
        if "received_to" in said:
            notes = notes.filter(received_on__lte=said["received_to"])
        ways.append(notes)
    requests = PurgeRequest.objects.all()
    if said.get("deadline") == OVERDUE or said.get("state") in (State.WAITING, State.IN_PROGRESS, State.NEEDS_HELP):
        ways.append(requests.filter(status__in=OPEN_STATUSES))
    if said.get("deadline") == LATE:
        ways.append(requests.filter(completed_at__gt=F("due_at")))
    for rows in ways:
        own = rows.filter(account_id=account_id) if account_id is not None else rows
        found = list(own.order_by().values_list("pk", flat=True)[: FEW + 1])
        if len(found) <= FEW:
            return found
    return None


def _mark(at: datetime, pk: int) -> str:
    return f"{at.isoformat()}~{pk}"


def _below(after: str, by: str) -> Q:
    """What follows in the list; of what is no mark, everything."""
    moment, _tilde, number = after.partition("~")
    try:
        at, pk = datetime.fromisoformat(moment), int(number)
    except ValueError:
        return Q()
    if at.tzinfo is None:
        return Q()
    return Q(**{f"{by}__lte": at}) & (Q(**{f"{by}__lt": at}) | Q(pk__lt=pk))
