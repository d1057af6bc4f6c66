"""What the sign-in page does around its form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from purge.worker.queue import enqueue
from users.models import LoginEvent, Session
from users.second_factor.unfinished import first_step_done
from users.services import ServiceError, other_sessions_end, password_change, session_end
from users.sessions import digest_of
from users.sign_in import devices
from users.sign_in.attempts import COOKIE, COOKIE_SECONDS, refused_since
from users.sign_in.devices import browser_note
from users.sign_in.forgotten import forgotten_request, new_password_set, user_of_link
from users.sign_in.forms import SignInForm, too_many_words
from users.sign_in.step_up import confirm

TELL_TASK = "users.tasks.tell_of_new_browser"


class OwnPasswordForm(PasswordChangeForm):
    """Django's; a wrong old password counts as any wrong answer, and the service has the last word."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if refusal := confirm(self.request, old):
            raise ValidationError(refusal)
        return old

    def save(self, commit: bool = True) -> Any:
        said = self.cleaned_data
        password_change(user=self.user, old_password=said["old_password"], password=said["new_password1"])
        return self.user


class OwnPassword(PasswordChangeView):
    """The page "Password". Whoever changes it stays signed in here, and nowhere else."""

    form_class = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}


class SignIn(LoginView):
    """The sign-in page. Too many tries are no success (429)."""

    template_name = "users/sign_in.html"
    authentication_form = SignInForm

    def form_valid(self, form: Any) -> HttpResponse:
        return first_step_done(self.request, form.get_user(), self.get_redirect_url(), noted=True)

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if form.wait:
            response.status_code = 429
            response.headers["Retry-After"] = str(form.wait)
        return response


def welcome(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The first answer to who has just signed in: they hear of tries that failed, and their browser is known from now
    on. Of one that was not known they are told."""
    user: Any = request.user
    if refused := refused_since(user):
        words = ngettext(
            "Since you signed in last, %(n)d try to sign in as you was refused. If it was not yours, tell your "
            "administrators.",
            "Since you signed in last, %(n)d tries to sign in as you were refused. If they were not yours, tell your "
            "administrators.",
            refused,
        )
        messages.warning(request, words % {"n": refused})
    token, is_new = browser_note(user, request.COOKIES.get(devices.COOKIE, ""))
    if is_new:
        event = LoginEvent.objects.filter(user=user, success=True).latest("pk")
        enqueue(TELL_TASK, event.pk)
    for name, value in ((COOKIE, str(user.account_id)), (devices.COOKIE, token)):
        response.set_cookie(
            name,
            value,
            max_age=COOKIE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


# ---------------------------------------------------------------- one's own sessions


def own_sessions(request: HttpRequest) -> HttpResponse:
    """Where somebody is signed in, and *End* for each of them."""
    user: Any = request.user
    here = digest_of(request.session.session_key or "")
    if request.method == "POST":
        if "others" in request.POST:
            ended = other_sessions_end(acting_user=user, digest=here)
        else:
            ended = int(session_end(acting_user=user, digest=request.POST.get("end", "").replace("\x00", "")))
        words = ngettext("%(n)d session has ended.", "%(n)d sessions have ended.", ended)
        messages.success(request, words % {"n": ended})
        return HttpResponseRedirect(reverse("admin:own_sessions"))
    rows = list(Session.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-seen_at", "pk")[:200])
    for row in rows:
        row.is_here = row.pk == here  # type: ignore[attr-defined]
    context = {**admin.site.each_context(request), "title": _("Sessions"), "rows": rows}
    return TemplateResponse(request, "users/sessions.html", context)


# ---------------------------------------------------------------- a forgotten password


class ForgottenForm(forms.Form):
    email = forms.CharField(
        label=gettext_lazy("Email"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )


def _frame() -> dict[str, Any]:
    return {"site_header": admin.site.site_header, "site_title": admin.site.site_title}


@never_cache
@csrf_protect
def forgotten(request: HttpRequest) -> HttpResponse:
    """Asks for an address, and says the same whatever it is."""
    form = ForgottenForm(request.POST or None)
    sent, status = False, 200
    if request.method == "POST" and form.is_valid():
        wait = forgotten_request(request, form.cleaned_data["email"])
        sent = not wait
        if wait:
            form.add_error(None, too_many_words(wait))
            status = 429
    context = {**_frame(), "title": _("Forgotten your password?"), "form": form, "sent": sent}
    return TemplateResponse(request, "users/forgotten.html", context, status=status)


@never_cache
@csrf_protect
def forgotten_new(request: HttpRequest) -> HttpResponse:
    """The page of a link: a new password, twice."""
    said = request.POST if request.method == "POST" else request.GET
    number, token = said.get("user", ""), said.get("token", "")
    user = user_of_link(number, token)
    form: Any = user and SetPasswordForm(user, request.POST if request.method == "POST" else None)
    if user is not None and request.method == "POST" and form.is_valid():
        try:
            new_password_set(number=number, token=token, password=form.cleaned_data["new_password1"])
        except ServiceError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Your new password holds. Sign in with it."))
            return HttpResponseRedirect(reverse("admin:login"))
    context = {
        **_frame(),
        "title": _("A new password"),
        "form": form,
        "number": number,
        "token": token,
        "account": user.account.name if user is not None else "",
        "email": user.email if user is not None else "",
    }
    return TemplateResponse(request, "users/forgotten_new.html", context)
