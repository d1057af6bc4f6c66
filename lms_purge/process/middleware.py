import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from purge.fields import Unreadable
from users.imports.services import MOST_BYTES
from users.models import language_of
from users.services import zone_of

logger = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class ContentSecurityPolicy:
    """Sends the strict policy with every answer: no inline script or style, nothing from another host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


#: The most that a request may send, in bytes: to whom nobody knows, from people who are signed in, to the one page that
#: takes files of people. The proxy in front should have the same limits: see the README.
MOST_FROM_ANYBODY = 64 * 1024
MOST_FROM_PEOPLE = 10 * 1024 * 1024
MOST_FOR_IMPORTS = MOST_BYTES + 1024 * 1024
IMPORT_PAGES = ("admin:users_importlog_add",)


def length_of(text: str) -> int | None:
    """The length that a request gives to its body; None where that is no number of bytes."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def most_without_asking(path: str, *, with_cookies: bool) -> int:
    """The most that anybody at all may send there, before it is known who does. Nobody is signed in without cookies."""
    if not with_cookies:
        return MOST_FROM_ANYBODY
    return MOST_FOR_IMPORTS if path in map(reverse, IMPORT_PAGES) else MOST_FROM_PEOPLE


class BodiesOfAllowedSize:
    """Refuses what is too large before any of it is read, behind authentication: how much depends on who sends it.

    A body without a length is an empty one to Django, so a length is all there is to look at.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size = length_of(request.META.get("CONTENT_LENGTH") or "0")
        if size is None or size > MOST_FROM_ANYBODY:
            most = self._most(request)
            if size is None or size > most:
                logger.warning("request refused unread: it is larger than %s bytes", most)
                return render(request, "413.html", status=413)
        return self.get_response(request)

    @staticmethod
    def _most(request: HttpRequest) -> int:
        return most_without_asking(request.path, with_cookies=request.user.is_authenticated)


class SecretsThatCannotBeRead:
    """Says in a sentence that the key to stored secrets is missing: for an operator to mend, and no fault of a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Unreadable):
            return None
        logger.error("a stored secret cannot be read: %s", type(error).__name__)
        return render(request, "503.html", status=503)


class ReadersLanguage:
    """Speaks the language of whoever is signed in; before, and to people who have chosen none, what the browser asks
    for. Outside the admin nobody is looked up: whether all is well is told without a database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = None
        if request.path.startswith(reverse("admin:index")) and request.user.is_authenticated:
            chosen = language_of(request.user.locale)
        with translation.override(chosen or translation.get_language_from_request(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language())
            if chosen is None:
                patch_vary_headers(response, ("Accept-Language",))
            return response


class AccountTimeZone:
    """Shows the times of the admin's pages in the time zone of the reader's account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(reverse("admin:index")) or not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(zone_of(request.user.account)):
            return self.get_response(request)
