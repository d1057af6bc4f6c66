"""The personal data map: on a page, as a document to save, with the periods after which evidence goes."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from purge import services
from purge.admin.base import ReadOnlyAdmin
from purge.host import get_host
from purge.pages.data_map import concept
from purge.rules.periods import LONGEST_DAYS, SHORTEST, STANDARD, Evidence
from purge.services.evidence import evidence_periods_set
from purge.standing import OPERATE, zone_of
from purge.upkeep import paused
from purge.upkeep.evidence import Kept, is_undecided, periods, periods_in_words

FORMATS = {"md": "text/markdown", "json": "application/json"}


class PeriodsForm(forms.Form):
    """A number for each kind of evidence: days, of requests years; blank is without an end."""

    def __init__(self, data: Any = None, *, kept: list[Kept]) -> None:
        super().__init__(data)
        for each in kept:
            in_years = each.kind == Evidence.REQUESTS
            unit = 365 if in_years else 1
            days = STANDARD[each.kind] if each.decided_at is None else each.days
            self.fields[each.kind] = forms.IntegerField(
                label=each.kind.label,
                required=False,
                min_value=SHORTEST[each.kind] // unit,
                max_value=LONGEST_DAYS // unit,
                initial=None if days is None else days // unit,
                help_text=gettext_lazy("whole years, counted from the end of the year in which they ended")
                if in_years
                else gettext_lazy("days"),
            )

    def days(self) -> dict[Evidence, int | None]:
        """What was typed, in days."""
        typed = {kind: self.cleaned_data[kind] for kind in Evidence}
        years = typed[Evidence.REQUESTS]
        return typed | {Evidence.REQUESTS: None if years is None else years * 365}


class DataMapPages(ReadOnlyAdmin):
    """The pages of the data map, for the list of requests."""

    def data_map_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("data-map/", view(require_GET(self.data_map_view)), name="purge_data_map"),
            path("data-map/periods/", view(require_POST(self.periods_view)), name="purge_periods"),
        ]

    def data_map_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        document = concept.concept_of(periods_in_words())
        wanted = request.GET.get("format", "")
        if wanted in FORMATS:
            get_host().note_export(request.user, "deletion concept")
            return _saved(document, wanted, zone_of(request.user))
        return self._map_page(request, document, PeriodsForm(kept=periods()))

    def _map_page(self, request: HttpRequest, document: concept.Concept, form: PeriodsForm) -> HttpResponse:
        operates = request.user.has_perm(OPERATE)
        return self.page(
            request,
            "purge/data_map.html",
            title=_("Personal data map"),
            concept=document,
            entries=document.entries,
            columns=sum(len(entry.lines) for entry in document.entries),
            exempt=document.exempt,
            periods=[(kind.label, text) for kind, text in document.periods],
            periods_form=form if operates else None,
            undecided=operates and is_undecided(),
            incomplete=any(cause.code == paused.COVERAGE for cause in paused.reasons()),
        )

    def periods_view(self, request: HttpRequest) -> HttpResponse:
        """For how long evidence is kept, as an operator has decided."""
        if not self.has_view_permission(request) or not request.user.has_perm(OPERATE):
            raise PermissionDenied
        form = PeriodsForm(request.POST, kept=periods())
        if form.is_valid():
            try:
                evidence_periods_set(acting_user=request.user, days=form.days())
            except services.PurgeRefused as refusal:
                self.refused(request, refusal)
            else:
                self.message_user(request, _("From now on evidence is kept so long."), messages.SUCCESS)
            return HttpResponseRedirect(f"{reverse('admin:purge_data_map')}#periods")
        return self._map_page(request, concept.concept_of(periods_in_words()), form)


def _saved(document: concept.Concept, kind: str, zone: str) -> HttpResponse:
    if kind == "json":
        text = json.dumps(concept.as_json(document), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
    else:
        text = "\n".join(concept.as_markdown(document, zone)) + "\n"
    answer = HttpResponse(text, content_type=f"{FORMATS[kind]}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="deletion-concept-{document.at:%Y-%m-%d}.{kind}"'
    return answer
