"""Moments in time, as pages and the names of their files show them."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from purge.host import get_host
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


def file_name(what: str, ending: str, *, account_id: int | None) -> str:
    """The name of a file that is made now: what it has, of which account, if it is of one, and of which day there.
    In ASCII: "outside-copies-acme-2026-11-29.csv"."""
    account = get_host().accounts([account_id]).get(account_id) if account_id is not None else None
    day = timezone.localdate(timezone=zone_named(account.time_zone if account else "UTC"))
    slug = slugify(account.slug) if account else ""
    return f"{'-'.join(part for part in (what, slug, day.isoformat()) if part)}.{ending}"
