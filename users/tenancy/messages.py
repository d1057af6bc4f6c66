"""What a page says after something was saved: which row by its number, never what it is called.

A message waits in a cookie, or in a session's row, until somebody looks at the next page; a purge reads neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_INSTEAD = "_said_instead"
#: The tags of messages about people who were deleted or restored, and what stands before their numbers in the next one.
DELETED, RESTORED, NUMBERS = "deleted-people", "restored-people", "users-"
#: Of more people than that a message says how many there are.
MOST_NUMBERS = 200


def numbered(text: Any, number: Any, link: str = "") -> SafeString:
    """ "User 12", as a link where there is a page."""
    named = f"{capfirst(str(text))} {number}"
    return format_html('<a href="{}">{}</a>', link, named) if link else format_html("{}", named)


def say_deleted(request: HttpRequest, ids: Sequence[int]) -> None:
    """Say who was deleted: by number, from which the page that says it draws the names."""
    text = ngettext("%(n)d user is deleted.", "%(n)d users are deleted.", len(ids)) % {"n": len(ids)}
    _say_of(request, text, DELETED, ids)


def say_restored(request: HttpRequest, ids: Sequence[int]) -> None:
    """Say who was restored, in the same way."""
    text = ngettext(
        "%(n)d user is restored, as Learner. Earlier roles and keys to the API are not given back.",
        "%(n)d users are restored, as Learners. Earlier roles and keys to the API are not given back.",
        len(ids),
    )
    _say_of(request, text % {"n": len(ids)}, RESTORED, ids)


def _say_of(request: HttpRequest, text: str, what: str, ids: Sequence[int]) -> None:
    numbers = f"{what} {NUMBERS}{'-'.join(map(str, ids))}" if len(ids) <= MOST_NUMBERS else ""
    messages.success(request, text, extra_tags=numbers)


def ids_said(message: Any, what: str) -> list[int]:
    """The numbers of the people of whom a message says this, :data:`DELETED` or :data:`RESTORED`; none of others."""
    tags = (message.extra_tags or "").split()
    if tags[:1] != [what]:
        return []
    return [int(number) for number in tags[1].removeprefix(NUMBERS).split("-")]


class QuietMessages(admin.ModelAdmin):
    """Django's answers after a row was added, changed or deleted, with the row's number in place of its name."""

    def message_user(
        self, request: HttpRequest, message: Any, level: Any = messages.INFO, *rest: Any, **more: Any
    ) -> None:
        super().message_user(request, getattr(request, _INSTEAD, message), level, *rest, **more)

    @contextmanager
    def _saying(self, request: HttpRequest, text: str, number: Any, *, link: bool) -> Iterator[None]:
        row = numbered(self.opts.verbose_name, number, self._page_of(number) if link else "")
        setattr(request, _INSTEAD, format_html(text, row=row))
        try:
            yield
        finally:
            delattr(request, _INSTEAD)

    def _page_of(self, number: Any) -> str:
        try:
            return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[number])
        except NoReverseMatch:
            return ""

    def text_for_added(self, obj: Any) -> str:
        """What is said of a new row, with ``{row}`` in it."""
        return _("{row} is added.")

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        with self._saying(request, self.text_for_added(obj), obj.pk, link=True):
            return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        with self._saying(request, _("{row} is changed."), obj.pk, link=True):
            return super().response_change(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        with self._saying(request, _("{row} is deleted."), obj_id, link=False):
            return super().response_delete(request, obj_display, obj_id)
