"""Texts that stand in the head of a mail."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Whatever a program may take for the end of a line; other control characters are none of a name's either.
_BREAK = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_line_break(text: str) -> bool:
    return _BREAK.search(text) is not None


def on_one_line(text: str) -> None:
    """Raises ValidationError for a line break: a mail with one in its head cannot be sent."""
    if has_line_break(text):
        raise ValidationError(_("Write it on one line: it stands in the head of a mail."), code="line_break")
