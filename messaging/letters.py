"""Mails to learners from an account's templates, and the words used where an account has none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.translation import gettext as _

from messaging.models import EmailTemplate, TemplateEvent


@dataclass(frozen=True)
class Letter:
    """A mail ready to send. ``html`` is empty where there is only the plain text."""

    subject: str
    text: str
    html: str = ""


def letter(template: EmailTemplate | None, event: str, *, name: str, account: str, link: str) -> Letter:
    """The account's own words, or the product's. Placeholders stand for what they say; other braces are text."""
    values = {"name": name, "account": account, "link": link}
    if template is None:
        subject, text = _own_text(event)
        return Letter(_one_line(_filled(subject, values)), _filled(text, values))
    text = "\n\n".join(part for part in (template.body, template.signature) if part.strip())
    html = template.html_body
    if html and template.signature.strip():
        html += "<p>" + escape(template.signature).replace("\n", "<br>") + "</p>"
    return Letter(
        _one_line(_filled(template.subject, values)),
        _filled(text, values),
        _filled(html, {key: escape(value) for key, value in values.items()}),
    )


def _filled(text: str, values: dict[str, str]) -> str:
    """In one pass: a name that contains a placeholder is only a name."""
    return re.sub(r"\{(name|account|link)\}", lambda match: values[match.group(1)], text)


def _one_line(text: str) -> str:
    """A subject is one header line, whatever somebody typed."""
    return " ".join(text.split())[:200]


def _own_text(event: str) -> tuple[str, str]:
    match TemplateEvent(event):
        case TemplateEvent.WELCOME:
            return _("Welcome to {account}"), _("Hello {name},\n\nyou can learn in {account} now: {link}")
        case TemplateEvent.ENROLLED:
            return _("You are enrolled"), _("Hello {name},\n\nyou are enrolled in a course of {account}: {link}")
        case TemplateEvent.REMINDER:
            return _("A course is due"), _("Hello {name},\n\na course of {account} is due soon: {link}")
        case TemplateEvent.COMPLETED:
            return _("Course completed"), _("Hello {name},\n\nyou have completed a course of {account}: {link}")
        case TemplateEvent.SESSION:
            return _("Your session"), _("Hello {name},\n\na session of {account} waits for you: {link}")
