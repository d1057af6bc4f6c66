"""What an account has proved to be its own."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.models.accounts import Account
from users.wall import OfAccount


class Purpose(models.TextChoices):
    """What whoever reads a mailbox has agreed to."""

    PURGE = "purge", _("Purges in other accounts")
    SENDER = "sender", _("Sender of mails")


class YearsEnd(models.IntegerChoices):
    """How near the end of a domain's year is, in the order in which that is told."""

    FAR = 0, _("far")
    IN_A_MONTH = 1, _("in a month")
    IN_A_WEEK = 2, _("in a week")
    OVER = 3, _("over")


def _token() -> str:
    return secrets.token_hex(16)


class ProvedAddress(OfAccount):
    """An address of which an account says that it is its own, and whether whoever reads that mailbox agreed.

    ``digest``: keyed, of the token in the link that was sent last; '' once it was used. ``link_until``: when that link
    ends. ``valid_until``: None while nobody has agreed.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="proved_addresses", verbose_name=_("account"))
    purpose = models.CharField(_("for"), max_length=10, choices=Purpose.choices, default=Purpose.PURGE)
    email = models.EmailField(_("address"), max_length=320, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    asked_by = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked"), editable=False)
    link_until = models.DateTimeField(_("link is good until"), null=True, editable=False)
    proved_at = models.DateTimeField(_("proved"), null=True, editable=False)
    valid_until = models.DateTimeField(_("proved until"), null=True, editable=False)

    class Meta:
        verbose_name = _("proved address")
        verbose_name_plural = _("proved addresses")
        ordering = ("-asked_at", "-id")
        indexes = (
            models.Index(fields=("digest",), name="users_proof_digest"),
            models.Index(fields=("account", "asked_at"), name="users_proof_asked"),
        )

    def __str__(self) -> str:
        return f"proof {self.pk}"


class ProvedDomain(OfAccount):
    """A domain of which an account says that it is its own, and until when it has shown that.

    ``domain``: A-labels of IDNA 2008. ``token``: what the record has to say, which everybody may read. ``told``: what
    the account was told last of the end of its year.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="proved_domains", verbose_name=_("account"))
    domain = models.CharField(_("domain"), max_length=253)
    token = models.CharField(max_length=32, default=_token, editable=False)
    asked_by = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    looked_at = models.DateTimeField(_("looked for it"), null=True, editable=False)
    proved_at = models.DateTimeField(_("proved"), null=True, editable=False)
    valid_until = models.DateTimeField(_("proved until"), null=True, editable=False)
    told = models.PositiveSmallIntegerField(
        choices=YearsEnd.choices, default=YearsEnd.FAR, db_default=YearsEnd.FAR, editable=False
    )

    class Meta:
        verbose_name = _("proved domain")
        verbose_name_plural = _("proved domains")
        ordering = ("domain", "id")
        constraints = (models.UniqueConstraint(fields=("account", "domain"), name="users_proved_domain_once"),)
        indexes = (models.Index(fields=("valid_until",), name="users_domain_valid"),)

    def __str__(self) -> str:
        return self.domain
