"""Where the web server hands a request over: as Django does it, but for a header that Django stumbles over.

Django reads what type a body claims to be while it makes the request, before there is anything that answers errors:
``charset*=utf-8''%00`` would be the web server's 500, with a traceback, on any page and for anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
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


class WsgiEntry(WSGIHandler):
    request_class = WsgiRequest


class AsgiEntry(ASGIHandler):
    request_class = AsgiRequest
