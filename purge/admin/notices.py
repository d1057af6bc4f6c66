"""The identity provider's notices in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from purge import services
from purge.admin.base import ReadOnlyAdmin
from purge.admin.forms import GoOnForm, MessageForm
from purge.choices import NoticeState
from purge.host import get_host
from purge.models import ImsNotice
from purge.pages import ims_message, moments, notices
from purge.standing import OPERATE


@admin.register(ImsNotice)
class ImsNoticeAdmin(ReadOnlyAdmin):
    list_display = ("title", "state_badge", "received", "due")
    list_display_links = ("title",)
    list_filter = ("state",)
    change_list_template = "purge/notice_list.html"

    def get_queryset(self, request):
        rows = ImsNotice.objects.select_related("user", "closed_by")
        if request.user.is_superuser:
            return rows
        account_id = get_host().account_of(request.user)
        # Who it is about is for the people of the account alone.
        return rows.none() if account_id is None else rows.filter(account_id=account_id).annotate(names=Value(True))

    def has_view_permission(self, request, obj=None):
        return request.user.is_active and request.user.has_perm("purge.view_imsnotice")

    has_module_permission = has_view_permission

    @admin.display(description=gettext_lazy("notice"), ordering="pk")
    def title(self, row):
        text = _("Notice %(n)d") % {"n": row.pk}
        return f"{text}: {row.user}" if row.user is not None and getattr(row, "names", False) else text

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, row):
        tone = notices.NOTICE_TONES[NoticeState(row.state)]
        return format_html('<span class="pg-pill pg-{}">{}</span>', tone, row.get_state_display())

    @admin.display(description=gettext_lazy("received"), ordering="created_at")
    def received(self, row):
        return moments.time_tag(row.created_at, self._zone(row))

    @admin.display(description=gettext_lazy("due"), ordering="due_at")
    def due(self, row):
        return moments.time_tag(row.due_at, self._zone(row)) if row.state == NoticeState.OPEN else "–"

    def _zone(self, row: ImsNotice) -> str:
        account = get_host().accounts([row.account_id]).get(row.account_id)
        return account.time_zone if account else "UTC"

    def get_urls(self):
        decline = self.admin_site.admin_view(require_POST(self.decline_view))
        message = self.admin_site.admin_view(self.message_view)
        return [
            path("<int:pk>/decline/", decline, name="purge_imsnotice_decline"),
            path("message/", message, name="purge_ims_message"),
            *super().get_urls(),
        ]

    def changelist_view(self, request, extra_context=None):
        own = {"title": _("Notices of the identity provider"), "subtitle": None}
        own["takes_messages"] = request.user.has_perm(OPERATE)
        return super().changelist_view(request, {**own, **(extra_context or {})})

    # ------------------------------------------------------------ a message, typed by an operator

    def message_view(self, request: HttpRequest) -> HttpResponse:
        """What the message says; then the red page with what it would reach; then its request."""
        if not request.user.has_perm(OPERATE):
            raise PermissionDenied
        form = MessageForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._message_page(request, form)
        try:
            preview = services.purge_preview_ims(acting_user=request.user, **form.cleaned_data)
            if preview.earlier is not None:
                messages.info(request, _("This reference was taken in already: this is its request."))
                return self._to_request(preview.earlier.pk)
            return self._reached(request, form, preview)
        except services.PurgeRefused as refusal:
            if isinstance(refusal, services.NotAllowed):
                raise PermissionDenied from None
            form.add_error(None, str(refusal))
            return self._message_page(request, form)

    def _reached(self, request: HttpRequest, form: MessageForm, preview: services.ImsPreview) -> HttpResponse:
        """The red page, and what its button does. What was not shown is not confirmed."""
        reached = ims_message.reached_by(preview.people)
        sealed, changed = request.POST.get("plan", ""), False
        typed = GoOnForm(request.POST if sealed else None, request=request, number=reached.number, label=reached.label)
        if sealed:
            changed = not reached.was_shown(sealed, request.user)
            if not changed and typed.is_valid():
                purge_request = services.purge_submit_ims(
                    acting_user=request.user, shown=preview.going, **form.cleaned_data
                )
                messages.success(
                    request, _("Purge request %(reference)s accepted.") % {"reference": purge_request.reference}
                )
                return self._to_request(purge_request.pk)
        if changed:
            typed = GoOnForm(request=request, number=reached.number, label=reached.label)
        return self.page(
            request,
            "purge/ims_message_confirm.html",
            title=_("Message of the identity provider"),
            said=form.cleaned_data,
            reached=reached,
            preview=preview,
            changed=changed,
            plan=reached.sealed(request.user),
            form=typed,
        )

    def _message_page(self, request: HttpRequest, form: MessageForm) -> HttpResponse:
        title = _("Message of the identity provider")
        return self.page(request, "purge/ims_message.html", title=title, form=form)

    def _to_request(self, pk: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:purge_purgerequest_change", args=[pk]))

    def history_view(self, request, object_id, extra_context=None):
        return HttpResponseRedirect(reverse("admin:purge_imsnotice_change", args=[object_id]))

    def _row(self, request: HttpRequest, pk: Any) -> ImsNotice:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows: QuerySet[ImsNotice] = self.get_queryset(request)
        try:
            return rows.get(pk=int(pk))
        except (ImsNotice.DoesNotExist, ValueError):
            raise Http404 from None

    def change_view(self, request, object_id, form_url="", extra_context=None):
        row = self._row(request, object_id)
        own = get_host().account_of(request.user) == row.account_id
        return self.page(
            request,
            "purge/notice.html",
            title=_("Notice %(n)d of the identity provider") % {"n": row.pk},
            row=row,
            tone=notices.NOTICE_TONES[NoticeState(row.state)],
            person=notices.notice_person(row) if own else None,
            can_decide=row.state == NoticeState.OPEN and own and get_host().may_purge(request.user.pk, row.account_id),
        )

    def decline_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._row(request, pk)
        try:
            services.notice_decline(acting_user=request.user, notice=row)
        except services.PurgeRefused as refusal:
            self.refused(request, refusal)
        else:
            self.message_user(
                request, _("Declined: the user stays, and the address left the notice."), messages.SUCCESS
            )
        return HttpResponseRedirect(reverse("admin:purge_imsnotice_changelist"))
