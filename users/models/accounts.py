"""Tenants."""

from __future__ import annotations

import uuid

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from purge.fields import SafeJSONField
from users.models.one_line import on_one_line
from users.wall import OfAccount


class AccountKind(models.TextChoices):
    ENTERPRISE = "enterprise", _("Enterprise")
    TRIAL = "trial", _("Trial")
    SYSTEM = "system", _("System")


class AccountState(models.TextChoices):
    ACTIVE = "active", _("Active")
    INACTIVE = "inactive", _("Inactive")


class Account(OfAccount):
    """A tenant: enterprise or trial. One system account holds support staff and superusers; no route reaches it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=200, validators=[on_one_line])
    subdomain = models.CharField(
        _("subdomain"),
        max_length=63,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", _("Use small letters, digits and dashes."))],
    )
    kind = models.CharField(_("kind"), max_length=12, choices=AccountKind.choices, default=AccountKind.ENTERPRISE)
    state = models.CharField(_("state"), max_length=12, choices=AccountState.choices, default=AccountState.ACTIVE)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    expires_on = models.DateField(_("trial ends"), null=True, blank=True)
    creator = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="created_accounts",
        verbose_name=_("creator"),
    )
    creator_missing = models.BooleanField(_("without creator"), default=False)
    support_emails = models.TextField(
        _("support email addresses"), blank=True, default="", help_text=_("Separate several with semicolons.")
    )
    sender_name = models.CharField(_("sender name"), max_length=200, blank=True, default="", validators=[on_one_line])
    sender_email = models.EmailField(_("sender address"), max_length=320, blank=True, default="")
    footer_links = SafeJSONField(_("footer links"), default=list, blank=True)
    peer_admin_email = models.EmailField(_("administrator of the peer account"), max_length=320, blank=True, default="")
    catalog_share_email = models.EmailField(_("catalogue shared with"), max_length=320, blank=True, default="")
    import_mapping = SafeJSONField(_("remembered headings of imports"), default=dict, blank=True, editable=False)
    purge_with_role = models.BooleanField(
        _("Every Administrator may purge"),
        default=True,
        help_text=_(
            "Otherwise the permission is given one by one, in Internal Users. Whoever switches this off keeps it."
        ),
    )
    second_factor_demanded = models.BooleanField(
        _("Whoever may purge needs a second factor"),
        default=False,
        db_default=False,
        help_text=_(
            "They are signed out, and get in with a second factor only. Who has none sets it up with a code that you "
            "give them, in Internal Users. Set up your own first."
        ),
    )
    provider_demanded = models.BooleanField(
        _("Everybody signs in at the identity provider"),
        default=False,
        db_default=False,
        help_text=_(
            "Passwords open nothing any more, and every other session ends. You have to have signed in there yourself. "
            "If the provider fails for good, whoever runs the site opens the way by password again."
        ),
    )
    #: Read by nobody, and on no page: it promised that records go, and none went. Stays for one release, since
    #: processes of the one before may still run beside the new ones.
    record_retention_days = models.PositiveIntegerField(
        _("learning records are kept for (days)"), null=True, blank=True
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    #: When it became what it is; None: it was made so. A purge that was accepted before does not reach it as a trial.
    kind_changed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ("name", "id")
        constraints = (
            models.CheckConstraint(
                name="users_account_trial_dates", condition=Q(expires_on=None) | Q(kind=AccountKind.TRIAL)
            ),
        )
        indexes = (models.Index(fields=("kind", "id"), name="users_account_kind"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_closed(self) -> bool:
        """Whether nobody gets in any more: it is out of use, and who alone could come back is gone."""
        return self.state == AccountState.INACTIVE and self.creator_id is None and self.creator_missing
