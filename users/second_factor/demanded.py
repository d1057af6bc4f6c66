"""Middleware: where a second factor is demanded, no session goes on that has not shown one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _


class SecondFactor:
    """Behind authentication and messages. A session from before the demand ends with its next request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        from users.second_factor.demand import is_demanded_of
        from users.second_factor.unfinished import BY_SECOND

        user: Any = request.user
        if user.is_authenticated and not request.session.get(BY_SECOND) and is_demanded_of(user):
            logout(request)
            messages.warning(request, _("A second factor is demanded of you from now on. Sign in again."))
            return HttpResponseRedirect(reverse("admin:login"))
        return self.get_response(request)
