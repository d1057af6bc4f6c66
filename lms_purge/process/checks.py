"""What ``check --deploy`` says of the site itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register("mail", deploy=True)
def check_mail_server(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """lms_purge.W001: without a mail server mails are printed, and what a service prints ends in its log."""
    if settings.EMAIL_HOST:
        return []
    return [
        checks.Warning(
            "There is no mail server: mails, with names and addresses, go to standard output, and so into a log.",
            hint="Set EMAIL_HOST.",
            id="lms_purge.W001",
        )
    ]
