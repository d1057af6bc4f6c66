"""What the lists of users offer of messaging: the welcome mail."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from messaging.services import welcome_mail_request
from users.admin import BulkAction
from users.models import User


@admin.action(description=_("Send welcome email"), permissions=["change"])
def send_welcome_mail(page: Any, request: Any, queryset: Any) -> Any:
    def send(user: User, data: dict[str, Any]) -> None:
        welcome_mail_request(acting_user=request.user, user=user)

    question = BulkAction(
        _("Send welcome email"),
        _("Send"),
        _("In the words of the account's own template, if it has one."),
        done=ngettext_lazy(
            "A welcome email is on its way to %(n)d user.", "Welcome emails are on their way to %(n)d users.", "n"
        ),
        fields=("welcome email",),
    )
    return page.ask(request, queryset, "send_welcome_mail", question, send)
