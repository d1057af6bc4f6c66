"""What django-allauth asks of this site about providers: which there are, and how they are reached.

Its rows of providers (``SocialApp``) are not used, since their secrets would be stored as they are.
"""

from __future__ import annotations

from typing import Any

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from users.identity_provider.outgoing import session
from users.models import IdentityProvider


def app_of(provider: IdentityProvider) -> SocialApp:
    """A provider in the form in which the library takes one; it is never saved."""
    return SocialApp(
        provider=OpenIDConnectProvider.id,
        provider_id=provider.public_id,
        name=provider.name,
        client_id=provider.client_id,
        secret=provider.secret,
        settings={"server_url": provider.server_url.rstrip("/"), "oauth_pkce_enabled": True},
    )


class ProviderAdapter(DefaultSocialAccountAdapter):
    """``settings.SOCIALACCOUNT_ADAPTER``."""

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        rows = IdentityProvider.objects.filter(enabled=True).order_by("pk")
        if provider is not None:
            rows = rows.filter(public_id=provider)
        if client_id is not None:
            rows = rows.filter(client_id=client_id)
        return [app_of(row) for row in rows]

    def get_requests_session(self) -> requests.Session:
        return session()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Never by the library: it would look in all accounts."""
        return False


class Protocol(OpenIDConnectOAuth2Adapter):
    """The library's steps; stricter about what the provider says of itself and of the person."""

    def get_provider(self) -> OpenIDConnectProvider:
        row = IdentityProvider.objects.get(public_id=self.provider_id, enabled=True)
        return Provider(self.request, app=app_of(row))

    @property
    def openid_config(self) -> dict[str, Any]:
        """The discovery document; its issuer has to be the one that the account has named."""
        known: dict[str, Any] = super().openid_config
        expected = self.get_provider().app.settings["server_url"]
        if str(known.get("issuer", "")).rstrip("/") != expected:
            raise requests.RequestException("another issuer")
        return known

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return settings.LMS_BASE_URL.rstrip("/") + reverse("admin:provider_back", args=[self.provider_id])

    def id_claims(self, app: Any, id_token: str) -> dict[str, Any]:
        """What the ID token says, its signature looked at however it came."""
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        return claims

    def userinfo(self, access_token: str) -> dict[str, Any]:
        said: dict[str, Any] = self._fetch_user_info(access_token)
        return said


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Protocol
