"""The form to sign in with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from users.models import User
from users.sign_in.attempts import sign_in_attempt


class SignInForm(AuthenticationForm):
    """Email and password. The account is asked for after every refusal, and before one only on demand: who has users
    in several accounts names it, and whether an address is in several is told to nobody.

    People without access to the admin get the same answer as a wrong password. ``wait``: seconds, after too many tries.
    """

    error_messages = {
        "invalid_login": _(
            "Wrong email or password, or no access to this site. If you are a user of several "
            "accounts, name the account too."
        ),
        "inactive": _("Wrong email or password, or no access to this site."),
    }
    username = forms.CharField(
        label=_("Email"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
    account = forms.CharField(
        label=_("Account"),
        max_length=63,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "spellcheck": "false"}),
        help_text=_("Its short name, as your administrators know it. Only for users of several accounts."),
    )
    wait = 0

    def __init__(self, request: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        # Django takes the length of the opaque login id.
        self.fields["username"].widget.attrs["maxlength"] = 320
        if not self.is_bound and "account" not in getattr(request, "GET", ()):
            del self.fields["account"]
        elif not self.is_bound:
            self.initial["account"] = request.GET["account"][:63]

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            assert self.request is not None  # the page gives it
            account = self.cleaned_data.get("account", "")
            attempt = sign_in_attempt(self.request, email=email, password=password, account=account)
            self.wait = attempt.wait
            if attempt.wait:
                raise ValidationError(too_many_words(attempt.wait), code="too_many")
            if attempt.at_provider is not None:
                raise ValidationError(at_provider_words(attempt.at_provider), code="at_provider")
            if attempt.user is None:
                raise self.get_invalid_login_error()
            attempt.user.backend = "users.backends.AccountBackend"
            self.user_cache = attempt.user
        return self.cleaned_data


def at_provider_words(user: User) -> SafeString:
    """Where somebody signs in whose account lets no password in: with a link to each of its providers."""
    rows = user.account.identity_providers.filter(enabled=True).order_by("pk")
    links = format_html_join(
        ", ", '<a href="{}">{}</a>', ((reverse("admin:to_provider", args=[row.public_id]), row.name) for row in rows)
    )
    words = _("In your account passwords open nothing: sign in at your identity provider.")
    return format_html("{} {}", words, links)


def too_many_words(seconds: int) -> str:
    words = ngettext(
        "Too many tries. Wait %(n)d second, then try again.",
        "Too many tries. Wait %(n)d seconds, then try again.",
        seconds,
    )
    return words % {"n": seconds}
