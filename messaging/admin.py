"""Messages in the admin: what an account writes, what went out, and one's own notifications."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from messaging import models, services
from users.services import ServiceError
from users.tenancy import ReadOnlyAdmin, TenantAdmin, TenantTabularInline
from users.tenancy.active_people import ActivePeopleForm
from users.tenancy.file_admin import DownloadAdmin


@admin.register(models.EmailTemplate)
class EmailTemplateAdmin(TenantAdmin):
    may_delete = True
    list_display = ("event", "subject", "enabled")
    list_filter = ("event", "enabled")
    search_fields = ("subject",)
    fields = ("account", "event", "subject", "body", "html_body", "signature", "enabled")


@admin.register(models.Announcement)
class AnnouncementAdmin(TenantAdmin):
    list_display = ("title", "author_label", "state", "created_at")
    list_filter = ("state", "created_at")
    search_fields = ("title",)
    list_select_related = ("author",)
    fields = ("account", "title", "body", "author", "state")
    form = ActivePeopleForm
    autocomplete_fields = ("author",)
    readonly_fields = ("state",)
    actions = ("publish", "retire")

    @admin.display(description=_("author"), ordering="author__name")
    def author_label(self, announcement: models.Announcement) -> str:
        return announcement.author.name if announcement.author else str(_("Former author"))

    @admin.action(description=_("Publish"), permissions=["change"])
    def publish(self, request, queryset) -> None:
        self._each(request, queryset, services.announcement_publish)

    @admin.action(description=_("Retire"), permissions=["change"])
    def retire(self, request, queryset) -> None:
        self._each(request, queryset, services.announcement_retire)

    def _each(self, request, queryset, act: Callable[..., None]) -> None:
        done = 0
        for announcement in queryset:
            try:
                act(acting_user=request.user, announcement=announcement)
            except ServiceError as error:
                self.message_user(request, f"{announcement.pk}: {error}", messages.WARNING)
            else:
                done += 1
        if done:
            text = ngettext("%(n)d announcement changed.", "%(n)d announcements changed.", done)
            self.message_user(request, text % {"n": done}, messages.SUCCESS)


@admin.register(models.MailLog)
class MailLogAdmin(ReadOnlyAdmin):
    list_display = ("sent_at", "kind", "recipient_email", "subject", "about")
    list_filter = ("kind", "sent_at")
    search_fields = ("recipient_email", "subject")
    list_select_related = ("about",)


@admin.register(models.ReportSubscription)
class ReportSubscriptionAdmin(TenantAdmin):
    list_display = ("owner", "report", "frequency", "alternate_email")
    list_filter = ("report", "frequency")
    search_fields = ("owner__name", "alternate_email")
    form = ActivePeopleForm
    autocomplete_fields = ("owner",)
    list_select_related = ("owner",)
    fields = ("account", "owner", "report", "frequency", "alternate_email")


class ShareInline(TenantTabularInline):
    model = models.SavedReportShare
    can_delete = True
    form = ActivePeopleForm
    autocomplete_fields = ("user",)
    extra = 0
    fields = ("user",)


@admin.register(models.SavedReport)
class SavedReportAdmin(TenantAdmin):
    list_display = ("name", "report", "owner_label", "created_at")
    list_filter = ("report",)
    search_fields = ("name",)
    form = ActivePeopleForm
    autocomplete_fields = ("owner",)
    list_select_related = ("owner",)
    fields = ("account", "name", "report", "owner", "filters")
    inlines = (ShareInline,)

    @admin.display(description=_("owner"), ordering="owner__name")
    def owner_label(self, report: models.SavedReport) -> str:
        return report.owner.name if report.owner else str(_("Former owner"))


@admin.register(models.TranscriptDownload)
class TranscriptDownloadAdmin(DownloadAdmin):
    of_many_people = True
    list_display = ("created_at", "generated_by")
    list_filter = ("created_at",)
    search_fields = ("generated_by__name",)
    list_select_related = ("generated_by",)


@admin.register(models.Notification)
class NotificationAdmin(TenantAdmin):
    account_path = "recipient__account"
    """Everybody's own, and nobody else's: not even a superuser reads another person's."""

    list_display = ("title", "kind", "reference", "created_at", "unread")
    list_filter = ("kind", "created_at")
    search_fields = ("title", "reference")
    fields = ("title", "text", "kind", "reference", "created_at", "read_at")
    readonly_fields = fields
    actions = ("mark_read",)
    change_list_template = "messaging/notification_change_list.html"
    change_form_template = "messaging/notification_change_form.html"

    def get_queryset(self, request):
        return models.Notification.objects.filter(recipient_id=request.user.pk)

    def has_module_permission(self, request) -> bool:
        return bool(request.user.is_staff)

    def has_view_permission(self, request, obj=None) -> bool:
        return bool(request.user.is_staff) and (obj is None or obj.recipient_id == request.user.pk)

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    @admin.display(description=_("new"), boolean=True, ordering="read_at")
    def unread(self, notification: models.Notification) -> bool:
        return notification.read_at is None

    @admin.action(description=_("Mark as read"), permissions=["view"])
    def mark_read(self, request, queryset) -> None:
        for notification in queryset:
            services.notification_mark_read(acting_user=request.user, notification=notification)

    def get_urls(self):
        own = [
            path("read/", self.admin_site.admin_view(self.read_all_view), name="messaging_notification_read_all"),
            path(
                "<int:notification_id>/read/",
                self.admin_site.admin_view(self.read_view),
                name="messaging_notification_read",
            ),
        ]
        return own + super().get_urls()

    def change_view(self, request, object_id, form_url="", extra_context=None) -> HttpResponse:
        """Whoever opens one has read it, and is where it leads; one that leads nowhere has a page of its own."""
        notification = self.get_object(request, object_id)
        if request.method == "GET" and notification is not None:
            services.notification_mark_read(acting_user=request.user, notification=notification)
            if notification.link:
                return redirect(notification.link)
        return super().change_view(request, object_id, form_url, extra_context)

    def read_all_view(self, request) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        number = services.notifications_mark_all_read(acting_user=request.user)
        text = ngettext("%(n)d notification marked as read.", "%(n)d notifications marked as read.", number)
        self.message_user(request, text % {"n": number}, messages.SUCCESS)
        return redirect("admin:messaging_notification_changelist")

    def read_view(self, request, notification_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        notification = get_object_or_404(self.get_queryset(request), pk=notification_id)
        services.notification_mark_read(acting_user=request.user, notification=notification)
        return redirect(reverse("admin:messaging_notification_changelist"))
