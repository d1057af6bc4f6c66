"""Moments on pages, with their zone."""

from __future__ import annotations

from datetime import datetime

from django import template

from purge.standing import moment_text

register = template.Library()


@register.filter
def moment(value: datetime | None, zone: str) -> str:
    """ "29 Nov 2026, 12:10 CET"; "–" for none."""
    return moment_text(value, zone)
