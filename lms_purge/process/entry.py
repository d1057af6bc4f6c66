"""Where the web server hands a request over: as Django does it, but for a header that Django stumbles over.

Django reads what type a body claims to be while it makes the request, before there is anything that answers errors:
``charset*=utf-8''%00`` would be the web server's 500, with a traceback, on any page and for anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest


class AnyContentType(HttpRequest):
    """A type that cannot be read is none: the body is no form, and whoever needs one says so."""

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except ValueError:
            self.content_type, self.content_params = "", {}


class WsgiRequest(AnyContentType, WSGIRequest):
    pass


class AsgiRequest(AnyContentType, ASGIRequest):
    pass


class NoBody:
    """An answer of which the head alone is sent; what the body holds open is closed all the same."""

    def __init__(self, answer: Iterable[bytes]) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        if close := getattr(self.answer, "close", None):
            close()


class WsgiEntry(WSGIHandler):
    request_class = WsgiRequest

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """To HEAD without a body, which the web server would drop, and complain of in its log."""
        answer = super().__call__(environ, start_response)
        return NoBody(answer) if environ.get("REQUEST_METHOD") == "HEAD" else answer


class AsgiEntry(ASGIHandler):
    request_class = AsgiRequest
