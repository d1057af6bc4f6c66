"""Reads of messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from messaging.models import EmailTemplate, Notification


def notifications_of(user: Any) -> QuerySet[Notification]:
    """Somebody's own notifications, newest first."""
    return Notification.objects.filter(recipient_id=user.pk).order_by("-created_at", "-id")


def unread_count(user: Any) -> int:
    return notifications_of(user).filter(read_at__isnull=True).count()


def notifications_to_mail(now: datetime, *, limit: int) -> list[int]:
    """Ids of notifications whose mail is due (again), the longest waiting first."""
    due = Notification.objects.unsent().filter(mail_due_at__lte=now)
    return list(due.order_by("mail_due_at", "pk").values_list("pk", flat=True)[:limit])


def template_for(account_id: int, event: str) -> EmailTemplate | None:
    """The account's own template for an event, if it is enabled."""
    return EmailTemplate.objects.filter(account_id=account_id, event=event, enabled=True).first()
