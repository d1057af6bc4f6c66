"""The site while it is closed to everybody but operators (:mod:`purge.journal.site_fence`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from purge.journal.site_fence import RETRY_SECONDS, lets_in, site_is_fenced

#: What an operator needs to come in. Whom these pages let in is decided where people are signed in.
WAYS_IN = ("admin:login", "admin:second_step", "admin:enrol", "admin:passkey_sign_in")
#: Say themselves how things stand, and to whom; nobody has to sign in.
HEALTH = ("healthz", "metrics")


class SiteFence:
    """Middleware, right behind authentication, so that nothing of a closed site is read, run or written before it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # How things stand is said of the database itself, which may be out of reach.
        if request.path in _told() or not site_is_fenced() or lets_in(request.user):
            return self.get_response(request)
        if request.path not in _paths():
            return closed(request)
        # A session that was brought back is nobody's here: the page neither greets nor forwards anybody.
        request.user = AnonymousUser()
        return self.get_response(request)


@cache
def _told() -> tuple[str, ...]:
    return tuple(map(reverse, HEALTH))


@cache
def _paths() -> tuple[str, ...]:
    return tuple(map(reverse, WAYS_IN))


def closed(request: HttpRequest) -> HttpResponse:
    """The answer to everybody else: nothing of the database is in it."""
    response: HttpResponse
    if request.accepts("text/html"):
        response = HttpResponse(render_to_string("paused_site.html", {"sign_in": reverse("admin:login")}), status=503)
    else:
        said: dict[str, Any] = {"paused": True, "detail": _("This site is paused: an old backup was restored.")}
        response = JsonResponse(said, status=503)
    # Each of them would be an error in the process's log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    add_never_cache_headers(response)
    return response
