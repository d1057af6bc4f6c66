"""Moments in time, as pages show them."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from purge.standing import moment_text, zone_named

# ---------------------------------------------------------------- moments, ledger, notices


def time_tag(moment: datetime | None, zone: str) -> SafeString | str:
    """A date in a time zone, with the exact time and the zone on hover."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment, zone_named(zone))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        moment_text(moment, zone),
        date_format(local, "DATE_FORMAT"),
    )
