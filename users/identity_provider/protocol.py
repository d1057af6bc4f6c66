"""Sending somebody to their provider, and reading what comes back with them."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Any

from allauth.socialaccount.internal import statekit
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from users.identity_provider.adapters import Protocol, Provider, app_of
from users.models import IdentityProvider

logger = logging.getLogger(__name__)

#: A confirmation has to be as new as this, in seconds, by the provider's clock.
FRESH = 300


class ProviderTrouble(Exception):
    """The provider was not reached, or what it says is not to be believed."""


def trouble(error: Exception) -> Exception:
    """Whatever the library stumbles over in what a provider says, or where it says nothing, is the provider's trouble;
    what the database says is not."""
    if isinstance(error, DatabaseError):
        return error
    logger.info("trouble with an identity provider: %s", type(error).__name__)
    return ProviderTrouble()


@dataclass(frozen=True)
class Said:
    """What a provider says of a person. ``email``: only where it says that it has looked at it, else "".
    ``confirms``: whether it was asked again who it is; ``next_url``: where they wanted to go."""

    subject: str
    email: str
    confirms: bool
    next_url: str


def send_there(request: HttpRequest, row: IdentityProvider, *, next_url: str, confirms: bool = False) -> HttpResponse:
    """The redirect to the provider. State, nonce and the verifier of PKCE wait in the session; no address does.

    ``confirms``: have it ask again who it is, although it may know. Raises :class:`ProviderTrouble`.
    """
    nonce = secrets.token_urlsafe(24)
    again = {"prompt": "login", "max_age": "0"} if confirms else {}
    try:
        answer: HttpResponse = Provider(request, app=app_of(row)).redirect(
            request,
            AuthProcess.LOGIN,
            next_url=next_url,
            data={"nonce": nonce, "confirms": confirms},
            auth_params={"nonce": nonce, **again},
            scope=["openid", "email"],
        )
    except Exception as error:
        raise trouble(error) from error
    return answer


def what_it_says(request: HttpRequest, row: IdentityProvider) -> Said:
    """Exchange the code that came back, and read the person from it. Raises :class:`ProviderTrouble`."""
    provider = Provider(request, app=app_of(row))
    state = statekit.unstash_state(request, provider_id=provider.sub_id, state_id=request.GET.get("state", ""))
    if state is None or "code" not in request.GET:
        raise ProviderTrouble
    protocol = Protocol(request, row.public_id)
    asked = state["data"]
    try:
        client = protocol.get_client(request, provider.app)
        token = protocol.get_access_token_data(
            request, provider.app, client, pkce_code_verifier=state["pkce_code_verifier"]
        )
        claims = protocol.id_claims(provider.app, token["id_token"])
        if not constant_time_compare(str(claims.get("nonce", "")), asked["nonce"]):
            raise ProviderTrouble
        if asked["confirms"] and int(claims["iat"]) - int(claims["auth_time"]) > FRESH:
            raise ProviderTrouble
        subject = str(claims["sub"])
        if "email" not in claims:
            claims = _more(protocol, token["access_token"], subject)
    except Exception as error:
        raise trouble(error) from error
    verified = claims.get("email_verified") in (True, "true")
    email = str(claims.get("email") or "").replace("\x00", "") if verified else ""
    return Said(subject, email[:320], bool(asked["confirms"]), str(state.get("next") or ""))


def _more(protocol: Protocol, access_token: str, subject: str) -> dict[str, Any]:
    """What the ID token left out; of the same person, or it is of nobody."""
    said = protocol.userinfo(access_token)
    if str(said.get("sub")) != subject:
        raise ProviderTrouble
    return said
