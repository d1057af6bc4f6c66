"""Purge requests, their follow-up, look-ups, data map and routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from purge import services
from purge.admin.base import ReadOnlyAdmin, account_names
from purge.admin.forms import GoOnForm, PersonForm, ReferenceForm
from purge.choices import Origin, Reader, Role, Route, State, Status
from purge.host import Page, get_host
from purge.models import FollowUp, PurgeRequest
from purge.pages import data_map, history, moments, requests, trouble
from purge.pages.going_on import going_on
from purge.purge_rules import HEADLESS
from purge.references import MistypedReference
from purge.routes.policy import policy_for
from purge.selectors import request_by_reference, requests_seen_by
from purge.standing import (
    FOLLOW,
    OPERATE,
    Standing,
    in_state,
    is_late,
    moment_words,
    sentence_for,
    standing,
    standings,
)


@dataclass(frozen=True)
class GoOn:
    """A button that lets a request go on, behind its red page. ``allowed``: the standing's word for whether."""

    name: str
    allowed: str
    do: Callable[..., PurgeRequest]
    title: Any
    verb: Any
    done: Any


RELEASE = GoOn(
    "release",
    "can_release",
    services.purge_release,
    gettext_lazy("Release purge request %(reference)s"),
    gettext_lazy("Release"),
    gettext_lazy("Request %(reference)s is released and goes on."),
)
RETRY = GoOn(
    "retry",
    "can_retry",
    services.purge_retry,
    gettext_lazy("Try purge request %(reference)s again"),
    gettext_lazy("Try again"),
    gettext_lazy("Request %(reference)s is tried again."),
)


class RequestChangeList(ChangeList):
    """Names of accounts for one page of requests, in one query."""

    def get_results(self, request):
        super().get_results(request)
        everything = request.user.has_perm(FOLLOW)
        self.result_list = list(self.result_list)
        names = account_names(self.result_list) if everything else {}
        stand = standings(self.result_list, request.user)
        for row in self.result_list:
            row.account_name = names.get(row.pk, "–")
            row.standing = stand[row.pk]


class StateFilter(admin.SimpleListFilter):
    """The five states, as every other page names them."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return State.choices

    def queryset(self, request, queryset):
        state = self.value()
        return queryset.filter(in_state(state)) if state in State.values else queryset


class DeadlineFilter(admin.SimpleListFilter):
    title = gettext_lazy("deadline")
    parameter_name = "deadline"

    def lookups(self, request, model_admin):
        return [("overdue", _("Overdue"))]

    def queryset(self, request, queryset):
        return queryset.filter(is_late()) if self.value() == "overdue" else queryset


@admin.register(PurgeRequest)
class PurgeRequestAdmin(ReadOnlyAdmin):
    list_display = ("reference", "state", "accepted", "due", "people", "next_actor")
    list_display_links = ("reference",)
    list_filter = (StateFilter, DeadlineFilter, "route")
    search_fields = ("reference",)
    search_help_text = gettext_lazy("Request ID")
    change_list_template = "purge/request_list.html"

    # ------------------------------------------------------------ who sees what

    def get_queryset(self, request):
        return requests_seen_by(request.user).select_related("part_of")

    def has_view_permission(self, request, obj=None):
        return request.user.is_active and request.user.has_perm("purge.view_purgerequest")

    has_module_permission = has_view_permission

    def get_changelist(self, request, **kwargs):
        return RequestChangeList

    def get_list_display(self, request):
        if request.user.has_perm(FOLLOW):
            return ("reference", "account", *self.list_display[1:], "route")
        return self.list_display

    def get_list_filter(self, request):
        """An administrator's requests come by two or three routes; to them it is what they did."""
        return self.list_filter if request.user.has_perm(FOLLOW) else (StateFilter, DeadlineFilter)

    def get_search_results(self, request, queryset, search_term):
        """The beginning of a request ID, however it was typed."""
        letters = "".join(character for character in search_term.upper() if character.isalnum())
        letters = letters.removeprefix("PUR") if len(letters) > 9 or letters == "PUR" else letters
        if search_term and not letters:
            return queryset, False
        grouped = "-".join(part for part in (letters[:4], letters[4:8], letters[8:]) if part)
        return (queryset.filter(reference__startswith=f"PUR-{grouped}") if letters else queryset), False

    def history_view(self, request, object_id, extra_context=None):
        """The request's own story is on its page; the admin's log knows nothing of it."""
        return HttpResponseRedirect(reverse("admin:purge_purgerequest_change", args=[object_id]))

    # ------------------------------------------------------------ columns

    @admin.display(description=gettext_lazy("account"))
    def account(self, row):
        return row.account_name

    @admin.display(description=gettext_lazy("state"))
    def state(self, row):
        return state_badge(row.standing)

    @admin.display(description=gettext_lazy("accepted"), ordering="accepted_at")
    def accepted(self, row):
        return moments.time_tag(row.accepted_at, row.standing.zone)

    @admin.display(description=gettext_lazy("due"), ordering="due_at")
    def due(self, row):
        return moments.time_tag(row.due_at, row.standing.zone) if row.is_open else "–"

    @admin.display(description=gettext_lazy("people"), ordering="selected_count")
    def people(self, row):
        return row.selected_count or "–"

    @admin.display(description=gettext_lazy("next step"))
    def next_actor(self, row):
        return row.standing.who.label if row.is_open else "–"

    # ------------------------------------------------------------ pages

    def get_urls(self):
        view = self.admin_site.admin_view
        own = [
            path("look-up/", view(self.look_up_view), name="purge_look_up"),
            path("data-map/", view(require_GET(self.data_map_view)), name="purge_data_map"),
            path("routes/", view(require_GET(self.routes_view)), name="purge_routes"),
            path("<int:pk>/progress/", view(require_GET(self.progress_view)), name="purge_purgerequest_progress"),
            path("<int:pk>/retry/", view(require_POST(self.retry_view)), name="purge_purgerequest_retry"),
            path("<int:pk>/cancel/", view(require_POST(self.cancel_view)), name="purge_purgerequest_cancel"),
            path("<int:pk>/take-out/", view(require_POST(self.take_out_view)), name="purge_purgerequest_take_out"),
            path("<int:pk>/release/", view(require_POST(self.release_view)), name="purge_purgerequest_release"),
            path(
                "<int:pk>/follow-ups/<int:follow_up>/done/",
                view(require_POST(self.follow_up_view)),
                name="purge_purgerequest_follow_up",
            ),
        ]
        return own + super().get_urls()

    def changelist_view(self, request, extra_context=None):
        title = _("Purge requests")
        return super().changelist_view(request, {"title": title, "subtitle": None, **(extra_context or {})})

    def change_view(self, request, object_id, form_url="", extra_context=None):
        row = self._row(request, object_id)
        return self.page(request, "purge/request.html", **self._request_context(request, row))

    def _row(self, request: HttpRequest, pk: Any) -> PurgeRequest:
        """The request, if the reader may follow it. Otherwise 404: whether it exists is nobody else's business."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows: QuerySet[PurgeRequest] = self.get_queryset(request)
        try:
            return rows.get(pk=int(pk))
        except (PurgeRequest.DoesNotExist, ValueError):
            raise Http404 from None

    def _request_context(self, request: HttpRequest, row: PurgeRequest) -> dict[str, Any]:
        steps = list(row.steps.all())
        everything = request.user.has_perm(FOLLOW)
        lines, empty = requests.step_lines(steps, everything=everything)
        stands = standing(row, request.user)
        own = get_host().account_of(request.user) == row.account_id and row.account_id is not None
        follow_ups = row.follow_ups.filter(account_id=row.account_id or 0).select_related("done_by").order_by("pk")
        recipients = get_host().page_of(Page.RECIPIENTS, row.pk) if own and row.is_open else ""
        return {
            "title": _("Purge request %(reference)s") % {"reference": row.reference},
            "row": row,
            "own": own,
            "account_name": "" if own else account_names([row]).get(row.pk, ""),
            "initiator": requests.initiator_words(row) if own else "",
            "route": Route(row.route).label,
            "origin": Origin(row.origin).label,
            "standing": stands,
            "zone": stands.zone,
            "for_customer": self._for_customer(request, row),
            "progress": requests.progress_of(row, steps, everything=everything),
            "working": row.status in requests.WORKING,
            "watch_state": requests.watch_state(row, stands),
            "due": requests.due_of(row),
            "trouble": trouble.trouble_of(row, account_id=None if request.user.has_perm(FOLLOW) else row.account_id),
            "technical": trouble.technical_words(row) if request.user.has_perm(FOLLOW) else "",
            "lines": lines,
            "empty": empty,
            "everything": everything,
            "kept": row.kept_count if everything else _own_kept(row),
            "creators_stay": not everything and _keeps_creators(row),
            "beside": self._beside(request, row),
            "residues": requests.residue_lines(row.residues.order_by("table", "column", "row")[:200]),
            "sees_places": request.user.has_perm(FOLLOW),
            "tasks": requests.tasks_of(follow_ups) if own else [],
            "headless": (
                requests.tasks_of(row.follow_ups.filter(kind=HEADLESS.kind)) if request.user.has_perm(FOLLOW) else []
            ),
            "can_take_out": row.status == Status.RESIDUE and request.user.has_perm(OPERATE),
            "tasks_open": follow_ups.filter(done_at=None).count(),
            "ledger": history.history_lines(row.ledger.all(), everything=everything),
            "recipients": recipients,
        }

    def _for_customer(self, request: HttpRequest, row: PurgeRequest) -> str:
        """What the administrators of the request's account read, for support to read out; '' for themselves."""
        if row.account_id is None or not request.user.has_perm(FOLLOW):
            return ""
        return sentence_for(row, Reader.ADMINISTRATOR)

    def _beside(self, request: HttpRequest, row: PurgeRequest) -> list[tuple[PurgeRequest, Standing]]:
        """The other parts of the same submission, for those who see all accounts."""
        if not request.user.has_perm(FOLLOW):
            return []
        rows = [row.part_of] if row.part_of is not None else list(row.parts.select_related("part_of").order_by("pk"))
        stand = standings(rows, request.user)
        return [(each, stand[each.pk]) for each in rows]

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the page's script asks for while it waits: numbers and words, nothing personal."""
        row = self._row(request, pk)
        steps = list(row.steps.all())
        everything = request.user.has_perm(FOLLOW)
        progress, stands = requests.progress_of(row, steps, everything=everything), standing(row, request.user)
        lines, _empty = requests.step_lines(steps, everything=everything)
        answer = JsonResponse(
            {
                **stands.as_json(),
                "page": requests.watch_state(row, stands),
                "percent": progress.percent,
                "step": progress.step,
                "rows": progress.words if progress.planned else "",
                "left": progress.left,
                "lines": [[line.words, f"{line.planned:,}", f"{line.done:,}", f"{line.left:,}"] for line in lines],
            }
        )
        answer["Cache-Control"] = "no-store"
        return answer

    # ------------------------------------------------------------ buttons

    def _do(self, request: HttpRequest, pk: int, action: Any, done: str) -> HttpResponse:
        row = self._row(request, pk)
        try:
            action(acting_user=request.user, request=row)
        except services.PurgeRefused as refusal:
            self.refused(request, refusal)
        else:
            self.message_user(request, done % {"reference": row.reference}, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:purge_purgerequest_change", args=[pk]))

    def _go_on(self, request: HttpRequest, pk: int, way: GoOn) -> HttpResponse:
        """The red page, and what its button does. What was not shown is not confirmed."""
        row = self._row(request, pk)
        if not getattr(standing(row, request.user), way.allowed):
            # Who may not, and a request in no such state: the service says which.
            return self._do(request, pk, way.do, way.done)
        going = going_on(row, request.user)
        sealed, changed, form = request.POST.get("plan", ""), False, None
        if sealed:
            try:
                changed = not going.was_shown(sealed, way.name, request.user)
            except signing.BadSignature:
                changed = True
            form = GoOnForm(request.POST, request=request, number=going.number, label=going.number_words)
            if not changed and form.is_valid():
                return self._do(request, pk, way.do, way.done)
        return self.page(
            request,
            "purge/go_on.html",
            title=way.title % {"reference": row.reference},
            row=row,
            going=going,
            way=way,
            changed=changed,
            plan=going.sealed(way.name, request.user),
            form=form
            if form is not None and not changed
            else GoOnForm(request=request, number=going.number, label=going.number_words),
            action=request.path,
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._go_on(request, pk, RETRY)

    def release_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._row(request, pk)  # 404 comes first: that a request exists is nobody else's business
        if not request.user.has_perm(OPERATE):
            raise PermissionDenied
        return self._go_on(request, pk, RELEASE)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        done = _("Request %(reference)s is cancelled. Its people are deleted users again, nothing was erased.")
        return self._do(request, pk, services.purge_cancel, done)

    def take_out_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        done = _("What nobody holds is taken out. Request %(reference)s is looked at again.")
        return self._do(request, pk, services.purge_take_out, done)

    def follow_up_view(self, request: HttpRequest, pk: int, follow_up: int) -> HttpResponse:
        row = self._row(request, pk)
        task = FollowUp.objects.filter(pk=follow_up, request=row, account_id=row.account_id or 0).first()
        if task is None:
            raise Http404
        try:
            services.follow_up_done(acting_user=request.user, follow_up=task)
        except services.PurgeRefused as refusal:
            self.refused(request, refusal)
        return HttpResponseRedirect(f"{reverse('admin:purge_purgerequest_change', args=[pk])}#left-to-do")

    # ------------------------------------------------------------ look-ups

    def look_up_view(self, request: HttpRequest) -> HttpResponse:
        """By request ID, or "was this person purged?". Both are posted; what was typed of a person is only hashed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.POST.get("ask", "") if request.method == "POST" else ""
        reference_form = ReferenceForm(request.POST if asked == "reference" else None)
        person_form = PersonForm(request.POST if asked == "person" else None)
        found: list[services.Found] | None = None
        if asked == "reference" and reference_form.is_valid():
            row = self._by_reference(request, reference_form)
            if row is not None:
                return HttpResponseRedirect(reverse("admin:purge_purgerequest_change", args=[row.pk]))
        if asked == "person" and person_form.is_valid():
            found = self._by_person(request, person_form)
        return self.page(
            request,
            "purge/look_up.html",
            title=_("Look up a purge"),
            reference_form=reference_form,
            person_form=person_form,
            found=None if found is None else self._found_lines(request, found),
            everything=request.user.has_perm(FOLLOW),
        )

    def _by_reference(self, request: HttpRequest, form: ReferenceForm) -> PurgeRequest | None:
        try:
            row = request_by_reference(form.cleaned_data["reference"])
        except MistypedReference as mistake:
            form.add_error("reference", str(mistake))
            return None
        if row is None or not services.may_follow(request.user, row):
            form.add_error(
                "reference", _("No purge request has this ID. It is well formed, so ask where it was noted down.")
            )
            return None
        return row

    def _by_person(self, request: HttpRequest, form: PersonForm) -> list[services.Found] | None:
        try:
            return services.person_look_up(acting_user=request.user, text=form.cleaned_data["text"])
        except services.NotAllowed:
            raise PermissionDenied from None
        except services.PurgeRefused as refusal:
            form.add_error("text", str(refusal))
            return None

    def _found_lines(self, request: HttpRequest, found: list[services.Found]) -> list[dict[str, Any]]:
        rows = list(requests_seen_by(request.user).filter(reference__in=[each.reference for each in found]))
        stand = standings(rows, request.user)
        by_reference = {row.reference: (row, stand[row.pk]) for row in rows}
        lines = []
        for each in found:
            if each.reference in by_reference:
                row, stands = by_reference[each.reference]
                lines.append(
                    {
                        "found": each,
                        "state": stands.label,
                        "accepted": moment_words(each.accepted_at, stands.zone),
                        "completed": moment_words(each.completed_at, stands.zone),
                        "link": reverse("admin:purge_purgerequest_change", args=[row.pk]),
                    }
                )
        return lines

    # ------------------------------------------------------------ how purges work

    def data_map_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        entries = data_map.data_map()
        return self.page(
            request,
            "purge/data_map.html",
            title=_("Data map"),
            entries=entries,
            columns=sum(len(entry.lines) for entry in entries),
            exempt=data_map.exempt_lines(),
        )

    def routes_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(
            request,
            "purge/routes.html",
            title=_("Routes"),
            heads=[words for _name, words in data_map.TICKS],
            routes=data_map.route_lines(),
        )


def state_badge(stands: Standing) -> SafeString:
    """The state as a pill, with "overdue" beside it where it is."""
    badge = format_html('<span class="pg-pill pg-{}">{}</span>', stands.tone, stands.label)
    if stands.overdue:
        return format_html('{} <span class="pg-pill pg-error">{}</span>', badge, _("Overdue"))
    return badge


def _own_kept(row: PurgeRequest) -> int:
    """Creators whose rows were kept in the account that asked; of other accounts its people read nothing."""
    return row.subjects.filter(role=Role.KEPT, account_id=row.account_id or 0).count()


def _keeps_creators(row: PurgeRequest) -> bool:
    """Whether the route keeps a match who created a trial account: by the route, not by whether there is one."""
    policy = policy_for(row)
    return policy.delete_trial_matches and not policy.delete_matching_creators
