"""The second step of a sign-in, and signing in with a passkey alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from purge.journal.site_fence import lets_in
from users.models import User
from users.second_factor.demand import is_demanded_of
from users.second_factor.enrolment import enrolment_code_fits
from users.second_factor.factors import factors_of
from users.second_factor.passkeys import passkey_fits, request_options
from users.second_factor.setting_up import CodeForm, app_facts, passkey_facts, set_up
from users.second_factor.unfinished import (
    Tried,
    allow_enrolment,
    finish,
    note,
    try_second,
    unfinished_of,
)
from users.services import ServiceError
from users.sign_in.client import client_address
from users.sign_in.forms import too_many_words
from users.sign_in.limits import BY_ADDRESS_PASSKEY, place_of, take

FOLDER = "users/second_factor"


def _page(request: HttpRequest, template: str, title: str, wait: int = 0, **context: Any) -> HttpResponse:
    context = {"site_header": admin.site.site_header, "site_title": admin.site.site_title, "title": title, **context}
    response = TemplateResponse(request, f"{FOLDER}/{template}", context, status=429 if wait else 200)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _begin_again(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("That took too long. Sign in again."))
    return HttpResponseRedirect(reverse("admin:login"))


def _refuse(form: CodeForm, tried: Tried) -> None:
    form.add_error(
        "code", too_many_words(tried.wait) if tried.wait else _("This code is not right, or was used before.")
    )


@never_cache
@csrf_protect
def second_step(request: HttpRequest) -> HttpResponse:
    """Asks for a code, or a passkey."""
    waiting = unfinished_of(request)
    if waiting is None:
        return _begin_again(request)
    if waiting.enrols:
        return HttpResponseRedirect(reverse("admin:enrol"))
    factors = factors_of(waiting.user)
    label = _("The code that your app shows, or a recovery code") if factors.app else _("A recovery code")
    tried, form = Tried(), CodeForm(label=label)
    if request.method == "POST":
        form = CodeForm(request.POST if "credential" not in request.POST else {"code": "passkey"}, label=label)
        if form.is_valid():
            tried = _tried(request, waiting.user, form.cleaned_data["code"])
            if tried.right:
                return finish(request, waiting.user, waiting.next_url, by_second=True)
            _refuse(form, tried)
            form.data = {}
    return _page(
        request,
        "second_step.html",
        _("One more step"),
        tried.wait,
        form=form,
        factors=factors,
        passkey_options=request_options(waiting.user) if factors.passkeys else None,
    )


def _tried(request: HttpRequest, user: User, code: str) -> Tried:
    if "credential" not in request.POST:
        return try_second(request, user, typed=code)
    answer = request.POST["credential"]
    return try_second(request, user, lambda user, _typed: passkey_fits(user, answer) is not None)


@never_cache
@csrf_protect
def enrol(request: HttpRequest) -> HttpResponse:
    """A second factor is demanded and there is none: with a code that was handed over, the first one is set up."""
    waiting = unfinished_of(request)
    if waiting is None or not waiting.enrols or not is_demanded_of(waiting.user):
        return _begin_again(request)
    if not waiting.may_enrol:
        return _ask_for_code(request, waiting.user)
    form = CodeForm(request.POST or None, label=_("The code that the app shows"), numeric=True)
    refusals: list[str] = []
    if request.method == "POST" and ("credential" in request.POST or form.is_valid()):
        try:
            set_up(request, waiting.user, confirmed=True)
        except ServiceError as refusal:
            refusals = [str(refusal)]
        else:
            finish(request, waiting.user, waiting.next_url, by_second=True)
            return HttpResponseRedirect(reverse("admin:recovery_codes"))
    facts = {**app_facts(request, waiting.user), **passkey_facts(waiting.user)}
    return _page(request, "enrol.html", _("Set up a second factor"), form=form, refusals=refusals, **facts)


def _ask_for_code(request: HttpRequest, user: User) -> HttpResponse:
    tried, label = Tried(), _("The code that you were given")
    form = CodeForm(request.POST or None, label=label)
    if request.method == "POST" and form.is_valid():
        tried = try_second(request, user, enrolment_code_fits, form.cleaned_data["code"])
        if tried.right:
            allow_enrolment(request)
            return HttpResponseRedirect(reverse("admin:enrol"))
        form.add_error("code", too_many_words(tried.wait) if tried.wait else _("This code is not right, or too old."))
    return _page(request, "enrol_code.html", _("A second factor is needed"), tried.wait, form=form)


@never_cache
@csrf_protect
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """GET: what the browser is to sign, as JSON. POST: what it has signed; whose passkey that is, is in."""
    counts = []
    if (address := client_address(request)) is not None:
        counts.append((BY_ADDRESS_PASSKEY, place_of(address)))
    if counts and (wait := take(*counts).wait):
        messages.error(request, too_many_words(wait))
        return HttpResponseRedirect(reverse("admin:login"))
    if request.method != "POST":
        return JsonResponse(request_options(None))
    user = passkey_fits(None, request.POST.get("credential", ""))
    if user is None or not user.is_staff or not user.signs_in_here or not lets_in(user):
        if user is not None:
            note(request, user, success=False)
        messages.error(request, _("This passkey lets nobody in here."))
        return HttpResponseRedirect(reverse("admin:login"))
    return finish(request, user, request.POST.get("next", ""), by_second=True)
