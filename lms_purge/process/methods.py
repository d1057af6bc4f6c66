"""What is answered where a method is refused: never an empty page.

Whoever presses a button after their session has ended signs in, and comes back by GET to an address that only a button
may ask for. They are led to the page on which the button stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _

ADMIN: Final = "admin"
#: Buttons that stand on another page than the one above their address. To open a notification is to have read it.
STANDS_ON: Final = {"admin:messaging_notification_read": "admin:messaging_notification_changelist"}


class RefusedMethods:
    """Middleware, behind authentication and messages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or response.content:
            return response
        if is_somebody_at_a_button(request) and (page := page_of_button(request)):
            messages.warning(request, _("You had to sign in again. Nothing was done."))
            return HttpResponseRedirect(page)
        said = render(request, "405.html", status=405)
        said.headers["Allow"] = response.headers["Allow"]
        # It is in the process's log already.
        said._has_been_logged = True  # type: ignore[attr-defined]
        return said


def is_somebody_at_a_button(request: HttpRequest) -> bool:
    """Whether a browser wants to show a page of the admin to somebody who is signed in. A script that asks, or whatever
    sends another method than GET, is told that it is refused."""
    match = request.resolver_match
    navigates = request.method == "GET" and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    return navigates and match is not None and match.namespace == ADMIN and request.user.is_authenticated


def page_of_button(request: HttpRequest) -> str:
    """The nearest page above the address: of the row it is about, else the list, else the home page."""
    match = request.resolver_match
    if match is not None and match.view_name in STANDS_ON:
        return reverse(STANDS_ON[match.view_name])
    before, path = request.path.removesuffix(request.path_info), request.path_info
    while path.count("/") > 1:
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            above = resolve(path)
        except Resolver404:
            return ""
        # Django's address of a row, which leads to its page, has no name; nor has what it answers to all the rest.
        row = "" if above.url_name else above.kwargs.get("object_id", "/")
        if above.url_name:
            return before + path
        if "/" not in row:
            return f"{before}{path}change/"
    return ""
