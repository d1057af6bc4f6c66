"""What the system has noted about people."""

from __future__ import annotations

from django.contrib import admin

from users.models import LoginEvent, UserAudit
from users.tenancy import ReadOnlyAdmin


class EventAdmin(ReadOnlyAdmin):
    """What the system has noted about people: read, never written."""

    account_path = "user__account"
    ordering = ("-at", "-pk")
    list_filter = ("at",)
    actions = None


@admin.register(LoginEvent)
class LoginEventAdmin(EventAdmin):
    list_display = ("at", "user", "success", "ip_address")
    list_select_related = ("user",)


@admin.register(UserAudit)
class UserAuditAdmin(EventAdmin):
    list_display = ("at", "user", "event", "fields", "actor")
    list_select_related = ("user", "actor")

    def get_fields(self, request, obj=None):
        return ("at", "user", "event", "fields", "actor")

    def get_readonly_fields(self, request, obj=None):
        return self.get_fields(request, obj)
