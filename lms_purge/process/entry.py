"""Where the web server hands a request over: as Django does it, but for a header that Django stumbles over.

Django reads what type a body claims to be while it makes the request, before there is anything that answers errors:
``charset*=utf-8''%00`` would be the web server's 500, with a traceback, on any page and for anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest

from lms_purge.process.middleware import length_of, most_without_asking


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


Receive = Callable[[], Awaitable[Mapping[str, Any]]]
NO_BODY: Mapping[str, Any] = {"type": "http.request", "body": b"", "more_body": False}


class AsgiEntry(ASGIHandler):
    """Django reads the whole body here before it looks at anything. What is too large whoever sends it, by its length,
    is not read, and :class:`lms_purge.process.middleware.BodiesOfAllowedSize` refuses it, as under WSGI; nor is what
    says no length, which is an empty body there."""

    request_class = AsgiRequest

    async def handle(self, scope: dict[str, Any], receive: Receive, send: Any) -> None:
        headers = list(scope.get("headers", ()))
        lengths = [value.decode("latin-1") for name, value in headers if name.lower() == b"content-length"]
        size = length_of(",".join(lengths))
        with_cookies = any(name.lower() == b"cookie" for name, _value in headers)
        if not lengths:
            receive = _dropping(receive)
        elif size is None or size > most_without_asking(scope["path"], with_cookies=with_cookies):
            receive = _unread()
        await super().handle(scope, receive, send)


def _unread() -> Receive:
    """An empty body, and nothing more: the server drops what it has not been asked for."""
    asked = iter((NO_BODY,))

    async def receive() -> Mapping[str, Any]:
        for message in asked:
            return message
        never: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        return await never

    return receive


def _dropping(receive: Receive) -> Receive:
    """An empty body at once, and then whether whoever asks has gone; what they send meanwhile is kept nowhere."""
    asked = iter((NO_BODY,))

    async def receive_nothing() -> Mapping[str, Any]:
        for message in asked:
            return message
        message = await receive()
        while message["type"] == "http.request":
            message = await receive()
        return message

    return receive_nothing
