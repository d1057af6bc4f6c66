"""Puts the wall up around requests of people of an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import FileResponse, HttpResponseBase, StreamingHttpResponse

from users.models import AccountKind
from users.wall.place import Kept, across_accounts, within_account


class Wall:
    """Around whoever is signed in with an account that is not the platform's own. Stands behind authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with _place_of(request.user):
            response: HttpResponseBase = self.get_response(request)
            is_file = isinstance(response, FileResponse)  # opened already, and the server may send it by itself
            if isinstance(response, StreamingHttpResponse) and not is_file and not response.is_async:
                response.streaming_content = Kept(response.streaming_content)  # type: ignore[arg-type]
            return response


def _place_of(user: Any) -> within_account | across_accounts:
    if not user.is_authenticated:
        return across_accounts("nobody is signed in yet: who signs in is looked for in every account")
    if user.is_superuser or user.is_support or user.account.kind == AccountKind.SYSTEM:
        return across_accounts("superusers and support follow the requests of every account")
    return within_account(user.account_id, user)
