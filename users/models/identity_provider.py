"""Where an account's people sign in, if not here."""

from __future__ import annotations

import uuid

from django.core.validators import URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from keys.fields import EncryptedTextField
from users.models.accounts import Account
from users.wall import OfAccount


def _public_id() -> str:
    return uuid.uuid4().hex


class IdentityProvider(OfAccount):
    """An OpenID Connect provider of one account: whom it names is looked for in that account alone.

    ``public_id`` stands in addresses, and in the links between its people and ours (``socialaccount.SocialAccount``).
    ``server_url`` is its issuer, as its discovery document says.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="identity_providers", verbose_name=_("account"))
    public_id = models.CharField(max_length=32, unique=True, default=_public_id, editable=False)
    name = models.CharField(_("name"), max_length=100, help_text=_("As it stands on the button, such as “Acme”."))
    server_url = models.CharField(
        _("issuer"),
        max_length=300,
        validators=[URLValidator(schemes=["https", "http"])],
        help_text=_("The beginning of its addresses, before /.well-known/openid-configuration."),
    )
    client_id = models.CharField(_("client ID"), max_length=191)
    secret = EncryptedTextField(_("client secret"), blank=True, default="")
    enabled = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("identity provider")
        verbose_name_plural = _("identity providers")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name
