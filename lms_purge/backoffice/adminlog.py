"""The admin's own log, for the operators of the platform: who did what to which row, without a name or a value."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.translation import gettext_lazy as _

from users.tenancy import AccountlessAdmin


@admin.register(LogEntry)
class LogEntryAdmin(AccountlessAdmin):
    list_display = ("action_time", "user", "what", "object_repr", "get_change_message")
    list_display_links = ("action_time",)
    list_filter = ("action_flag", "action_time")
    list_select_related = ("user", "content_type")
    ordering = ("-action_time", "-pk")

    @admin.display(description=_("action"), ordering="action_flag")
    def what(self, entry: LogEntry) -> str:
        return str(entry.get_action_flag_display())
