"""The form to sign in with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from users.backends import SeveralAccounts
from users.models import User
from users.services import login_record


class SignInForm(AuthenticationForm):
    """E-mail and password; the account is asked for only when both fit in several.

    People without access to the admin get the same answer as a wrong password.
    """

    error_messages = {
        "invalid_login": _("E-mail address or password is not right, or this user has no access here."),
        "inactive": _("E-mail address or password is not right, or this user has no access here."),
        "several": _("This address is used in several accounts. Choose one, and type the password again."),
    }
    username = forms.CharField(
        label=_("E-mail"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
    account = forms.CharField(label=_("Account"), max_length=63, required=False, widget=forms.Select)

    def __init__(self, request: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        # Django takes the length of the opaque login id.
        self.fields["username"].widget.attrs["maxlength"] = 320
        posted = self.data.get("account", "") if self.is_bound else ""
        if posted:
            self._offer([(posted, posted)])
        else:
            self._account_field = self.fields.pop("account")

    def _offer(self, accounts: list[tuple[str, str]]) -> None:
        self.fields.setdefault("account", getattr(self, "_account_field", self.base_fields["account"]))
        self.fields["account"].widget.choices = accounts

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            account = self.cleaned_data.get("account") or None
            try:
                user = authenticate(self.request, email=email, password=password, account=account)
            except SeveralAccounts as choice:
                self._offer([(subdomain, f"{name} ({subdomain})") for subdomain, name in choice.accounts])
                raise ValidationError(self.error_messages["several"], code="several") from None
            if not isinstance(user, User):
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(user)
            self.user_cache = user
            self._record(user)
        return self.cleaned_data

    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_staff:
            raise self.get_invalid_login_error()

    def _record(self, user: User) -> None:
        headers = self.request.META if self.request is not None else {}
        login_record(
            user=user,
            ip_address=headers.get("REMOTE_ADDR") or None,
            user_agent=headers.get("HTTP_USER_AGENT", ""),
        )
