"""Whether it is still the one who signed in, asked by every act that gives power: :func:`require_confirmed`.

The services ask, not the pages: a page that forgets it is stopped all the same. Outside a request (commands, tasks)
there is no session that could have been left open, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest

from purge.pages.freshness import sign_in_is_fresh

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class NotConfirmed(Exception):
    """Nothing has changed: first the password again. The page that asks for it comes from the middleware."""


@contextmanager
def in_request(request: HttpRequest) -> Iterator[None]:
    """Whatever is done within the block is done by the session of this request."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def require_confirmed() -> None:
    """Raise :class:`NotConfirmed` unless this session has signed in, or confirmed, within the last fifteen minutes."""
    request = _request.get()
    if request is not None and not sign_in_is_fresh(request):
        raise NotConfirmed
