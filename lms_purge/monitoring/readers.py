"""Who may read more than whether all is well: figures of one customer say things to another.

The machine itself, whoever has the token, and signed-in operators and support. A proxy on the machine comes from the
machine too, so its word alone is not taken: what it passes on has the name of the site, or a header that says so.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.conf import settings
from django.db import Error
from django.http import HttpRequest
from django.http.request import split_domain_port

from lms_purge.process.reachable import is_loopback
from purge.host import get_host
from purge.journal.site_fence import lets_in, site_is_fenced

#: What proxies add. None of these is ever believed here: that there is one is enough.
PASSED_ON: Final = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)


def may_read_figures(request: HttpRequest) -> bool:
    """Whether somebody may read how many requests there are, and what keeps them waiting."""
    return is_this_machine(request) or has_token(request) or _is_operator(request)


def is_this_machine(request: HttpRequest) -> bool:
    """Whether a process of this machine asks, by a name of this machine, with nobody in between."""
    name, _port = split_domain_port(request.get_host())
    from_here = is_loopback(request.META.get("REMOTE_ADDR") or "") and is_loopback(name)
    return from_here and not any(header in request.META for header in PASSED_ON)


def has_token(request: HttpRequest) -> bool:
    """Whether the request shows LMS_METRICS_TOKEN (``Authorization: Bearer …``)."""
    wanted = settings.LMS_METRICS_TOKEN
    scheme, _space, shown = request.headers.get("Authorization", "").partition(" ")
    same = secrets.compare_digest(shown.strip().encode("utf-8", "replace"), wanted.encode())
    return bool(wanted) and scheme.lower() == "bearer" and same


def _is_operator(request: HttpRequest) -> bool:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    try:
        user: Any = request.user
        if not user.is_authenticated or (site_is_fenced() and not lets_in(user)):
            return False
        return get_host().is_support(user)
    except Error:
        return False  # the database does not say who they are
