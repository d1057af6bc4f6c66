"""What django-allauth asks of this site: how secrets are sealed, and what it must not do by itself."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib import admin
from django.http import HttpRequest

from keys.encryption import decrypt, encrypt


class AccountAdapter(DefaultAccountAdapter):
    """``settings.ACCOUNT_ADAPTER``: none of the library's pages is served, nobody signs up, it writes to nobody."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        raise NotImplementedError("Mail is sent by the platform's own task.")


class FactorAdapter(DefaultMFAAdapter):
    """``settings.MFA_ADAPTER``."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)

    def _get_user_identifier(self, user: Any) -> str:
        """What the app, or the list of passkeys, calls the entry: it is on the person's own device."""
        return f"{user.email} ({user.account.subdomain})"

    def get_totp_issuer(self) -> str:
        return str(admin.site.site_header)

    def build_totp_svg(self, url: str) -> str:
        """White behind it, so that it is read in the dark too."""
        import qrcode
        from qrcode.image.svg import SvgPathFillImage

        return str(qrcode.make(url, image_factory=SvgPathFillImage).to_string(encoding="unicode"))

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": str(admin.site.site_header)}

    def _get_site_name(self) -> str:
        return str(admin.site.site_header)
