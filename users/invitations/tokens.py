"""The link of an invitation. It leads to the page for a forgotten password, and is good for longer than those."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import base36_to_int

from users.models import User

#: For so many days an invitation is good.
DAYS: Final = 7


class _Invitations(PasswordResetTokenGenerator):
    """Worth nothing any more after a first password, a sign-in, another address, or some days."""

    key_salt = "users.invitations"

    def check_token(self, user: User | None, token: str | None) -> bool:
        """As Django's, which knows one length of time for all links."""
        moment, _dash, _rest = (token or "").partition("-")
        try:
            made = base36_to_int(moment)
        except ValueError:
            return False
        if user is None or not token or user.has_usable_password():
            return False
        secrets = [self.secret, *self.secret_fallbacks]
        ours = any(
            constant_time_compare(self._make_token_with_timestamp(user, made, secret), token) for secret in secrets
        )
        now: int = self._num_seconds(self._now())
        return ours and now - made <= DAYS * 24 * 3600


invitations = _Invitations()


def link_for(user: User) -> str:
    """Where they set their first password. In the query, since paths are logged; and no name or address."""
    said = urlencode({"user": user.pk, "token": invitations.make_token(user)})
    return f"{settings.LMS_BASE_URL.rstrip('/')}{reverse('admin:forgotten_new')}?{said}"
