"""The admin's own log, for the operators of the platform: who did what to which row, without a name or a value."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from users.tenancy import AccountlessAdmin
from users.tenancy.log_words import changes_of, record_of


@admin.register(LogEntry)
class LogEntryAdmin(AccountlessAdmin):
    list_display = ("action_time", "user", "what", "record", "changes")
    list_display_links = ("action_time",)
    fields = ("action_time", "user", "what", "record", "changes")
    readonly_fields = fields
    list_filter = ("action_flag", "action_time")
    list_select_related = ("user", "content_type")
    ordering = ("-action_time", "-pk")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> LogEntry | None:
        """With the words of the list for the heads of its page, too, where it is called what Django's own words say."""
        entry: LogEntry | None = super().get_object(request, object_id, from_field)
        if entry is not None:
            said = changes_of(entry)
            entry.object_repr = record_of(entry)
            entry.get_change_message = lambda: said  # type: ignore[method-assign]
        return entry

    @admin.display(description=_("action"), ordering="action_flag")
    def what(self, entry: LogEntry) -> str:
        return str(entry.get_action_flag_display())

    @admin.display(description=_("record"))
    def record(self, entry: LogEntry) -> str:
        return record_of(entry)

    @admin.display(description=_("what was changed"))
    def changes(self, entry: LogEntry) -> str:
        return changes_of(entry)
