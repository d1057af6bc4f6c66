"""Staying signed in: how long, and from where it seems."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from users.sessions import BEGAN, SEEN
from users.sign_in.client import client_address

#: Being seen is written down this often, in seconds: a page more costs a write a minute, not each.
NOTED_EVERY = 60
#: What stands in a browser's own words → ours, the first that fits. A fixed list: what a browser says of itself is text
#: that anybody can write.
BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_words(user_agent: str) -> str:
    """What a browser seems to be, such as "Firefox, Linux"; "" where it says nothing known."""
    found = (next((ours for theirs, ours in kinds if theirs in user_agent), "") for kinds in (BROWSERS, SYSTEMS))
    return ", ".join(words for words in found if words)


def origin_of(request: HttpRequest) -> dict[str, str | None]:
    """From where a session seems to be, for the list of one's own."""
    browser = browser_words(request.META.get("HTTP_USER_AGENT", ""))
    return {"browser": browser, "ip_address": client_address(request)}


def begin(request: HttpRequest, now: float) -> None:
    """Somebody has signed in: the session's time begins."""
    session: Any = request.session
    session[BEGAN] = session[SEEN] = now
    session.origin = origin_of(request)


def _by_somebody(request: HttpRequest) -> bool:
    """Whether somebody opened or sent a page, as far as the browser says: a page that asks by itself how far a purge
    has come keeps nobody signed in."""
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


class Staying:
    """Middleware, behind authentication: notes that somebody is still there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = time.time()
            if BEGAN not in request.session:
                # From before sessions had limits.
                begin(request, now)
            elif now - request.session[SEEN] >= NOTED_EVERY and _by_somebody(request):
                request.session[SEEN] = now
        return self.get_response(request)
