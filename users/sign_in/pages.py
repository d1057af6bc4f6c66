"""What the sign-in page does around its form."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext

from users.services import password_change
from users.sign_in.attempts import COOKIE, COOKIE_SECONDS, refused_since
from users.sign_in.step_up import confirm


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


def after_sign_in(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer to a sign-in: too many tries are no success (429), and whoever is in hears of those that failed."""
    if request.method != "POST":
        return response
    form = (getattr(response, "context_data", None) or {}).get("form")
    if form is not None:
        if form.wait:
            response.status_code = 429
            response.headers["Retry-After"] = str(form.wait)
        return response
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
    response.set_cookie(
        COOKIE,
        str(user.account_id),
        max_age=COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
