"""The register: requests with who asked for them and why, who has looked people up, and who may purge."""

from __future__ import annotations

import csv
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from purge.admin.base import ReadOnlyAdmin
from purge.host import Power, get_host
from purge.models import LookUp
from purge.pages.moments import file_name
from purge.register.listing import PAGE, RegisterFilter, page_of
from purge.register.rows import HEADS, RegisterRow, rows_for
from purge.register.staff import staff_names
from purge.selectors import requests_seen_by
from purge.standing import FOLLOW, moment_text, zone_of

#: Rows of one export, which are read so many at a time.
MOST_EXPORTED, CHUNK = 10_000, 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class RegisterPages(ReadOnlyAdmin):
    """Mixed into the admin of requests."""

    def register_urls(self) -> list[Any]:
        def view(method: Any) -> Any:
            return self.admin_site.admin_view(require_GET(method))

        return [
            path("register/", view(self.register_view), name="purge_register"),
            path("register/look-ups/", view(self.look_ups_view), name="purge_look_ups"),
            path("register/who-may-purge/", view(self.who_may_purge_view), name="purge_who_may_purge"),
        ]

    def register_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        everything, account_id = request.user.has_perm(FOLLOW), get_host().account_of(request.user)
        filterset = RegisterFilter(
            request.GET,
            queryset=requests_seen_by(request.user),
            zone=zone_of(request.user),
            initiators=self._initiators(account_id),
        )
        valid, wanted = filterset.is_valid(), request.GET.get("format", "")
        if wanted in ("csv", "json"):
            return _exported(request, filterset if valid else None, account_id, wanted)
        page = page_of(filterset, account_id=account_id, after=request.GET.get("after", "")) if valid else None
        asked = {name: value for name, value in request.GET.items() if name not in ("after", "format") and value}
        return self.page(
            request,
            "purge/register.html",
            title=_("Register of purge requests"),
            tab="register",
            filterset=filterset,
            rows=rows_for(page.rows, request.user) if page else [],
            next_page=urlencode({**asked, "after": page.after}) if page and page.after else "",
            looked_until=moment_text(page.looked_until, zone_of(request.user)) if page and page.looked_until else "",
            query=urlencode(asked),
            asked=asked,
            everything=everything,
            most=MOST_EXPORTED,
        )

    def _initiators(self, account_id: int | None) -> list[tuple[int, str]]:
        """Whom one can ask for: who runs the account now."""
        if account_id is None:
            return []
        names = get_host().names(get_host().administrators(account_id))
        return sorted(names.items(), key=lambda each: (each[1], each[0]))

    def look_ups_view(self, request: HttpRequest) -> HttpResponse:
        """Who asked about a person, when, and how many requests were found; what was asked is not stored."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account_id, everything = get_host().account_of(request.user), request.user.has_perm(FOLLOW)
        if account_id is None and not everything:
            raise PermissionDenied
        rows = LookUp.objects.all() if account_id is None else LookUp.objects.filter(account_id=account_id)
        before = request.GET.get("before", "")
        if before.isascii() and before.isdigit() and len(before) < 19:
            last = rows.filter(pk=int(before)).values_list("at", flat=True).first()
            rows = rows.filter(at__lte=last, pk__lt=int(before)) if last is not None else rows
        found = list(rows.order_by("-at", "-pk")[: PAGE + 1])
        more, found = len(found) > PAGE, found[:PAGE]
        names, zone = staff_names((row.actor_id for row in found), request.user), zone_of(request.user)
        accounts = get_host().accounts({row.account_id for row in found if row.account_id}) if everything else {}
        return self.page(
            request,
            "purge/look_ups.html",
            title=_("Who has looked people up"),
            tab="look-ups",
            everything=everything,
            rows=[
                {
                    "at": moment_text(row.at, zone),
                    "who": names.get(row.actor_id or 0, _("somebody who is not here any more")),
                    "account": accounts[row.account_id].name if row.account_id in accounts else "–",
                    "found": row.found,
                }
                for row in found
            ],
            next_page=found[-1].pk if more else "",
        )

    def who_may_purge_view(self, request: HttpRequest) -> HttpResponse:
        """Of the reader's own account: who may purge, since when, and by whom."""
        account_id = get_host().account_of(request.user)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if account_id is None:
            raise Http404
        zone = zone_of(request.user)
        return self.page(
            request,
            "purge/who_may_purge.html",
            title=_("Who may purge"),
            tab="who",
            everything=False,
            rows=[
                {
                    "name": power.name,
                    "since": _since(power, zone),
                    "by": power.by or _("not written down"),
                }
                for power in get_host().who_may_purge(account_id)
            ],
        )


def _since(power: Power, zone: str) -> str:
    if power.since is not None:
        return moment_text(power.since, zone)
    if power.recorded_from is None:
        return _("not written down")
    return _("before %(when)s") % {"when": moment_text(power.recorded_from, zone)}


def _exported(
    request: HttpRequest, filterset: RegisterFilter | None, account_id: int | None, wanted: str
) -> HttpResponse:
    """All rows that match, as far as one file goes: the latest ones. It names staff, and says why people went: asked
    again who it is, and noted, as every export of people."""
    get_host().require_confirmed()
    get_host().note_export(request.user, "purge register")
    rows: list[RegisterRow] = []
    after = request.GET.get("after", "")
    for _n in range(MOST_EXPORTED // CHUNK if filterset is not None else 0):
        assert filterset is not None
        page = page_of(filterset, account_id=account_id, after=after, size=CHUNK)
        rows += rows_for(page.rows, request.user)
        after = page.after
        if not after:
            break
    answer: HttpResponse
    if wanted == "json":
        answer = JsonResponse({"requests": [row.as_json() for row in rows], "complete": not after})
    else:
        answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
        cells = ([str(head) for head in HEADS], *(row.as_cells() for row in rows))
        csv.writer(answer).writerows([_as_text(cell) for cell in line] for line in cells)
    name = file_name("purge-register", wanted, account_id=account_id)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _as_text(cell: str) -> str:
    """A cell that a spreadsheet shows as it is, and never reckons."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
