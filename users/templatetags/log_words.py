"""The admin's log on pages."""

from __future__ import annotations

from django import template
from django.contrib.admin.models import LogEntry

from users.tenancy.log_words import changes_of

register = template.Library()


@register.filter
def changes(entry: LogEntry) -> str:
    """What an entry says was changed, in the reader's words."""
    return changes_of(entry)
