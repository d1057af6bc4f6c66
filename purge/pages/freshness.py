"""Whether it is still the one who signed in: asked before anything is destroyed, by one rule everywhere."""

from __future__ import annotations

import time
from typing import Any, cast

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from purge.host import get_host

#: A sign-in older than this asks for the password again before anything is destroyed.
FRESH_SECONDS = 15 * 60
CONFIRMED_AT = "password_confirmed_at"


def sign_in_is_fresh(request: HttpRequest) -> bool:
    """Whether in this session somebody signed in, or typed their password, within the last fifteen minutes.

    The session alone counts: a sign-in elsewhere says nothing of who sits here.
    """
    return time.time() - float(request.session.get(CONFIRMED_AT, 0)) < FRESH_SECONDS


class FreshForm(forms.Form):
    """A form that asks for the password unless the sign-in is fresh. Where it is, the field is not there."""

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("For your security, enter your password again."),
    )

    def __init__(self, data: Any = None, *, request: HttpRequest) -> None:
        super().__init__(data)
        self.request = request
        if sign_in_is_fresh(request):
            del self.fields["password"]
        elif not cast(Any, request.user).has_usable_password():
            # They sign in elsewhere: it is a code of their app.
            self.fields["password"].label = gettext_lazy("A code of your authenticator app")
            self.fields["password"].help_text = gettext_lazy("For your security. Without an app, sign in again.")

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if refusal := get_host().confirm_identity(self.request, password):
            raise forms.ValidationError(refusal)
        return password
