"""The pages "Second factor" of who is signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from users.second_factor.demand import is_demanded_of
from users.second_factor.factors import factor_remove, factors_of, recovery_codes_of, recovery_codes_renew
from users.second_factor.setting_up import CodeForm, app_facts, passkey_facts, set_up
from users.second_factor.unfinished import BY_SECOND
from users.services import ServiceError, other_sessions_end
from users.sessions import digest_of
from users.sign_in.confirmed import require_confirmed

FOLDER = "users/second_factor"


def _page(request: HttpRequest, template: str, title: str, status: int = 200, **context: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, **context}
    response = TemplateResponse(request, f"{FOLDER}/{template}", context, status=status)
    add_never_cache_headers(response)
    return response


def own_factors(request: HttpRequest) -> HttpResponse:
    """What somebody has, and the ways to add to it and take from it."""
    user: Any = request.user
    if request.method == "POST":
        try:
            if "renew" in request.POST:
                recovery_codes_renew(user=user)
                return HttpResponseRedirect(reverse("admin:recovery_codes"))
            number = request.POST.get("remove", "")
            if (
                number.isascii()
                and number.isdecimal()
                and len(number) < 19
                and factor_remove(user=user, pk=int(number))
            ):
                messages.success(request, _("It is removed."))
        except ServiceError as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:own_factors"))
    return _page(request, "own.html", _("Second factor"), factors=factors_of(user), demanded=is_demanded_of(user))


def own_app(request: HttpRequest) -> HttpResponse:
    """An app is set up: a picture to scan, a code that shows that it was."""
    user: Any = request.user
    require_confirmed()
    form = CodeForm(request.POST or None, label=_("The code that the app shows"), numeric=True)
    if request.method == "POST" and form.is_valid() and (done := _set_up(request, form)):
        return done
    return _page(request, "app.html", _("An authenticator app"), form=form, **app_facts(request, user))


def own_passkey(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    require_confirmed()
    form = CodeForm()
    if request.method == "POST" and (done := _set_up(request, form)):
        return done
    refusals = form.errors.get("__all__", []) if form.is_bound else getattr(form, "refusals", [])
    return _page(request, "passkey.html", _("A passkey"), refusals=refusals, **passkey_facts(user))


def _set_up(request: HttpRequest, form: Any) -> HttpResponse | None:
    """Everywhere else they are signed out: those sessions have shown a password alone."""
    user: Any = request.user
    first = not factors_of(user)
    try:
        set_up(request, user)
    except ServiceError as refusal:
        if form.is_bound:
            form.add_error("code", str(refusal))
        else:
            form.refusals = [str(refusal)]
        return None
    request.session[BY_SECOND] = True
    other_sessions_end(acting_user=user, digest=digest_of(request.session.session_key or ""))
    messages.success(request, _("It is set up, and asked for from now on when you sign in."))
    return HttpResponseRedirect(reverse("admin:recovery_codes" if first else "admin:own_factors"))


def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Those that are left, to be kept somewhere else."""
    user: Any = request.user
    return _page(request, "codes.html", _("Recovery codes"), codes=recovery_codes_of(user=user))
