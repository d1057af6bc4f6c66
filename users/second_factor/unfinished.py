"""A sign-in between its first step and the last: the password (or a provider's word) is right, the rest is due.

It waits in the browser's session, for ten minutes: whose it is, by number, and where they wanted to go. The session's
row names the user, so that it ends with them; no address is in it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from purge.journal.site_fence import lets_in
from users.models import User, UserState
from users.second_factor.factors import code_fits, has_second_factor, second_step_due
from users.services import login_record
from users.services.rows import audit
from users.sessions import UNFINISHED, UNFINISHED_SECONDS
from users.sign_in.attempts import is_familiar
from users.sign_in.client import client_address
from users.sign_in.limits import BY_SECOND_FACTOR, Count, give_back, place_of, take
from users.sign_in.staying import origin_of

BACKEND = "users.backends.AccountBackend"
#: In the session of whoever has signed in with a second factor.
BY_SECOND = "second_factor"


@dataclass(frozen=True)
class Unfinished:
    """``enrols``: whether the first second factor is to be set up before it goes on; ``may_enrol``: whether the code
    for that was typed."""

    user: User
    next_url: str
    enrols: bool
    may_enrol: bool


def safe_next(request: HttpRequest, url: str) -> str:
    """Where somebody wanted to go, if that is here."""
    here = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if url and here else resolve_url(settings.LOGIN_REDIRECT_URL)


def next_to_keep(request: HttpRequest, url: str) -> str:
    """The same, to be kept in a session: without what was searched for, which may be somebody's address."""
    return safe_next(request, url).partition("?")[0].partition("#")[0]


def first_step_done(request: HttpRequest, user: User, next_url: str, *, noted: bool = False) -> HttpResponse:
    """Somebody has shown who they are by the first step: they are in, or go on to the second one.

    ``noted``: where they are in, that is noted already.
    """
    if not second_step_due(user):
        return finish(request, user, next_url, by_second=False, noted=noted)
    if request.user.is_authenticated:
        logout(request)
    session: Any = request.session
    session.flush()
    session.origin = origin_of(request)
    session[UNFINISHED] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": time.time(),
        "next": next_to_keep(request, next_url),
        "may_enrol": False,
    }
    return HttpResponseRedirect(reverse("admin:second_step"))


def unfinished_of(request: HttpRequest) -> Unfinished | None:
    """The sign-in that waits in this session, if it is still good: not too old, the password not changed since."""
    said = request.session.get(UNFINISHED)
    if not isinstance(said, dict) or time.time() - said["at"] > UNFINISHED_SECONDS:
        return None
    user = User.objects.select_related("account").filter(pk=said["user"], state=UserState.ACTIVE).first()
    if user is None or not user.is_staff or not constant_time_compare(user.get_session_auth_hash(), said["hash"]):
        return None
    if not lets_in(user):
        return None
    return Unfinished(user, said["next"], enrols=not has_second_factor(user), may_enrol=bool(said["may_enrol"]))


def allow_enrolment(request: HttpRequest) -> None:
    """The code for setting up a first second factor was typed."""
    request.session[UNFINISHED] = {**request.session[UNFINISHED], "may_enrol": True}


def finish(request: HttpRequest, user: User, next_url: str, *, by_second: bool, noted: bool = False) -> HttpResponse:
    """Sign somebody in: it is noted, and they are told of what was tried meanwhile."""
    from users.sign_in.pages import welcome

    next_url = safe_next(request, next_url)
    if not lets_in(user):
        # Whatever way somebody took: a restored backup brought them back, perhaps.
        messages.error(request, _("This site is paused: only its operators can sign in."))
        return HttpResponseRedirect(reverse("admin:login"))
    if not noted:
        note(request, user, success=True)
    request.session.pop(UNFINISHED, None)
    login(request, user, backend=BACKEND)
    request.session[BY_SECOND] = by_second
    return welcome(request, HttpResponseRedirect(next_url))


def note(request: HttpRequest, user: User, *, success: bool) -> None:
    browser = request.META.get("HTTP_USER_AGENT", "")
    login_record(user=user, ip_address=client_address(request), user_agent=browser, success=success)


# ---------------------------------------------------------------- tries


@dataclass(frozen=True)
class Tried:
    """``wait``: seconds, where there were too many tries."""

    right: bool = False
    wait: int = 0


def try_second(request: HttpRequest, user: User, looks: Any = None, typed: str = "") -> Tried:
    """One try of a second factor: counted before it is looked at, noted when it is wrong.

    ``looks``: called with user and text; by default it is a code of the app or a recovery code.
    """
    counts = _counts(request, user)
    if wait := take(*counts).wait:
        return Tried(wait=wait)
    if not (looks or code_fits)(user, typed):
        note(request, user, success=False)
        audit(user, None, "second factor refused")
        return Tried()
    give_back(*counts)
    return Tried(right=True)


def _counts(request: HttpRequest, user: User) -> list[Count]:
    """From an address that they know, others cannot make it slower for somebody."""
    address, name = client_address(request), str(user.pk)
    counts: list[Count] = [] if is_familiar(user, address) else [(BY_SECOND_FACTOR, name)]
    if address is not None:
        counts.append((BY_SECOND_FACTOR, f"{name} {place_of(address)}"))
    return counts
