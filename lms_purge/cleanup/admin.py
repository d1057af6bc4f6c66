"""User Cleanup in the admin: the list with its two tabs, restore, correct, purge."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from connectors.selectors import outside_copies
from lms_purge.cleanup import csv_exports
from lms_purge.cleanup.asking import whom_to_ask
from lms_purge.cleanup.confirmation import (
    Confirmation,
    Effects,
    Shown,
    backup_days,
    differences,
    due_after,
    effects_of,
    first_line,
    request_of_token,
    rows_of,
)
from lms_purge.cleanup.forms import AddressForm, ConfirmForm, CorrectForm
from lms_purge.cleanup.hints import hints_of
from lms_purge.cleanup.listing import ListQuery, listing, month_label, segments
from lms_purge.cleanup.pasted import KIND as LIST_OF_PEOPLE
from lms_purge.cleanup.pasted import sorted_list
from lms_purge.cleanup.pasting import LIST as PASTED
from lms_purge.cleanup.pasting import MOST_DELETED, PastedLists, list_page
from purge.addresses import is_address
from purge.admin.forms import NoteForm
from purge.choices import Reason
from purge.host import get_host
from purge.models import PurgeRequest
from purge.pages.moments import time_tag
from purge.pages.requests import link_to
from purge.selectors import open_request_of, requests_seen_by
from purge.services import (
    NotAllowed,
    Note,
    Preview,
    PurgeRefused,
    Selection,
    SelectionChanged,
    note_checked,
)
from users.drafts import draft_begin, draft_end, draft_of
from users.filters import CleanupFilter
from users.models import DeletedUser, DraftKind, PurgeDraft, User
from users.permissions import DELETE_PERMISSION, PURGE_PERMISSION
from users.selectors import deleted_and_free
from users.services import ServiceError, user_restore, zone_of
from users.tenancy.messages import say_restored
from users.tenancy.scope import scoped

LIST = "admin:users_deleteduser_changelist"
SELECTED = "_selected_action"
#: The token of a confirmation, in its address and its form.
PLAN = "plan"
#: The form of the confirmation page, which fields elsewhere on it belong to.
FORM_ID = "purge-form"
#: More ids than anybody can have ticked are not even read.
MOST_IDS = 5_000


@admin.register(DeletedUser)
class DeletedUserAdmin(PastedLists):
    account_path = "account"
    list_display = ("name", "email", "unique_user_id", "deleted_at")
    ordering = ("-deleted_at", "-pk")
    actions = None

    # ------------------------------------------------------------ who sees what

    def get_queryset(self, request):
        return super().get_queryset(request).filter(deleted_at__isnull=False)

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or not self._is_held(obj))

    def _is_held(self, person: Any) -> bool:
        """Whether a request of the person's own account holds them."""
        return bool(open_request_of([person.pk], account_id=person.account_id))

    def _check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "has_view_permission": True}
        return TemplateResponse(request, f"cleanup/{template}.html", {**frame, **context})

    # ------------------------------------------------------------ addresses

    def get_urls(self):
        view = self.admin_site.admin_view
        post = lambda method: view(require_POST(method))  # noqa: E731 - one line each below
        own = [
            path("purge/", view(self.purge_view), name="cleanup_purge"),
            path("restore/", post(self.restore_view), name="cleanup_restore"),
            path("delete-again/", post(self.delete_again_view), name="cleanup_delete_again"),
            path("outside/", post(self.outside_view), name="cleanup_outside"),
            path("transcripts/", post(self.transcripts_view), name="cleanup_transcripts"),
            path("other/", view(self.other_view), name="cleanup_other"),
            path("other/purge/", view(self.purge_view)),  # where pages of an earlier release lead, which may lie open
            path("list/", view(self.list_view), name="cleanup_list"),
            path("export/", view(require_GET(self.export_view)), name="cleanup_export"),
            path("recipients/<int:request_id>/", view(require_GET(self.recipients_view)), name="cleanup_recipients"),
        ]
        return own + super().get_urls()

    # ------------------------------------------------------------ the list

    def changelist_view(self, request, extra_context=None):
        self._check_view(request)
        account_id = get_host().account_of(request.user)
        rows = self.get_queryset(request).select_related("account", "deleted_by")
        shown = listing(rows, account_id=account_id, data=request.GET)
        can_purge = request.user.has_perm(PURGE_PERMISSION)
        hints, may_change = hints_of(shown.rows), self.has_change_permission(request)
        for row in shown.rows:
            row.hints = hints[row.pk]
            row.deleted_on = time_tag(row.deleted_at, row.account.time_zone)
            row.can_tick, row.can_correct = row.hints.can_be_selected, may_change and row.hints.purge_request is None
        return self._page(
            request,
            "list",
            title=_("User Cleanup"),
            tab="deleted",
            listing=shown,
            month=shown.filterset.form.cleaned_data.get("month", "") if shown.filterset.form.is_valid() else "",
            can_purge=can_purge,
            whom_to_ask="" if can_purge else whom_to_ask(account_id),
            can_restore=request.user.has_perm(DELETE_PERMISSION),
            can_paste=can_purge and account_id is not None,
            every_account=account_id is None,
            most=settings.PURGE_MAX_PEOPLE,
            button=_select_label(len(shown.first_ids)),
            scope=_scope(request.user),
            **(extra_context or {}),
        )

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as it is filtered and sorted, streamed."""
        self._check_view(request)
        query = ListQuery(request.GET)
        filterset = CleanupFilter(query.filter, queryset=self.get_queryset(request))
        rows = filterset.qs if filterset.form.is_valid() else DeletedUser.objects.none()
        month = query.filter.get("month", "") if filterset.form.is_valid() else ""
        parts = [part.ordered(backwards=False) for part in segments(rows, query.sort)]
        return csv_exports.csv_export(
            f"deleted-users-{month}" if month else "deleted-users",
            csv_exports.people_head(),
            csv_exports.people_rows(parts),
            acting_user=request.user,
            account_id=get_host().account_of(request.user),
            what="deleted users",
        )

    # ------------------------------------------------------------ correct and restore

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """The pencil: correct an email or a Unique User ID before a purge takes them out everywhere."""
        person = self.get_object(request, object_id)
        if person is None:
            raise Http404
        if not self.has_change_permission(request):
            self._check_view(request)
            return self._page(request, "correct", title=_("Deleted user"), person=person, facts=_facts(person))
        if self._is_held(person):
            self.message_user(request, _("This user is being purged: nothing can be changed any more."), messages.ERROR)
            return HttpResponseRedirect(reverse(LIST))
        form = CorrectForm(request.POST or None, instance=person, acting_user=request.user)
        if request.method == "POST" and form.is_valid():
            changed = list(form.changed_data)
            if form.save() is not None:
                self.log_change(request, person, [{"changed": {"fields": changed}}])
                self.message_user(request, _("The changes are saved."), messages.SUCCESS)
                return HttpResponseRedirect(reverse(LIST))
        person.refresh_from_db()
        return self._page(request, "correct", title=_("Correct a deleted user"), person=person, form=form)

    def restore_view(self, request: HttpRequest) -> HttpResponse:
        """Bring the selected people back as Learners; each refusal is named, the others come back."""
        self._check_view(request)
        if not request.user.has_perm(DELETE_PERMISSION):
            raise PermissionDenied
        ids, problem = _posted_ids(request)
        title = _("Nobody was restored")
        if problem:
            return self._refused(request, problem, back=_back(request.POST), title=title)
        people = {person.pk: person for person in self.get_queryset(request).filter(pk__in=ids)}
        if len(people) < len(ids):
            unknown = ", ".join(str(pk) for pk in ids if pk not in people)
            message = _("No deleted user of this account has the number %(ids)s.") % {"ids": unknown}
            return self._refused(request, message, back=_back(request.POST), title=title)
        acting: Any = request.user
        restored: list[int] = []
        for pk in ids:
            try:
                user_restore(acting_user=acting, user=people[pk])
            except ServiceError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                restored.append(pk)
                self.log_change(request, people[pk], [{"changed": {"fields": ["state"]}}])
        if restored:
            say_restored(request, restored)
        return HttpResponseRedirect(reverse(LIST) + ListQuery(_back(request.POST)).with_())

    def delete_again_view(self, request: HttpRequest) -> HttpResponse:
        """Delete those who were restored a moment ago by mistake: what the message about them offers."""
        if not request.user.has_perm(DELETE_PERMISSION):
            raise PermissionDenied
        ids, problem = _posted_ids(request)
        in_use = User.objects.filter(pk__in=ids[:MOST_DELETED], deleted_at__isnull=True)
        people = list(scoped(in_use, self.path_to_account, request.user).order_by("name", "pk"))
        if problem or not people:
            text = problem or _("These users are not in use any more.")
            self.message_user(request, text, messages.WARNING)
        self._delete_each(request, people)
        return HttpResponseRedirect(reverse(LIST))

    # ------------------------------------------------------------ purge

    def purge_view(self, request: HttpRequest) -> HttpResponse:
        """The confirmation of a purge. A form of the list begins one; its page has an address of its own, so that going
        back, reloading and signing in again show it again; its button does it once, however often it is pressed."""
        if not request.user.has_perm(PURGE_PERMISSION):
            raise PermissionDenied
        plan = request.POST.get(PLAN) or request.GET.get(PLAN, "")
        if not plan:
            return self._begin(request) if request.method == "POST" else HttpResponseRedirect(reverse(LIST))
        return self._go_on(request, plan)

    def _begin(self, request: HttpRequest) -> HttpResponse:
        back = _back(request.POST)
        ids, problem = _posted_ids(request)
        if problem:
            return self._refused(request, problem, back=back)
        user: Any = request.user
        account_id = self._account_id(request, ids)
        draft = draft_begin(
            user=user, kind=DraftKind.CONFIRMATION, account_id=account_id or None, people=ids, facts={"back": back}
        )
        return self._to_page(draft)

    def _to_page(self, draft: PurgeDraft) -> HttpResponse:
        page = reverse("admin:cleanup_other" if draft.address else "admin:cleanup_purge")
        return HttpResponseRedirect(f"{page}?{PLAN}={draft.token.hex}")

    def _go_on(self, request: HttpRequest, plan: str) -> HttpResponse:
        """With a confirmation that was begun: its page, or what its button does."""
        if (earlier := request_of_token(plan, request.user)) is not None:
            return self._to_request(earlier)
        confirmation = Confirmation.found(plan, request.user)
        if confirmation is None:
            return self._refused(request, _("This page is not valid any more. Select the users again."), back={})
        if request.method != "POST":
            return self._show(request, confirmation)
        answer = self._confirmed(request, confirmation, plan)
        return answer if answer is not None else self._to_page(confirmation.draft)

    def _account_id(self, request: HttpRequest, ids: list[int]) -> int:
        """The account somebody acts in; for those who see all, the first selected person's."""
        account_id = get_host().account_of(request.user)
        if account_id is not None:
            return account_id
        first = User.objects.filter(pk__in=ids).order_by("pk").values_list("account_id", flat=True).first()
        return first or 0

    def _preview(self, selection: Selection, *, in_full: bool = True) -> Preview:
        try:
            return selection.preview(in_full=in_full)
        except NotAllowed as refusal:
            if selection.user_ids and refusal.code == "no_account":
                raise Http404 from None
            raise PermissionDenied from None

    def _show(self, request: HttpRequest, confirmation: Confirmation) -> HttpResponse:
        """The confirmation page, for the first time or again."""
        selection, changes = confirmation.now(request.user)
        back = confirmation.back
        if selection.is_empty:
            text = " ".join([*changes, _("Nobody is left to purge; nothing was accepted.")])
            return self._refused(request, text, back=back)
        try:
            preview = self._preview(selection)
        except PurgeRefused as refusal:
            return self._refused_selection(request, selection, refusal, back)
        effects = effects_of(preview, request.user)
        if confirmation.first is not None:
            changes += differences(confirmation.first, effects, preview)
        confirmation.show(Shown.of(preview, effects))
        form = _confirm_form(request, selection, preview, effects)
        form.initial = confirmation.typed
        form.say(confirmation.errors)
        note_form = NoteForm(before=confirmation.note, form_id=FORM_ID)
        note_form.say(confirmation.note_errors)
        address = selection.address
        return self._page(
            request,
            "confirm",
            title=_("Purge an address") if address else _("Purge users"),
            address=address,
            people=self._people(selection.user_ids, selection.account_id),
            number=_number(preview),
            first_line=first_line(preview, effects),
            matches=self._people([person.id for person in preview.matches], selection.account_id),
            kept=self._people([person.id for person in preview.kept], selection.account_id),
            preview=preview,
            effects=effects,
            plan=confirmation.plan,
            changes=changes,
            form=form,
            form_id=FORM_ID,
            note_form=note_form,
            summary=[*form.summary, *note_form.summary],
            mails=csv_exports.mail_texts(effects.outside),
            creators_kept=not preview.policy.delete_matching_creators,
            backup_days=backup_days(),
            due=_day_due(request.user),
            due_days=due_after().days,
            back_link=reverse("admin:cleanup_other") if address else _way_back(back),
            imports_link=link_to("admin:users_importlog_changelist"),
            action=f"{reverse('admin:cleanup_purge')}?{PLAN}={confirmation.draft.token.hex}",
        )

    def _people(self, ids: Collection[int], account_id: int) -> list[Any]:
        rows: list[Any] = list(rows_of(ids, account_id))
        hints = hints_of(rows)
        for row in rows:
            row.hints = hints[row.pk]
            row.deleted_on = time_tag(row.deleted_at, row.account.time_zone)
        return rows

    def _confirmed(self, request: HttpRequest, confirmation: Confirmation, plan: str) -> HttpResponse | None:
        """What the button of the confirmation page does: only what the page has shown. None: the page has to be looked
        at again, and says itself why."""
        noted, is_noted = _keep_note(request, confirmation)
        selection, _changes = confirmation.now(request.user)
        last = confirmation.last
        if last is None or not confirmation.was_shown_as(plan) or tuple(sorted(selection.user_ids)) != last.people:
            return None
        try:
            # Counts that grow do not ask again; the page, when it is shown again, counts all.
            preview = self._preview(selection, in_full=False)
        except PurgeRefused:
            earlier = request_of_token(plan, request.user)
            return self._to_request(earlier) if earlier is not None else None
        effects = effects_of(preview, request.user)
        if differences(last, effects, preview):
            return None
        form = _confirm_form(request, selection, preview, effects, data=request.POST)
        if not form.is_valid() or not is_noted:
            confirmation.answer(form.said, form.kept)
            return None
        try:
            purge_request = selection.submit(shown=preview, token=confirmation.draft.token, noted=noted)
        except SelectionChanged:
            return None
        except NotAllowed:
            raise PermissionDenied from None
        except PurgeRefused as refusal:
            confirmation.answer({NON_FIELD_ERRORS: str(refusal)}, form.kept)
            return None
        self._say_accepted(request, purge_request, confirmation)
        draft_end(confirmation.draft)
        return self._to_request(purge_request)

    def _refused_selection(
        self, request: HttpRequest, selection: Selection, refusal: PurgeRefused, back: dict[str, str]
    ) -> HttpResponse:
        """An address is refused where it is typed; people by name, on a page."""
        if selection.address:
            form = self._address_form(request, {"address": selection.address, "account": selection.account_id})
            form.add_error("address", str(refusal))
            return self._other_form(request, form)
        return self._refused(request, str(refusal), back=back, people=refusal.people, account_id=selection.account_id)

    def _say_accepted(self, request: HttpRequest, purge_request: PurgeRequest, confirmation: Confirmation) -> None:
        text = _("Purge request %(reference)s accepted. We’ll notify you when it’s complete.")
        self.message_user(request, text % {"reference": purge_request.reference}, messages.SUCCESS)
        back = confirmation.back
        if PASTED in back:
            user: Any = request.user
            draft = draft_of(user=user, kind=LIST_OF_PEOPLE, token=back[PASTED])
            if draft is not None and (ready := len(sorted_list(draft, reader=user).ready)):
                words = ngettext("Go on with your list: %(n)d is ready", "Go on with your list: %(n)d are ready", ready)
                go_on = format_html('<a href="{}">{}</a>', list_page(back[PASTED]), words % {"n": ready})
                self.message_user(request, go_on, messages.INFO)
            return
        more = CleanupFilter(back, queryset=deleted_and_free(self.get_queryset(request)))
        people = confirmation.draft.people
        # Who purges a single person is not working off a list.
        left = more.qs[: settings.PURGE_MAX_PEOPLE].count() if len(people) > 1 and more.form.is_valid() else 0
        if left:
            label = _more_label(back.get("month", ""), left)
            link = reverse(LIST) + ListQuery(back).with_(select="first")
            self.message_user(request, format_html('<a href="{}">{}</a>', link, label), messages.INFO)

    def _to_request(self, purge_request: PurgeRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:purge_purgerequest_change", args=[purge_request.pk]) + "?accepted=1")

    def _refused(
        self,
        request: HttpRequest,
        message: str,
        *,
        back: dict[str, str],
        people: Any = (),
        account_id: int | None = None,
        title: str = "",
    ) -> HttpResponse:
        """A refusal with the names of those it is about: on a page, so that no name gets into a cookie."""
        named = User.objects.filter(pk__in=people, account_id=account_id).order_by("name", "pk") if account_id else []
        return self._page(
            request,
            "refused",
            title=title or _("Nothing was purged"),
            message=message,
            named=list(named),
            back_link=_way_back(back),
        )

    # ------------------------------------------------------------ what is offered on the confirmation page

    def _begun(self, request: HttpRequest) -> PurgeDraft:
        if not request.user.has_perm(PURGE_PERMISSION):
            raise PermissionDenied
        confirmation = Confirmation.found(request.POST.get(PLAN, ""), request.user)
        if confirmation is None:
            raise Http404
        return confirmation.draft

    def outside_view(self, request: HttpRequest) -> HttpResponseBase:
        """Person × outside application × whom to write to."""
        draft = self._begun(request)
        copies = outside_copies(draft.people, account_id=draft.account_id)
        return _outside_export(request, copies, account_id=draft.account_id, what="outside copies")

    def transcripts_view(self, request: HttpRequest) -> HttpResponseBase:
        draft = self._begun(request)
        own = self.get_queryset(request).filter(pk__in=draft.people).values_list("pk", flat=True)
        return csv_exports.csv_export(
            "transcripts",
            csv_exports.transcript_head(),
            csv_exports.transcript_rows(list(own)),
            acting_user=request.user,
            account_id=draft.account_id,
            what="transcripts",
        )

    def recipients_view(self, request: HttpRequest, request_id: int) -> HttpResponseBase:
        """The same list while a request is open, for the administrators of its account."""
        self._check_view(request)
        row = requests_seen_by(request.user).filter(pk=request_id).first()
        account_id = get_host().account_of(request.user)
        if row is None or account_id is None or row.account_id != account_id or not row.is_open:
            raise Http404
        ids = row.subjects.filter(role=Reason.SELECTED).values_list("person_id", flat=True)
        copies = outside_copies(list(ids), account_id=account_id)
        what = "outside copies of request"
        return _outside_export(request, copies, account_id=account_id, what=what, number=row.pk)

    # ------------------------------------------------------------ Other Users

    def other_view(self, request: HttpRequest) -> HttpResponse:
        """An address of somebody who is no user: typed, posted, looked for in this account."""
        self._check_view(request)
        if request.method != "POST" and PLAN in request.GET:
            return self.purge_view(request)
        form = self._address_form(request, request.POST or None)
        if request.method == "POST":
            if not request.user.has_perm(PURGE_PERMISSION):
                raise PermissionDenied
            if form.is_valid():
                return self._begin_address(request, form)
        return self._other_form(request, form)

    def _begin_address(self, request: HttpRequest, form: AddressForm) -> HttpResponse:
        user: Any = request.user
        account_id = get_host().account_of(user)
        account_id = form.cleaned_data["account"].pk if account_id is None else account_id
        address = form.cleaned_data["address"]
        if not is_address(address):
            # What is none is refused where it stands, and kept nowhere.
            try:
                self._preview(Selection(user, account_id, address=address))
            except PurgeRefused as refusal:
                form.add_error("address", str(refusal))
                return self._other_form(request, form)
        return self._to_page(
            draft_begin(user=user, kind=DraftKind.CONFIRMATION, account_id=account_id, address=address)
        )

    def _address_form(self, request: HttpRequest, data: Any) -> AddressForm:
        return AddressForm(data, choose_account=get_host().account_of(request.user) is None)

    def _other_form(self, request: HttpRequest, form: AddressForm) -> HttpResponse:
        can_purge = request.user.has_perm(PURGE_PERMISSION)
        return self._page(
            request,
            "other",
            title=_("User Cleanup"),
            tab="other",
            form=form,
            can_purge=can_purge,
            whom_to_ask="" if can_purge else whom_to_ask(get_host().account_of(request.user)),
        )


# ---------------------------------------------------------------- what was posted


def _posted_ids(request: HttpRequest) -> tuple[list[int], str]:
    """The ticked row numbers, each once, in order; or why they cannot be read."""
    texts = dict.fromkeys(request.POST.getlist(SELECTED)[: MOST_IDS + 1])
    if request.POST.get("select_across") == "1":
        return [], _("Select the users one by one: at most %(n)d at once.") % {"n": settings.PURGE_MAX_PEOPLE}
    if not all(text.isascii() and text.isdigit() and len(text) < 19 for text in texts):
        return [], _("The selection cannot be read. Select the users again.")
    if not texts:
        return [], _("Select at least one deleted user.")
    return [int(text) for text in texts], ""


def _back(data: QueryDict) -> dict[str, str]:
    """The list's filter that the form carries, if it is one."""
    wanted = {name: str(data[name]) for name in ("month", "kind") if data.get(name)}
    if re.fullmatch(r"[0-9a-f]{32}", token := str(data.get(PASTED, ""))):
        return {PASTED: token}
    return wanted if CleanupFilter(wanted, queryset=DeletedUser.objects.none()).form.is_valid() else {}


def _way_back(back: dict[str, str]) -> str:
    """The list with its filter, or the pasted list, from which somebody has come."""
    return list_page(back[PASTED]) if PASTED in back else reverse(LIST) + ListQuery(back).with_()


def _select_label(number: int) -> str:
    if number < settings.PURGE_MAX_PEOPLE:
        return ngettext("Select all %(n)d", "Select all %(n)d", number) % {"n": number}
    return _("Select first %(n)d users in the list") % {"n": number}


def _scope(user: Any) -> str:
    """What the browser keeps a selection under: the same user and account, whatever they search, filter, sort and page,
    and whether or not a session has run out meanwhile, until what they have selected is ended. Nothing that can be
    read."""
    text = f"{user.pk}.{get_host().plans_of(user)}"
    return salted_hmac("lms_purge.cleanup.scope", text).hexdigest()[:16]


def _more_label(month: str, left: int) -> str:
    """What the link to the rest of a selection says: fifty more, or as many as there are."""
    values = {"n": left, "month": month_label(month) if month else ""}
    if left == settings.PURGE_MAX_PEOPLE:
        words = (
            _("Select the next %(n)d users deleted in %(month)s") if month else _("Select the next %(n)d deleted users")
        )
        return words % values
    if month:
        return (
            ngettext(
                "Select the remaining user deleted in %(month)s",
                "Select the remaining %(n)d users deleted in %(month)s",
                left,
            )
            % values
        )
    return ngettext("Select the remaining deleted user", "Select the remaining %(n)d deleted users", left) % values


def _facts(person: DeletedUser) -> list[tuple[str, str]]:
    """What the page of the pencil lets people correct, for those who only read it: label and value."""
    form = CorrectForm(instance=person, acting_user=None)
    return [(str(field.label), str(field.value() or "–")) for field in form]


def _outside_export(
    request: HttpRequest, copies: Any, *, account_id: int | None, what: str, number: int | None = None
) -> HttpResponseBase:
    return csv_exports.csv_export(
        "outside-copies",
        csv_exports.outside_head(),
        csv_exports.outside_rows(copies),
        acting_user=request.user,
        account_id=account_id,
        what=what,
        number=number,
    )


# ---------------------------------------------------------------- what is confirmed


def _day_due(user: Any) -> str:
    """Until which day a purge that is accepted now may take, where its reader is."""
    return date_format(timezone.localtime(timezone.now() + due_after(), zone_of(user.account)), "DATE_FORMAT")


def _number(preview: Preview) -> int:
    """How many people the page lists as going."""
    return len(preview.people) + len(preview.matches)


def _keep_note(request: HttpRequest, confirmation: Confirmation) -> tuple[Note, bool]:
    """What was typed for the register, kept on the server for as long as the confirmation is, but for what names one of
    the people; and whether all of it can be."""
    form = NoteForm(request.POST)
    form.is_valid()
    draft = confirmation.draft
    noted, refused = note_checked(form.note, account_id=draft.account_id or 0, user_ids=draft.people)
    errors = {**form.said, **refused}
    if noted != confirmation.note or errors != confirmation.note_errors:
        confirmation.keep_note(noted, errors)
    return noted, not errors


def _confirm_form(
    request: HttpRequest, selection: Selection, preview: Preview, effects: Effects, *, data: Any = None
) -> ConfirmForm:
    return ConfirmForm(
        data, request=request, people=_number(preview), address=selection.address, must_type=effects.must_type
    )
