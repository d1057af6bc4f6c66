"""The page of one question: a request by its ID, or what is known of a person."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from purge import services
from purge.admin.base import ReadOnlyAdmin
from purge.admin.forms import LookUpForm
from purge.host import Page, PersonState, get_host
from purge.models import PurgeRequest
from purge.standing import FOLLOW, moment_text, zone_of


class LookUpPage(ReadOnlyAdmin):
    """Mixed into the admin of requests. What is typed is posted, hashed, and in no address, log, cookie or table."""

    def look_up_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = LookUpForm(request.POST if request.method == "POST" else None)
        found = self._looked_up(request, form) if request.method == "POST" and form.is_valid() else None
        if isinstance(found, PurgeRequest):
            return HttpResponseRedirect(reverse("admin:purge_purgerequest_change", args=[found.pk]))
        return self.page(
            request,
            "purge/look_up.html",
            title=_("Look up"),
            form=form,
            everything=request.user.has_perm(FOLLOW),
            **({} if found is None else self._answer(request, form, found)),
        )

    def _looked_up(self, request: HttpRequest, form: LookUpForm) -> PurgeRequest | services.Whereabouts | None:
        try:
            return services.look_up(acting_user=request.user, text=form.cleaned_data["text"])
        except services.NotAllowed:
            raise PermissionDenied from None
        except services.PurgeRefused as refusal:
            form.add_error("text", str(refusal))
            return None

    def _answer(self, request: HttpRequest, form: LookUpForm, found: services.Whereabouts) -> dict[str, Any]:
        links = [
            (each.name, get_host().page_of(Page.PERSON, each.person_id))
            for each in found.people
            if each.name and each.state == PersonState.ACTIVE and not each.request
        ]
        if any(each.state == PersonState.DELETED and not each.request for each in found.people) and found.account_id:
            links.append((_("User Cleanup"), get_host().page_of(Page.DELETED_PEOPLE)))
        return {
            "asked": form.cleaned_data["text"].strip(),
            "sentences": services.sentences_of(found),
            "asked_at": moment_text(found.at, zone_of(request.user)),
            "links": links,
            "lines": [
                {
                    "found": each,
                    "accepted": moment_text(each.accepted_at, each.standing.zone),
                    "completed": moment_text(each.completed_at, each.standing.zone),
                    "link": reverse("admin:purge_purgerequest_change", args=[each.pk]),
                }
                for each in found.requests
            ],
        }
