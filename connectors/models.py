"""The outside world: connectors with their settings, outside applications, tokens, webhooks, statements.

A settings row has its connector as primary key, so the key of either names the connector.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keys.fields import EncryptedJSONField, EncryptedTextField
from purge.fields import SafeJSONField
from users.wall import OfAccount, WalledQuerySet


class ConnectorKind(models.TextChoices):
    FTP = "ftp", _("FTP")
    CUSTOM_SFTP = "custom_sftp", _("Custom SFTP")
    BOX = "box", _("Box")
    SALESFORCE = "salesforce", _("Salesforce")
    WORKDAY = "workday", _("Workday")
    AZURE_AD = "azure_ad", _("Azure AD")
    ADFS = "adfs", _("ADFS")
    ZOOM = "zoom", _("Zoom")
    ADOBE_CONNECT = "adobe_connect", _("Adobe Connect")
    TEAMS = "teams", _("Microsoft Teams")
    LINKEDIN_LEARNING = "linkedin_learning", _("LinkedIn Learning")
    POWER_BI = "power_bi", _("Power BI")
    MARKETO = "marketo", _("Marketo")
    COMMERCE = "commerce", _("Commerce")
    CREDLY = "credly", _("Credly")
    TRAINING_DATA_ACCESS = "training_data_access", _("Training Data Access")


class ConnectorState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ENABLED = "enabled", _("Enabled")
    DISABLED = "disabled", _("Disabled")


class DisabledReason(models.TextChoices):
    MANUAL = "manual", _("Disabled by an administrator")
    PURGE = "purge", _("A setting named a purged person and was blanked")
    FAILURES = "failures", _("Too many failed runs")


class Schedule(models.TextChoices):
    OFF = "off", _("Off")
    HOURLY = "hourly", _("Hourly")
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")


class ConnectorQuerySet(WalledQuerySet["Connector"]):
    def due(self) -> ConnectorQuerySet:
        """Enabled, with a schedule that is due: what a worker runs now."""
        return self.filter(state=ConnectorState.ENABLED, next_run_at__lte=timezone.now()).exclude(schedule=Schedule.OFF)

    def stopped_by_purge(self) -> ConnectorQuerySet:
        """Those with settings that a purge blanked and nobody has filled in or confirmed since."""
        open_settings = BlankedSetting.objects.filter(connector=models.OuterRef("pk"), settled_at__isnull=True)
        return self.filter(Q(models.Exists(open_settings)) | Q(disabled_reason=DisabledReason.PURGE))


class Connector(OfAccount):
    """A connection to an outside system. ``resume_schedule``: what its schedule was when a purge stopped it."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="connectors", verbose_name=_("account"))
    kind = models.CharField(_("kind"), max_length=30, choices=ConnectorKind.choices)
    name = models.CharField(_("name"), max_length=200)
    state = models.CharField(_("state"), max_length=20, choices=ConnectorState.choices, default=ConnectorState.DRAFT)
    contact = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="contact_of_connectors",
        verbose_name=_("contact"),
        help_text=_("Is told when a run fails."),
    )
    mapping = SafeJSONField(_("mapping"), default=dict, blank=True, help_text=_("Outside column → field here."))
    schedule = models.CharField(_("schedule"), max_length=20, choices=Schedule.choices, default=Schedule.OFF)
    resume_schedule = models.CharField(max_length=20, choices=Schedule.choices, default=Schedule.OFF, editable=False)
    next_run_at = models.DateTimeField(_("next run"), null=True, blank=True, editable=False)
    disabled_reason = models.CharField(
        _("reason"), max_length=20, choices=DisabledReason.choices, blank=True, default="", editable=False
    )
    disabled_reference = models.CharField(_("purge request"), max_length=16, blank=True, default="", editable=False)
    disabled_at = models.DateTimeField(_("disabled"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = ConnectorQuerySet.as_manager()

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")
        ordering = ("name", "id")
        constraints = (
            # Whatever sets the state by hand: a connector that is not enabled has no run ahead of it.
            models.CheckConstraint(
                name="connectors_only_enabled_run",
                condition=Q(state=ConnectorState.ENABLED) | Q(next_run_at__isnull=True),
            ),
        )
        indexes = (
            models.Index(fields=("next_run_at",), name="connectors_due", condition=Q(next_run_at__isnull=False)),
        )

    def __str__(self) -> str:
        return self.name


class StoppedConnector(Connector):
    """The same rows as a page of their own: connectors that a purge stopped."""

    class Meta:
        proxy = True
        verbose_name = _("connector disabled by a purge")
        verbose_name_plural = _("connectors disabled by a purge")
        ordering = ("disabled_at", "id")


class ConnectorSettings(OfAccount):
    """What all settings rows share: the connector, one row each."""

    connector = models.OneToOneField(
        Connector,
        models.CASCADE,
        primary_key=True,
        related_name="%(class)s",
        verbose_name=_("connector"),
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"settings of connector {self.pk}"


class ManagerFiltered(ConnectorSettings):
    """Settings of directories that can be narrowed to one manager's people.

    An empty filter imports the whole company, which is why a blanked one has to be confirmed as empty.
    """

    manager_filter = models.CharField(
        _("manager filter"),
        max_length=400,
        blank=True,
        default="",
        help_text=_("Login or address of the manager whose people are imported. Empty: everybody."),
    )
    manager = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="filtered_%(class)s",
        verbose_name=_("manager, picked from the users"),
    )

    class Meta:
        abstract = True


class FtpSettings(ConnectorSettings):
    """FTP and Custom SFTP."""

    host = models.CharField(_("host"), max_length=255)
    port = models.PositiveIntegerField(_("port"), default=22)
    user_name = models.CharField(_("user name"), max_length=320, blank=True, default="")
    secret = EncryptedTextField(_("password or key"), blank=True, default="")
    folder = models.CharField(_("folder"), max_length=400, blank=True, default="")
    contact_email = models.EmailField(_("contact email"), max_length=320, blank=True, default="")

    class Meta:
        verbose_name = _("FTP settings")
        verbose_name_plural = _("FTP settings")


class BoxSettings(ConnectorSettings):
    account_email = models.EmailField(_("email of who manages the Box account"), max_length=320, blank=True, default="")
    folder = models.CharField(_("folder"), max_length=400, blank=True, default="")

    class Meta:
        verbose_name = _("Box settings")
        verbose_name_plural = _("Box settings")


class SalesforceSettings(ConnectorSettings):
    org_url = models.URLField(_("organisation's URL"), max_length=500)
    login = models.CharField(_("OAuth login"), max_length=320, blank=True, default="")
    secret = EncryptedTextField(_("OAuth token"), blank=True, default="")
    filter_field = models.CharField(_("filter: field"), max_length=200, blank=True, default="")
    filter_value = models.CharField(_("filter: value"), max_length=400, blank=True, default="")

    class Meta:
        verbose_name = _("Salesforce settings")
        verbose_name_plural = _("Salesforce settings")


class WorkdaySettings(ManagerFiltered):
    host = models.CharField(_("host"), max_length=255)
    tenant = models.CharField(_("tenant"), max_length=200)
    isu_user_name = models.CharField(_("ISU user name"), max_length=320, blank=True, default="")
    secret = EncryptedTextField(_("password"), blank=True, default="")

    class Meta:
        verbose_name = _("Workday settings")
        verbose_name_plural = _("Workday settings")


class AzureAdSettings(ManagerFiltered):
    """Azure AD and ADFS."""

    tenant = models.CharField(_("tenant"), max_length=200)
    client_id = models.CharField(_("client id"), max_length=200)
    secret = EncryptedTextField(_("client secret"), blank=True, default="")

    class Meta:
        verbose_name = _("Azure AD settings")
        verbose_name_plural = _("Azure AD settings")


class ZoomSettings(ConnectorSettings):
    zoom_account = models.CharField(_("account id"), max_length=200)
    client_id = models.CharField(_("client id"), max_length=200)
    secret = EncryptedTextField(_("client secret"), blank=True, default="")
    super_admin_email = models.EmailField(_("super-admin email"), max_length=320, blank=True, default="")

    class Meta:
        verbose_name = _("Zoom settings")
        verbose_name_plural = _("Zoom settings")


class AdobeConnectSettings(ConnectorSettings):
    url = models.URLField(_("URL"), max_length=500)
    admin_email = models.EmailField(_("admin email"), max_length=320, blank=True, default="")
    admin_login = models.CharField(_("admin login"), max_length=320, blank=True, default="")
    secret = EncryptedTextField(_("password"), blank=True, default="")

    class Meta:
        verbose_name = _("Adobe Connect settings")
        verbose_name_plural = _("Adobe Connect settings")


class TeamsSettings(ConnectorSettings):
    tenant = models.CharField(_("tenant"), max_length=200)
    client_id = models.CharField(_("client id"), max_length=200)
    secret = EncryptedTextField(_("client secret"), blank=True, default="")
    admin_user_email = models.EmailField(
        _("admin user email"), max_length=320, blank=True, default="", help_text=_("Organises meetings by default.")
    )

    class Meta:
        verbose_name = _("Microsoft Teams settings")
        verbose_name_plural = _("Microsoft Teams settings")


class GenericSettings(ConnectorSettings):
    """Keys and hosts of the kinds that name nobody by themselves; what people type there is looked at all the same."""

    values = EncryptedJSONField(_("keys and hosts"), default=dict, blank=True)

    class Meta:
        verbose_name = _("settings")
        verbose_name_plural = _("settings")


class Settlement(models.TextChoices):
    REFILLED = "refilled", _("Filled in again")
    CONFIRMED_EMPTY = "confirmed_empty", _("Confirmed as empty")


class BlankedSetting(OfAccount):
    """A setting that a purge emptied because it named a purged person; open until refilled or confirmed as empty.

    ``setting`` is the name of a column, e.g. "manager_filter"; the value it had is nowhere.
    """

    connector = models.ForeignKey(
        Connector, models.PROTECT, related_name="blanked_settings", verbose_name=_("connector")
    )
    setting = models.CharField(_("setting"), max_length=60)
    reference = models.CharField(_("purge request"), max_length=16)
    blanked_at = models.DateTimeField(_("blanked"), default=timezone.now, editable=False)
    settlement = models.CharField(_("settled how"), max_length=20, choices=Settlement.choices, blank=True, default="")
    settled_at = models.DateTimeField(_("settled"), null=True, editable=False)
    settled_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="settled_settings",
        verbose_name=_("settled by"),
    )

    class Meta:
        verbose_name = _("blanked setting")
        verbose_name_plural = _("blanked settings")
        ordering = ("-blanked_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("connector", "setting"),
                condition=Q(settled_at__isnull=True),
                name="connectors_one_open_blank_per_setting",
            ),
        )

    def __str__(self) -> str:
        return f"connector {self.connector_id}: {self.setting}"


class RunState(models.TextChoices):
    PENDING = "pending", _("Pending")
    IN_PROGRESS = "in_progress", _("In progress")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


def error_file_path(run: ConnectorRun, file_name: str) -> str:
    """An opaque name: error files repeat rows of people."""
    return f"connectors/{run.connector_id}/{uuid.uuid4().hex}.csv"


class ConnectorRun(OfAccount):
    """One run of a connector. The rows it refused are in the error file."""

    connector = models.ForeignKey(Connector, models.PROTECT, related_name="runs", verbose_name=_("connector"))
    state = models.CharField(_("state"), max_length=20, choices=RunState.choices, default=RunState.PENDING)
    started_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="started_runs",
        verbose_name=_("started by"),
        help_text=_("Empty: by its schedule."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    rows_done = models.PositiveIntegerField(_("rows"), default=0)
    rows_failed = models.PositiveIntegerField(_("failed rows"), default=0)
    error = models.TextField(_("error"), blank=True, default="")
    error_file = models.FileField(_("error file"), upload_to=error_file_path, max_length=255, blank=True)

    class Meta:
        verbose_name = _("connector run")
        verbose_name_plural = _("connector runs")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"run {self.pk}"


class ExternalApplication(OfAccount):
    """An application outside that gets data through the API. A purge does not reach what it has copied.

    ``contact_email``: whom to ask there to erase somebody.
    """

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="external_applications", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=200)
    organisation = models.CharField(_("organisation"), max_length=200, blank=True, default="")
    contact_email = models.EmailField(_("owner's contact"), max_length=320, blank=True, default="")
    owner = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="owned_applications",
        verbose_name=_("owner here"),
    )
    client_id = models.UUIDField(_("client id"), default=uuid.uuid4, unique=True, editable=False)
    redirect_url = models.URLField(_("redirect URL"), max_length=500, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("external application")
        verbose_name_plural = _("external applications")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class ApplicationGrant(OfAccount):
    """A person whose data an outside application has been given: by their consent or by the account's."""

    application = models.ForeignKey(
        ExternalApplication, models.PROTECT, related_name="grants", verbose_name=_("application")
    )
    user = models.ForeignKey("users.User", models.PROTECT, related_name="application_grants", verbose_name=_("person"))
    granted_at = models.DateTimeField(_("granted"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("use of an external application")
        verbose_name_plural = _("uses of external applications")
        ordering = ("application", "id")
        constraints = (models.UniqueConstraint(fields=("application", "user"), name="connectors_grant_once"),)

    def __str__(self) -> str:
        return f"application {self.application_id}, user {self.user_id}"


class ApiToken(OfAccount):
    """A person's key to the API; only its digest is stored."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="api_tokens", verbose_name=_("owner"))
    application = models.ForeignKey(
        ExternalApplication,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tokens",
        verbose_name=_("application"),
    )
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"token {self.pk}"


class WebhookEvent(models.TextChoices):
    USER_ADDED = "user_added", _("User added")
    USER_DELETED = "user_deleted", _("User deleted")
    ENROLLED = "enrolled", _("Enrolled")
    COMPLETED = "completed", _("Course completed")


class WebhookState(models.TextChoices):
    ENABLED = "enabled", _("Enabled")
    DISABLED = "disabled", _("Disabled")


class Webhook(OfAccount):
    """An address outside that is called when something happens. ``user_name``: for its basic authentication."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="webhooks", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200)
    event = models.CharField(_("event"), max_length=20, choices=WebhookEvent.choices)
    url = models.URLField(_("URL"), max_length=500)
    user_name = models.CharField(_("user name"), max_length=320, blank=True, default="")
    secret = EncryptedTextField(_("password"), blank=True, default="")
    state = models.CharField(_("state"), max_length=20, choices=WebhookState.choices, default=WebhookState.ENABLED)
    disabled_reference = models.CharField(_("purge request"), max_length=16, blank=True, default="", editable=False)
    created_by = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="created_webhooks",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class XapiStatement(OfAccount):
    """An xAPI statement as it came in: who did what. ``user`` where the actor is a user of the account."""

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="xapi_statements", verbose_name=_("account")
    )
    user = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="xapi_statements", verbose_name=_("actor")
    )
    statement_id = models.UUIDField(_("statement id"), default=uuid.uuid4, unique=True, editable=False)
    actor_mbox = models.CharField(_("actor.mbox"), max_length=400, blank=True, default="")
    verb = models.CharField(_("verb"), max_length=200)
    statement = SafeJSONField(_("statement"), default=dict, blank=True)
    stored_at = models.DateTimeField(_("stored"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("xAPI statement")
        verbose_name_plural = _("xAPI statements")
        ordering = ("-stored_at", "-id")

    def __str__(self) -> str:
        return f"statement {self.pk}"
