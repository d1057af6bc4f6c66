"""What the pages that set up an app or a passkey share, whether somebody is signed in already or not."""

from __future__ import annotations

import base64
from typing import Any

from allauth.mfa.adapter import get_adapter
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from users.models import User
from users.second_factor.factors import app_add, app_secret
from users.second_factor.passkeys import creation_options, passkey_add

#: The secret that is being set up, sealed, in the session.
SECRET = "second_factor_secret"  # noqa: S105 - the name of an entry


class CodeForm(forms.Form):
    """One code: of an app, a recovery code, or one that was handed over."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "one-time-code", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )

    def __init__(self, data: Any = None, *, label: Any = None, numeric: bool = False) -> None:
        super().__init__(data)
        if label is not None:
            self.fields["code"].label = label
        if numeric:
            self.fields["code"].widget.attrs["inputmode"] = "numeric"


def app_facts(request: HttpRequest, user: User) -> dict[str, Any]:
    """What a page shows to set up an app: the secret as a picture and as text. It waits in the session, sealed."""
    adapter: Any = get_adapter()
    if SECRET not in request.session:
        request.session[SECRET] = adapter.encrypt(app_secret())
    secret = adapter.decrypt(request.session[SECRET])
    picture = adapter.build_totp_svg(adapter.build_totp_url(user, secret))
    return {
        "secret": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        "picture": "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode(),
    }


def passkey_facts(user: User) -> dict[str, Any]:
    return {"passkey_options": creation_options(user)}


def set_up(request: HttpRequest, user: User, *, confirmed: bool = False) -> None:
    """Keep what the page sent: a passkey, or a code of the app. Raises :class:`users.services.ServiceError`."""
    if "credential" in request.POST:
        passkey_add(user=user, request=request, answer=request.POST["credential"], confirmed=confirmed)
    else:
        sealed = request.session.get(SECRET, "")
        secret = get_adapter().decrypt(sealed) if sealed else app_secret()
        app_add(user=user, secret=secret, code=request.POST.get("code", "")[:40], confirmed=confirmed)
    request.session.pop(SECRET, None)
