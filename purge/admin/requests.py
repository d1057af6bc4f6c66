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
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from purge import services
from purge.admin.base import account_names
from purge.admin.data_map import DataMapPages
from purge.admin.forms import GoOnForm, NoteForm
from purge.admin.letter import letter_of
from purge.admin.looking_up import LookUpPage
from purge.admin.register import RegisterPages
from purge.admin.report import FigureFilter, ReportPages
from purge.choices import Done, Origin, Reader, Reason, Route, State, Status
from purge.host import Page, get_host
from purge.installation.identity import done_in_copy_of
from purge.models import FollowUp, PurgeRequest, RegisterNote
from purge.pages import data_map, history, moments, requests, trouble
from purge.pages.going_on import going_on
from purge.pages.possible import listed_of, possible_of
from purge.pages.searched_for import not_searched_for, searched_for_lines
from purge.purge_rules import HEADLESS
from purge.register.notes import Note
from purge.routes.policy import policy_for
from purge.selectors import checked_again, first_completed, requests_seen_by, something_to_do, to_dos_left
from purge.standing import (
    FOLLOW,
    OPERATE,
    Standing,
    in_state,
    is_late,
    sentence_for,
    standing,
    standings,
)
from purge.thoroughness.telling import thoroughness_of

#: Of how many of the latest requests the accounts are offered to filter by.
LATEST_REQUESTS = 1_000


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
        stand, to_dos = standings(self.result_list, request.user), to_dos_left(self.result_list)
        own = get_host().account_of(request.user) is not None
        for purge_request in self.result_list:
            purge_request.next_step = requests.next_step_text(
                stand[purge_request.pk], to_dos.get(purge_request.pk, 0), own=own
            )
            purge_request.account_name = names.get(purge_request.pk, "–")
            purge_request.standing = stand[purge_request.pk]


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


class ToDoFilter(admin.SimpleListFilter):
    title = gettext_lazy("to do")
    parameter_name = "todo"

    def lookups(self, request, model_admin):
        return [("open", _("Something is left to do"))]

    def queryset(self, request, queryset):
        return queryset.filter(something_to_do()) if self.value() == "open" else queryset


class AccountFilter(admin.SimpleListFilter):
    """For those who follow the requests of all accounts. Offered are the accounts of the latest requests."""

    title = gettext_lazy("account")
    parameter_name = "account"

    def lookups(self, request, model_admin):
        latest = PurgeRequest.objects.order_by("-accepted_at", "-pk").values_list("account_id", flat=True)
        ids = {pk for pk in latest[:LATEST_REQUESTS] if pk is not None}
        if self.value_as_number:
            ids.add(self.value_as_number)
        names = {pk: facts.name for pk, facts in get_host().accounts(ids).items()}
        return sorted(names.items(), key=lambda each: (each[1].casefold(), each[0]))

    def queryset(self, request, queryset):
        return queryset.filter(account_id=self.value_as_number) if self.value() else queryset

    @property
    def value_as_number(self) -> int:
        """The chosen account; 0, which no account has, for what is no number."""
        value = self.value() or ""
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


@admin.register(PurgeRequest)
class PurgeRequestAdmin(LookUpPage, ReportPages, DataMapPages, RegisterPages):
    list_display = ("reference", "state", "accepted", "due", "people", "next_actor")
    list_display_links = ("reference",)
    list_filter = (FigureFilter, StateFilter, DeadlineFilter, ToDoFilter, "accepted_at")
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
            return ("reference", "account_and_route", *self.list_display[1:])
        return self.list_display

    def get_list_filter(self, request):
        """An administrator's requests are of one account, and come by two or three routes; to them it is what they
        did."""
        return (*self.list_filter, AccountFilter, "route") if request.user.has_perm(FOLLOW) else self.list_filter

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
    def account_and_route(self, purge_request):
        """Both in one column: a list of eight is wider than a window."""
        route = purge_request.get_route_display()
        return format_html('{} <span class="pg-hint">{}</span>', purge_request.account_name, route)

    @admin.display(description=gettext_lazy("state"))
    def state(self, purge_request):
        return state_badge(purge_request.standing)

    @admin.display(description=gettext_lazy("accepted"), ordering="accepted_at")
    def accepted(self, purge_request):
        return moments.time_tag(purge_request.accepted_at, purge_request.standing.zone)

    @admin.display(description=gettext_lazy("due"), ordering="due_at")
    def due(self, purge_request):
        return moments.time_tag(purge_request.due_at, purge_request.standing.zone) if purge_request.is_open else "–"

    @admin.display(description=gettext_lazy("people"), ordering="selected_count")
    def people(self, purge_request):
        return purge_request.selected_count or "–"

    @admin.display(description=gettext_lazy("next step"))
    def next_actor(self, purge_request):
        return purge_request.next_step

    # ------------------------------------------------------------ pages

    def get_urls(self):
        view = self.admin_site.admin_view
        own = [
            *self.report_urls(),
            *self.register_urls(),
            path("look-up/", view(self.look_up_view), name="purge_look_up"),
            *self.data_map_urls(),
            path("routes/", view(require_GET(self.routes_view)), name="purge_routes"),
            path("<int:pk>/progress/", view(require_GET(self.progress_view)), name="purge_purgerequest_progress"),
            path("<int:pk>/retry/", view(require_POST(self.retry_view)), name="purge_purgerequest_retry"),
            path("<int:pk>/cancel/", view(require_POST(self.cancel_view)), name="purge_purgerequest_cancel"),
            path("<int:pk>/take-out/", view(require_POST(self.take_out_view)), name="purge_purgerequest_take_out"),
            path("<int:pk>/release/", view(require_POST(self.release_view)), name="purge_purgerequest_release"),
            path("<int:pk>/note/", view(require_POST(self.note_view)), name="purge_purgerequest_note"),
            path(
                "<int:pk>/follow-ups/<int:follow_up>/done/",
                view(require_POST(self.follow_up_view)),
                name="purge_purgerequest_follow_up",
            ),
            path(
                "<int:pk>/follow-ups/<int:follow_up>/undone/",
                view(require_POST(self.follow_up_undone_view)),
                name="purge_purgerequest_follow_up_undone",
            ),
        ]
        return own + super().get_urls()

    def changelist_view(self, request, extra_context=None):
        title = _("Purge requests")
        return super().changelist_view(request, {"title": title, "subtitle": None, **(extra_context or {})})

    def change_view(self, request, object_id, form_url="", extra_context=None):
        purge_request = self._purge_request(request, object_id)
        return self.page(request, "purge/request.html", **self._request_context(request, purge_request))

    def _purge_request(self, request: HttpRequest, pk: Any) -> PurgeRequest:
        """The request, if the reader may follow it. Otherwise 404: whether it exists is nobody else's business."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows: QuerySet[PurgeRequest] = self.get_queryset(request)
        try:
            return rows.get(pk=int(pk))
        except (PurgeRequest.DoesNotExist, ValueError):
            raise Http404 from None

    def _request_context(
        self, request: HttpRequest, purge_request: PurgeRequest, note_form: NoteForm | None = None
    ) -> dict[str, Any]:
        note = RegisterNote.objects.filter(request=purge_request).first()
        may_note = services.may_note(request.user, purge_request)
        steps = list(purge_request.steps.all())
        everything = request.user.has_perm(FOLLOW)
        lines, empty = requests.step_lines(steps, everything=everything)
        stands = standing(purge_request, request.user)
        own = get_host().account_of(request.user) == purge_request.account_id and purge_request.account_id is not None
        follow_ups = (
            purge_request.follow_ups.filter(account_id=purge_request.account_id or 0)
            .select_related("done_by")
            .order_by("pk")
        )
        unopened = requests.unopened_of(purge_request, everything=everything)
        possible = possible_of(purge_request, everything=everything) if own or everything else None
        recipients = get_host().page_of(Page.RECIPIENTS, purge_request.pk) if own and _has_owners(purge_request) else ""
        return {
            "title": _("Purge request %(reference)s") % {"reference": purge_request.reference},
            "purge_request": purge_request,
            "own": own,
            "account_name": "" if own else account_names([purge_request]).get(purge_request.pk, ""),
            "initiator": requests.initiator_label(purge_request) if own else "",
            "route": Route(purge_request.route).label,
            "origin": Origin(purge_request.origin).label,
            "standing": stands,
            "zone": stands.zone,
            "checked_again": checked_again(purge_request),
            "for_customer": self._for_customer(request, purge_request),
            "in_copy": done_in_copy_of(purge_request.completed_at) is not None,
            "progress": requests.progress_of(purge_request, steps, everything=everything),
            "working": purge_request.status in requests.WORKING,
            "watch_state": requests.watch_state(purge_request, stands),
            "due": requests.due_of(purge_request),
            "trouble": trouble.trouble_of(
                purge_request, account_id=None if request.user.has_perm(FOLLOW) else purge_request.account_id
            ),
            "technical": trouble.technical_text(purge_request) if request.user.has_perm(FOLLOW) else "",
            "lines": lines,
            "empty": empty,
            "no_steps": requests.no_steps_text(purge_request),
            "everything": everything,
            "erased": requests.erased_of(purge_request, everything=everything),
            "took": requests.took_text(purge_request),
            "kept": purge_request.kept_count if everything else _own_kept(purge_request),
            "creators_stay": not everything and _keeps_creators(purge_request),
            "beside": self._beside(request, purge_request),
            "residues": requests.residue_lines(purge_request.residues.order_by("table", "column", "row")[:200]),
            "unopened": unopened,
            "possible": possible,
            "thoroughness": thoroughness_of(
                purge_request,
                zone=stands.zone,
                listed=listed_of(unopened, possible),
                account_id=None if everything else purge_request.account_id or 0,
            ),
            "sees_places": request.user.has_perm(FOLLOW),
            "tasks": requests.follow_up_lines(follow_ups) if own else [],
            "headless": (
                requests.follow_up_lines(purge_request.follow_ups.filter(kind=HEADLESS.kind))
                if request.user.has_perm(FOLLOW)
                else []
            ),
            "searched_for": searched_for_lines(purge_request, everything=everything) if own or everything else [],
            "not_searched_for": not_searched_for(),
            "can_take_out": purge_request.status == Status.RESIDUE and request.user.has_perm(OPERATE),
            "tasks_open": (to_dos := to_dos_left([purge_request]).get(purge_request.pk, 0)),
            "next_step": requests.next_step_text(stands, to_dos, own=own) if to_dos else "",
            "reasons_done": Done.choices,
            "ledger": history.history_lines(purge_request.ledger.all(), reader=request.user, everything=everything),
            "first_completed": first_completed([purge_request]).get(purge_request.pk),
            "note": note if own or everything else None,
            "note_form": (NoteForm(before=Note.of(note)) if may_note else None) if note_form is None else note_form,
            "can_tick": own and get_host().may_tick_off(request.user.pk or 0, purge_request.account_id or 0),
            "recipients": recipients,
            "letter": letter_of(purge_request, _letter_head(purge_request)) if own or everything else None,
        }

    def _for_customer(self, request: HttpRequest, purge_request: PurgeRequest) -> str:
        """What the administrators of the request's account read, for support to read out; '' for themselves."""
        if purge_request.account_id is None or not request.user.has_perm(FOLLOW):
            return ""
        return sentence_for(purge_request, Reader.ADMINISTRATOR)

    def _beside(self, request: HttpRequest, purge_request: PurgeRequest) -> list[tuple[PurgeRequest, Standing]]:
        """The other parts of the same submission, for those who see all accounts."""
        if not request.user.has_perm(FOLLOW):
            return []
        rows = (
            [purge_request.part_of]
            if purge_request.part_of is not None
            else list(purge_request.parts.select_related("part_of").order_by("pk"))
        )
        stand = standings(rows, request.user)
        return [(each, stand[each.pk]) for each in rows]

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the page's script asks for while it waits: numbers and words, nothing personal."""
        purge_request = self._purge_request(request, pk)
        steps = list(purge_request.steps.all())
        everything = request.user.has_perm(FOLLOW)
        progress, stands = (
            requests.progress_of(purge_request, steps, everything=everything),
            standing(purge_request, request.user),
        )
        lines, _empty = requests.step_lines(steps, everything=everything)
        answer = JsonResponse(
            {
                **stands.as_json(),
                "page": requests.watch_state(purge_request, stands),
                "percent": progress.percent,
                "step": progress.step,
                "rows": progress.label if progress.planned else "",
                "left": progress.left,
                "lines": [
                    [
                        line.label,
                        number_format(line.planned, force_grouping=True),
                        number_format(line.done, force_grouping=True),
                        number_format(line.left, force_grouping=True),
                    ]
                    for line in lines
                ],
            }
        )
        answer["Cache-Control"] = "no-store"
        return answer

    # ------------------------------------------------------------ buttons

    def _do(self, request: HttpRequest, pk: int, action: Any, done: str) -> HttpResponse:
        purge_request = self._purge_request(request, pk)
        try:
            action(acting_user=request.user, purge_request=purge_request)
        except services.PurgeRefused as refusal:
            self.refused(request, refusal)
        else:
            self.message_user(request, done % {"reference": purge_request.reference}, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:purge_purgerequest_change", args=[pk]))

    def _go_on(self, request: HttpRequest, pk: int, way: GoOn) -> HttpResponse:
        """The red page, and what its button does. What was not shown is not confirmed."""
        purge_request = self._purge_request(request, pk)
        if not getattr(standing(purge_request, request.user), way.allowed):
            # Who may not, and a request in no such state: the service says which.
            return self._do(request, pk, way.do, way.done)
        going = going_on(purge_request, request.user)
        sealed, changed, form = request.POST.get("plan", ""), False, None
        if sealed:
            try:
                changed = not going.was_shown(sealed, way.name, request.user)
            except signing.BadSignature:
                changed = True
            form = GoOnForm(request.POST, request=request, number=going.number, label=going.number_text)
            if not changed and form.is_valid():
                return self._do(request, pk, way.do, way.done)
        return self.page(
            request,
            "purge/go_on.html",
            title=way.title % {"reference": purge_request.reference},
            purge_request=purge_request,
            going=going,
            way=way,
            changed=changed,
            plan=going.sealed(way.name, request.user),
            form=form
            if form is not None and not changed
            else GoOnForm(request=request, number=going.number, label=going.number_text),
            action=request.path,
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._go_on(request, pk, RETRY)

    def release_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._purge_request(request, pk)  # 404 comes first: that a request exists is nobody else's business
        if not request.user.has_perm(OPERATE):
            raise PermissionDenied
        return self._go_on(request, pk, RELEASE)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        done = _("Request %(reference)s is cancelled. Its people are deleted users again, nothing was erased.")
        return self._do(request, pk, services.purge_cancel, done)

    def take_out_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        done = _("What nobody holds is taken out. Request %(reference)s is looked at again.")
        return self._do(request, pk, services.purge_take_out, done)

    def note_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The note for the register, added or completed. What is refused is shown again and kept nowhere."""
        purge_request = self._purge_request(request, pk)
        form = NoteForm(request.POST)
        if form.is_valid():
            try:
                services.register_note_set(acting_user=request.user, purge_request=purge_request, note=form.note)
            except services.NoteRefused as refusal:
                form.add_error(refusal.field, str(refusal))
            except services.PurgeRefused as refusal:
                self.refused(request, refusal)
            else:
                self.message_user(request, _("The note for the register is saved."), messages.SUCCESS)
                return HttpResponseRedirect(f"{reverse('admin:purge_purgerequest_change', args=[pk])}#register-note")
        return self.page(request, "purge/request.html", **self._request_context(request, purge_request, form))

    def follow_up_view(self, request: HttpRequest, pk: int, follow_up: int) -> HttpResponse:
        why = request.POST.get("why", Done.BY_HAND)
        return self._follow_up(
            request,
            pk,
            follow_up,
            lambda row: services.follow_up_done(acting_user=request.user, follow_up=row, why=why),
        )

    def follow_up_undone_view(self, request: HttpRequest, pk: int, follow_up: int) -> HttpResponse:
        def undone(row: FollowUp) -> FollowUp:
            return services.follow_up_undone(acting_user=request.user, follow_up=row)

        return self._follow_up(request, pk, follow_up, undone)

    def _follow_up(
        self, request: HttpRequest, pk: int, follow_up: int, change: Callable[[FollowUp], FollowUp]
    ) -> HttpResponse:
        purge_request = self._purge_request(request, pk)
        task = FollowUp.objects.filter(
            pk=follow_up, request=purge_request, account_id=purge_request.account_id or 0
        ).first()
        if task is None:
            raise Http404
        try:
            change(task)
        except services.PurgeRefused as refusal:
            self.refused(request, refusal)
        return HttpResponseRedirect(f"{reverse('admin:purge_purgerequest_change', args=[pk])}#left-to-do")

    # ------------------------------------------------------------ how purges work

    def routes_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(
            request,
            "purge/routes.html",
            title=_("Purge types"),
            heads=[label for _name, label in data_map.TICKS],
            routes=data_map.route_lines(),
        )


def state_badge(stands: Standing) -> SafeString:
    """The state as a pill, with "overdue" beside it where it is."""
    badge = format_html('<span class="pg-pill pg-{}">{}</span>', stands.tone, stands.label)
    if stands.overdue:
        return format_html('{} <span class="pg-pill pg-error">{}</span>', badge, _("Overdue"))
    return badge


def _has_owners(purge_request: PurgeRequest) -> bool:
    """Whether people of an open request are still there whose data outside applications of the account have got."""
    if not purge_request.is_open:
        return False
    people = purge_request.subjects.filter(role=Reason.SELECTED).values_list("person_id", flat=True)
    return purge_request.account_id in get_host().outside_applications(list(people)).values()


def _own_kept(purge_request: PurgeRequest) -> int:
    """Creators whose rows were kept in the account that asked; of other accounts its people read nothing."""
    return purge_request.subjects.filter(role=Reason.KEPT, account_id=purge_request.account_id or 0).count()


def _keeps_creators(purge_request: PurgeRequest) -> bool:
    """Whether the route keeps a match who created a trial account: by the route, not by whether there is one."""
    policy = policy_for(purge_request)
    return policy.delete_trial_matches and not policy.delete_matching_creators


def _letter_head(purge_request: PurgeRequest) -> str:
    """The name of the account that writes to the person; a blank where there is none."""
    facts = get_host().accounts({purge_request.account_id} if purge_request.account_id is not None else ())
    return next((each.name for each in facts.values()), "______")
