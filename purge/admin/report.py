"""The report over a period: a page, a sheet of paper, a table for other programs; and the list behind each number."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from purge.admin.base import ReadOnlyAdmin
from purge.host import AccountFacts, get_host
from purge.models import StaffNamesShown
from purge.reporting import words
from purge.reporting.drawing import durations_chart, months_chart, slowest_chart
from purge.reporting.figures import NoFigure, Rows, wait_label
from purge.reporting.periods import (
    NoPeriod,
    Period,
    last_twelve_months,
    period_typed,
    quarter_code,
    recent_quarters,
    today_in,
    year_of,
)
from purge.reporting.report import Report, report_of
from purge.selectors import requests_seen_by
from purge.services.evidence import NamedStaff, staff_names_show
from purge.standing import FOLLOW, zone_of

#: How many of those who had names shown the page lists.
MOST_ASKED = 20
#: The names by which an address says what a report is about.
ASKED_BY = ("quarter", "from", "to", "account")


def link_to(rows: Rows) -> str:
    """Where the list of these requests is."""
    return f"{reverse('admin:purge_purgerequest_changelist')}?{urlencode({FigureFilter.parameter_name: rows.code})}"


def link_to_one(pk: int) -> str:
    return reverse("admin:purge_purgerequest_change", args=[pk])


def zone_for(user: Any, account_id: int | None) -> str:
    """In which time zone days begin: the account's that is looked at; the reader's own; UTC for all accounts."""
    if account_id is None or not user.has_perm(FOLLOW):
        return zone_of(user)
    facts = get_host().accounts([account_id]).get(account_id)
    return facts.time_zone if facts else "UTC"


class FigureFilter(admin.SimpleListFilter):
    """The rows behind a number of the report or a bar of a chart. Offers nothing by itself: one comes by a link."""

    title = gettext_lazy("number of a report")
    parameter_name = "figure"

    def lookups(self, request, model_admin):
        code = self.value()
        if not code:
            return []
        try:
            rows = Rows.from_code(code, "UTC")
            self.rows = Rows.from_code(code, zone_for(request.user, rows.account_id))
        except NoFigure:
            raise IncorrectLookupParameters from None
        return [(code, self.rows.label)]

    def queryset(self, request, queryset):
        if not self.value():
            return queryset
        return self.rows.among(queryset, everything=request.user.has_perm(FOLLOW))


@dataclass(frozen=True)
class Asked:
    """What a reader asked for. ``account``: of those who see all accounts, the one that it is about."""

    period: Period
    account: AccountFacts | None
    quarter: str
    first: str
    last: str
    subdomain: str
    trouble: str


def asked_for(request: HttpRequest) -> Asked:
    """What is wrong (a quarter, a day, an account) is said on the page, which then shows the present quarter of all."""
    typed = request.POST if request.method == "POST" else request.GET
    quarter, first, last = (typed.get(name, "") for name in ("quarter", "from", "to"))
    account, trouble, subdomain = None, "", ""
    if request.user.has_perm(FOLLOW) and (subdomain := typed.get("account", "").strip()):
        account = get_host().account_by_subdomain(subdomain)
        trouble = "" if account else _("There is no account of this subdomain.")
    zone = account.time_zone if account else zone_of(request.user)
    if first or last:
        quarter = ""  # two days say more than the quarter that the form had beside them
    try:
        period = period_typed(zone, quarter=quarter, first=first, last=last)
    except NoPeriod as wrong:
        period, trouble = period_typed(zone), str(wrong)
    return Asked(period, account, quarter, first, last, subdomain, trouble)


class ReportPages(ReadOnlyAdmin):
    """The pages of the report, for the list of requests."""

    def report_urls(self) -> list[Any]:
        view = require_http_methods(["GET", "HEAD", "POST"])(self.report_view)
        return [path("report/", self.admin_site.admin_view(view), name="purge_report")]

    def report_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = asked_for(request)
        account_id = asked.account.id if asked.account else None
        requests, everything = requests_seen_by(request.user), request.user.has_perm(FOLLOW)
        own = get_host().account_of(request.user)
        report = report_of(requests, asked.period, account_id=account_id, own=own, everything=everything)
        if request.GET.get("format") == "csv":
            get_host().note_export(request.user, "purge report")
            return csv_answer(report, asked)
        staff = None
        if request.method == "POST":
            staff = staff_names_show(
                acting_user=request.user, requests=requests, period=asked.period, account_id=account_id
            )
        return self.page(request, "purge/report.html", **self._report_context(request, asked, report, staff))

    def _report_context(
        self, request: HttpRequest, asked: Asked, report: Report, staff: list[NamedStaff] | None
    ) -> dict[str, Any]:
        requests, account_id = requests_seen_by(request.user), report.account_id
        if account_id is not None:
            requests = requests.filter(account_id=account_id)
        zone, everything = report.period.zone, report.everything
        names = get_host().accounts({line.account_id for line in report.lines if line.account_id is not None})
        year = _year_typed(request)
        months = year_of(year, zone) if year else last_twelve_months(zone)
        asked_before = StaffNamesShown.objects.select_related("actor")
        own = get_host().account_of(request.user)
        asked_before = asked_before.filter(account_id=own) if own is not None else asked_before.all()
        return {
            "title": _("Report: %(period)s") % {"period": report.period.label},
            "report": report,
            "asked": asked,
            "everything": everything,
            "zone": zone,
            "now": timezone.now(),
            "quarters": [(quarter_code(each), each.label) for each in recent_quarters(zone)],
            "shown_quarter": quarter_code(report.period) if not (asked.first or asked.last) else "",
            "figures": [(label, each.number, link_to(each.rows)) for label, each in words.shown(report)],
            "why": [(wait_label(event), each.number, link_to(each.rows)) for event, each in report.why],
            "how_fast": words.how_fast(report),
            "counts_only": words.counts_only(report),
            "lines": [_line_cells(line, names, everything=everything) for line in report.lines],
            "line_heads": words.line_heads(),
            "charts": [
                months_chart(requests, months, link_to, account_id=account_id, everything=everything),
                durations_chart(requests, report.period, link_to, account_id=account_id),
                slowest_chart(requests, link_to_one, zone),
            ],
            "years": _years(zone, year),
            "query": urlencode({key: request.GET[key] for key in ASKED_BY if request.GET.get(key)}),
            "staff": staff,
            "names_shown": [_shown_line(row, own) for row in asked_before[:MOST_ASKED]],
        }


def _shown_line(row: StaffNamesShown, own: int | None) -> dict[str, Any]:
    """Who had names shown; of the platform's own people a customer reads no name."""
    who = _("the command line") if row.actor is None else str(row.actor)
    if row.actor is not None and own is not None and get_host().account_of(row.actor) != own:
        who = _("LMS support")
    return {"at": row.at, "who": who, "people": row.people, "period": Period(row.first_day, row.last_day, "UTC").label}


def _year_typed(request: HttpRequest) -> int:
    """The year of the chart by month; 0: the last twelve months."""
    typed = request.GET.get("year", "")
    return int(typed) if len(typed) == 4 and typed.isascii() and typed.isdigit() and "1900" <= typed < "3000" else 0


def _years(zone: str, shown: int) -> list[tuple[int, bool]]:
    latest = today_in(zone).year
    return [(year, year == shown) for year in range(latest, latest - 5, -1)]


def _line_cells(line: Any, names: Any, *, everything: bool) -> dict[str, Any]:
    account = names.get(line.account_id)
    cells = [(each.number, link_to(each.rows) if each.number else "") for each in line.figures.values()]
    unknown = "–" if line.account_id is None else _("Account %(number)s") % {"number": line.account_id}
    return {
        "account": (account.name if account else unknown) if everything else "",
        "route": words.route_label(line.route),
        "people": line.people,
        "cells": cells,
    }


def csv_answer(report: Report, asked: Asked) -> HttpResponse:
    """The same numbers, a line each."""
    about = asked.account.id if asked.account else "all" if report.everything else "own"
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"purge-report-{about}-{report.period.first}-{report.period.last}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    csv.writer(answer).writerows(words.csv_rows(report))
    return answer
