"""The tables of a new installation, made at once. A database of an earlier release goes through the migrations that
this one stands for, with what they do to its rows."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import connectors.models
import keys.fields
import purge.fields


class Migration(migrations.Migration):
    replaces = [
        ("connectors", "0001_initial"),
        ("connectors", "0002_foreign_references"),
        ("connectors", "0003_secrets_in_encrypted_columns"),
        ("connectors", "0004_encrypt_secrets"),
        ("connectors", "0005_say_email"),
    ]

    initial = True

    dependencies = [
        ("users", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Connector",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ftp", "FTP"),
                            ("custom_sftp", "Custom SFTP"),
                            ("box", "Box"),
                            ("salesforce", "Salesforce"),
                            ("workday", "Workday"),
                            ("azure_ad", "Azure AD"),
                            ("adfs", "ADFS"),
                            ("zoom", "Zoom"),
                            ("adobe_connect", "Adobe Connect"),
                            ("teams", "Microsoft Teams"),
                            ("linkedin_learning", "LinkedIn Learning"),
                            ("power_bi", "Power BI"),
                            ("marketo", "Marketo"),
                            ("commerce", "Commerce"),
                            ("credly", "Credly"),
                            ("training_data_access", "Training Data Access"),
                        ],
                        max_length=30,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("enabled", "Enabled"), ("disabled", "Disabled")],
                        default="draft",
                        max_length=20,
                        verbose_name="state",
                    ),
                ),
                (
                    "mapping",
                    purge.fields.SafeJSONField(
                        blank=True, default=dict, help_text="Outside column → field here.", verbose_name="mapping"
                    ),
                ),
                (
                    "schedule",
                    models.CharField(
                        choices=[("off", "Off"), ("hourly", "Hourly"), ("daily", "Daily"), ("weekly", "Weekly")],
                        default="off",
                        max_length=20,
                        verbose_name="schedule",
                    ),
                ),
                (
                    "resume_schedule",
                    models.CharField(
                        choices=[("off", "Off"), ("hourly", "Hourly"), ("daily", "Daily"), ("weekly", "Weekly")],
                        default="off",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("next_run_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="next run")),
                (
                    "disabled_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("manual", "Disabled by an administrator"),
                            ("purge", "A setting named a purged person and was blanked"),
                            ("failures", "Too many failed runs"),
                        ],
                        default="",
                        editable=False,
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                (
                    "disabled_reference",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=16, verbose_name="purge request"
                    ),
                ),
                ("disabled_at", models.DateTimeField(editable=False, null=True, verbose_name="disabled")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="connectors",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        help_text="Is told when a run fails.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contact_of_connectors",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "connector",
                "verbose_name_plural": "connectors",
                "ordering": ("name", "id"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_run_at__isnull", False)),
                        fields=["next_run_at"],
                        name="connectors_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state", "enabled"), ("next_run_at__isnull", True), _connector="OR"),
                        name="connectors_only_enabled_run",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AdobeConnectSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                ("url", models.URLField(max_length=500, verbose_name="URL")),
                ("admin_email", models.EmailField(blank=True, default="", max_length=320, verbose_name="admin email")),
                ("admin_login", models.CharField(blank=True, default="", max_length=320, verbose_name="admin login")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="password")),
            ],
            options={
                "verbose_name": "Adobe Connect settings",
                "verbose_name_plural": "Adobe Connect settings",
            },
        ),
        migrations.CreateModel(
            name="BoxSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                (
                    "account_email",
                    models.EmailField(
                        blank=True, default="", max_length=320, verbose_name="email of who manages the Box account"
                    ),
                ),
                ("folder", models.CharField(blank=True, default="", max_length=400, verbose_name="folder")),
            ],
            options={
                "verbose_name": "Box settings",
                "verbose_name_plural": "Box settings",
            },
        ),
        migrations.CreateModel(
            name="FtpSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                ("host", models.CharField(max_length=255, verbose_name="host")),
                ("port", models.PositiveIntegerField(default=22, verbose_name="port")),
                ("user_name", models.CharField(blank=True, default="", max_length=320, verbose_name="user name")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="password or key")),
                ("folder", models.CharField(blank=True, default="", max_length=400, verbose_name="folder")),
                (
                    "contact_email",
                    models.EmailField(blank=True, default="", max_length=320, verbose_name="contact email"),
                ),
            ],
            options={
                "verbose_name": "FTP settings",
                "verbose_name_plural": "FTP settings",
            },
        ),
        migrations.CreateModel(
            name="GenericSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                ("values", keys.fields.EncryptedJSONField(blank=True, default=dict, verbose_name="keys and hosts")),
            ],
            options={
                "verbose_name": "settings",
                "verbose_name_plural": "settings",
            },
        ),
        migrations.CreateModel(
            name="SalesforceSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                ("org_url", models.URLField(max_length=500, verbose_name="organisation's URL")),
                ("login", models.CharField(blank=True, default="", max_length=320, verbose_name="OAuth login")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="OAuth token")),
                (
                    "filter_field",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="filter: field"),
                ),
                (
                    "filter_value",
                    models.CharField(blank=True, default="", max_length=400, verbose_name="filter: value"),
                ),
            ],
            options={
                "verbose_name": "Salesforce settings",
                "verbose_name_plural": "Salesforce settings",
            },
        ),
        migrations.CreateModel(
            name="TeamsSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                ("tenant", models.CharField(max_length=200, verbose_name="tenant")),
                ("client_id", models.CharField(max_length=200, verbose_name="client id")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="client secret")),
                (
                    "admin_user_email",
                    models.EmailField(
                        blank=True,
                        default="",
                        help_text="Organises meetings by default.",
                        max_length=320,
                        verbose_name="admin user email",
                    ),
                ),
            ],
            options={
                "verbose_name": "Microsoft Teams settings",
                "verbose_name_plural": "Microsoft Teams settings",
            },
        ),
        migrations.CreateModel(
            name="ZoomSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                ("zoom_account", models.CharField(max_length=200, verbose_name="account id")),
                ("client_id", models.CharField(max_length=200, verbose_name="client id")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="client secret")),
                (
                    "super_admin_email",
                    models.EmailField(blank=True, default="", max_length=320, verbose_name="super-admin email"),
                ),
            ],
            options={
                "verbose_name": "Zoom settings",
                "verbose_name_plural": "Zoom settings",
            },
        ),
        migrations.CreateModel(
            name="StoppedConnector",
            fields=[],
            options={
                "verbose_name": "connector disabled by a purge",
                "verbose_name_plural": "connectors disabled by a purge",
                "ordering": ("disabled_at", "id"),
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("connectors.connector",),
        ),
        migrations.CreateModel(
            name="BlankedSetting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("setting", models.CharField(max_length=60, verbose_name="setting")),
                ("reference", models.CharField(max_length=16, verbose_name="purge request")),
                (
                    "blanked_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="blanked"),
                ),
                (
                    "settlement",
                    models.CharField(
                        blank=True,
                        choices=[("refilled", "Filled in again"), ("confirmed_empty", "Confirmed as empty")],
                        default="",
                        max_length=20,
                        verbose_name="settled how",
                    ),
                ),
                ("settled_at", models.DateTimeField(editable=False, null=True, verbose_name="settled")),
                (
                    "connector",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="blanked_settings",
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="settled_settings",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="settled by",
                    ),
                ),
            ],
            options={
                "verbose_name": "blanked setting",
                "verbose_name_plural": "blanked settings",
                "ordering": ("-blanked_at", "-id"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("settled_at__isnull", True)),
                        fields=("connector", "setting"),
                        name="connectors_one_open_blank_per_setting",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConnectorRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("in_progress", "In progress"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=20,
                        verbose_name="state",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                ("rows_done", models.PositiveIntegerField(default=0, verbose_name="rows")),
                ("rows_failed", models.PositiveIntegerField(default=0, verbose_name="failed rows")),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
                (
                    "error_file",
                    models.FileField(
                        blank=True,
                        max_length=255,
                        upload_to=connectors.models.error_file_path,
                        verbose_name="error file",
                    ),
                ),
                (
                    "connector",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: by its schedule.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="started_runs",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="started by",
                    ),
                ),
            ],
            options={
                "verbose_name": "connector run",
                "verbose_name_plural": "connector runs",
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="ExternalApplication",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("organisation", models.CharField(blank=True, default="", max_length=200, verbose_name="organisation")),
                (
                    "contact_email",
                    models.EmailField(blank=True, default="", max_length=320, verbose_name="owner's contact"),
                ),
                (
                    "client_id",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="client id"),
                ),
                ("redirect_url", models.URLField(blank=True, default="", max_length=500, verbose_name="redirect URL")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="external_applications",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="owned_applications",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner here",
                    ),
                ),
            ],
            options={
                "verbose_name": "external application",
                "verbose_name_plural": "external applications",
                "ordering": ("name", "id"),
            },
        ),
        migrations.CreateModel(
            name="ApplicationGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "granted_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="granted"),
                ),
                ("last_used_at", models.DateTimeField(blank=True, null=True, verbose_name="last used")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="application_grants",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="connectors.externalapplication",
                        verbose_name="application",
                    ),
                ),
            ],
            options={
                "verbose_name": "use of an external application",
                "verbose_name_plural": "uses of external applications",
                "ordering": ("application", "id"),
                "constraints": [models.UniqueConstraint(fields=("application", "user"), name="connectors_grant_once")],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, default="", max_length=200, verbose_name="name")),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                ("last_used_at", models.DateTimeField(blank=True, null=True, verbose_name="last used")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="connectors.externalapplication",
                        verbose_name="application",
                    ),
                ),
            ],
            options={
                "verbose_name": "API token",
                "verbose_name_plural": "API tokens",
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("user_added", "User added"),
                            ("user_deleted", "User deleted"),
                            ("enrolled", "Enrolled"),
                            ("completed", "Course completed"),
                        ],
                        max_length=20,
                        verbose_name="event",
                    ),
                ),
                ("url", models.URLField(max_length=500, verbose_name="URL")),
                ("user_name", models.CharField(blank=True, default="", max_length=320, verbose_name="user name")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="password")),
                (
                    "state",
                    models.CharField(
                        choices=[("enabled", "Enabled"), ("disabled", "Disabled")],
                        default="enabled",
                        max_length=20,
                        verbose_name="state",
                    ),
                ),
                (
                    "disabled_reference",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=16, verbose_name="purge request"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhooks",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="created_webhooks",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "ordering": ("name", "id"),
            },
        ),
        migrations.CreateModel(
            name="XapiStatement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "statement_id",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="statement id"),
                ),
                ("actor_mbox", models.CharField(blank=True, default="", max_length=400, verbose_name="actor.mbox")),
                ("verb", models.CharField(max_length=200, verbose_name="verb")),
                ("statement", purge.fields.SafeJSONField(blank=True, default=dict, verbose_name="statement")),
                (
                    "stored_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="stored"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="xapi_statements",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="xapi_statements",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="actor",
                    ),
                ),
            ],
            options={
                "verbose_name": "xAPI statement",
                "verbose_name_plural": "xAPI statements",
                "ordering": ("-stored_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="AzureAdSettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                (
                    "manager_filter",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Login or address of the manager whose people are imported. Empty: everybody.",
                        max_length=400,
                        verbose_name="manager filter",
                    ),
                ),
                ("tenant", models.CharField(max_length=200, verbose_name="tenant")),
                ("client_id", models.CharField(max_length=200, verbose_name="client id")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="client secret")),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="filtered_%(class)s",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="manager, picked from the users",
                    ),
                ),
            ],
            options={
                "verbose_name": "Azure AD settings",
                "verbose_name_plural": "Azure AD settings",
            },
        ),
        migrations.CreateModel(
            name="WorkdaySettings",
            fields=[
                (
                    "connector",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="%(class)s",
                        serialize=False,
                        to="connectors.connector",
                        verbose_name="connector",
                    ),
                ),
                (
                    "manager_filter",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Login or address of the manager whose people are imported. Empty: everybody.",
                        max_length=400,
                        verbose_name="manager filter",
                    ),
                ),
                ("host", models.CharField(max_length=255, verbose_name="host")),
                ("tenant", models.CharField(max_length=200, verbose_name="tenant")),
                (
                    "isu_user_name",
                    models.CharField(blank=True, default="", max_length=320, verbose_name="ISU user name"),
                ),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="password")),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="filtered_%(class)s",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="manager, picked from the users",
                    ),
                ),
            ],
            options={
                "verbose_name": "Workday settings",
                "verbose_name_plural": "Workday settings",
            },
        ),
    ]
