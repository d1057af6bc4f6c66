"""What the queue calls: an id in, a service called. Nothing is raised that could carry an address into the queue."""

from __future__ import annotations

from messaging import services
from messaging.models import TemplateEvent
from users.wall import across_accounts


@across_accounts("a mail is found by its number, and may be to an operator")
def send_notification(notification_id: int) -> bool:
    """Send the mail of one notification. False: nothing to send, or it is tried again later."""
    return services.mail_send(notification_id)


@across_accounts("what waits is sent for every account")
def send_due() -> int:
    """Send what is still waiting, for the schedule. The number of mails that went."""
    return services.mails_due_send()


@across_accounts("a person is found by number; the mail is made within their account")
def send_welcome(user_id: int) -> bool:
    """Send the welcome mail of one person."""
    return services.letter_send(user_id=user_id, event=TemplateEvent.WELCOME)
