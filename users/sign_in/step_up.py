"""The page "Confirm that it is you", and what its password does.

It stands between a form and what the form does: everything that was typed travels in it, goes on with the right
password, and is done. One answer serves all acts of the session for fifteen minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from purge.pages.freshness import CONFIRMED_AT, sign_in_is_fresh
from users.models import IdentityProvider
from users.second_factor.factors import code_fits
from users.services.rows import audit
from users.sign_in.confirmed import NotConfirmed, in_request
from users.sign_in.forms import too_many_words
from users.sign_in.limits import BY_USER, give_back, take

#: What the page adds to the form that it carries.
PASSWORD = "confirm_password"  # noqa: S105 - the name of a field
METHOD = "confirm_method"


def confirm(request: HttpRequest, password: str) -> str:
    """Look at a password that was typed to confirm: "" when it is right, and the session is confirmed from now on;
    otherwise what is wrong, in words. Wrong ones are counted, slowed down and noted."""
    user: Any = request.user
    if not password and sign_in_is_fresh(request):
        return ""  # confirmed in another tab, at a provider
    count = (BY_USER, str(user.pk))
    if wait := take(count).wait:
        return too_many_words(wait)
    before = user.password
    if not user.has_usable_password():
        if not code_fits(user, password):
            audit(user, user, "confirmation refused")
            return _("This code is not right, or was used before.")
    elif not user.check_password(password):
        audit(user, user, "confirmation refused")
        return _("This is not your password.")
    give_back(count)
    if user.password != before:
        # Hashed anew by a newer method, which would end this session.
        update_session_auth_hash(request, user)
    request.session[CONFIRMED_AT] = time.time()
    return ""


class StepUp:
    """Middleware. Behind authentication, before the pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with in_request(request):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """The answer of the page: go on with what it carried, or ask again."""
        if request.method != "POST" or PASSWORD not in request.POST or not request.user.is_authenticated:
            return None
        refusal = confirm(request, request.POST[PASSWORD])
        if refusal:
            return confirm_page(request, refusal)
        if request.POST.get(METHOD) == "GET":
            return HttpResponseRedirect(request.get_full_path())
        request.POST = _carried(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return confirm_page(request) if isinstance(exception, NotConfirmed) else None


def providers_of(user: Any) -> list[IdentityProvider]:
    """Where somebody without a password of their own confirms who they are."""
    if user.has_usable_password():
        return []
    known = SocialAccount.objects.filter(user=user).values("provider")
    return list(IdentityProvider.objects.filter(account_id=user.account_id, enabled=True, public_id__in=known))


def _carried(request: HttpRequest) -> Any:
    posted = request.POST.copy()
    for name in (PASSWORD, METHOD):
        posted.pop(name, None)
    return posted


def confirm_page(request: HttpRequest, refusal: str = "") -> HttpResponse:
    """The page, for what this request wanted to do; never stored by the browser, since it holds what was typed."""
    posted = _carried(request)
    posted.pop("csrfmiddlewaretoken", None)
    back = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = reverse("admin:index")
    user: Any = request.user
    context = {
        **admin.site.each_context(request),
        "title": _("Confirm that it is you"),
        "has_password": user.has_usable_password(),
        "providers": providers_of(user),
        "refusal": refusal,
        "password_field": PASSWORD,
        "method_field": METHOD,
        "method": request.POST.get(METHOD, request.method),
        "carried": [(name, value) for name, values in posted.lists() for value in values],
        "files": bool(request.FILES),
        "back": back,
    }
    response = TemplateResponse(request, "users/confirm.html", context).render()
    add_never_cache_headers(response)
    return response
