"""The tables of a new installation, made at once. A database of an earlier release goes through the migrations that
this one stands for, with what they do to its rows."""

import uuid
from importlib import import_module

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import keys.fields
import purge.fields
import users.expressions
import users.models.identity_provider
import users.models.imports
import users.models.one_line
import users.models.people
import users.models.proofs

by_code_point = import_module("users.migrations.0002_unique_ids_by_code_point").by_code_point


class Migration(migrations.Migration):
    replaces = [
        ("users", "0001_initial"),
        ("users", "0002_unique_ids_by_code_point"),
        ("users", "0003_search_by_beginning"),
        ("users", "0004_purge_with_role"),
        ("users", "0006_kind_changed_at"),
        ("users", "0007_session_digests"),
        ("users", "0008_identity_keys"),
        ("users", "0009_identity_keys_of_rows"),
        ("users", "0010_one_mailbox_one_row"),
        ("users", "0011_tries_to_sign_in"),
        ("users", "0012_plans_ended"),
        ("users", "0013_session_limits"),
        ("users", "0014_known_browsers"),
        ("users", "0015_second_factor"),
        ("users", "0016_identity_providers"),
        ("users", "0017_imports_that_ask"),
        ("users", "0018_say_email"),
        ("users", "0019_proofs"),
        ("users", "0020_when_a_domains_year_ends"),
        ("users", "0021_purge_drafts"),
        ("users", "0022_drafts_of_two_kinds"),
        ("users", "0024_officer"),
    ]

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tries",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("level", models.FloatField(default=0)),
                ("at", models.DateTimeField(db_index=True)),
                ("told_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "count of tries to sign in",
                "verbose_name_plural": "counts of tries to sign in",
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "login_id",
                    models.CharField(
                        default=users.models.people._opaque_login, editable=False, max_length=32, unique=True
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("internal", "Internal"), ("external", "External")],
                        default="internal",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("deleted", "Deleted"), ("purging", "Being purged")],
                        default="active",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=200, validators=[users.models.one_line.on_one_line], verbose_name="name"
                    ),
                ),
                ("email", models.EmailField(max_length=320, verbose_name="email")),
                ("email_key", models.CharField(db_index=True, editable=False, max_length=320, null=True)),
                (
                    "unique_user_id",
                    models.CharField(blank=True, max_length=100, null=True, verbose_name="Unique User ID"),
                ),
                ("unique_id_sort", models.CharField(editable=False, max_length=200, null=True)),
                (
                    "adobe_id",
                    models.CharField(
                        blank=True, max_length=320, null=True, verbose_name="login at the identity provider"
                    ),
                ),
                ("adobe_key", models.CharField(db_index=True, editable=False, max_length=320, null=True)),
                ("profile", models.CharField(blank=True, default="", max_length=200, verbose_name="profile")),
                ("registered", models.BooleanField(default=False, verbose_name="registered")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("single", "Added one by one"),
                            ("csv", "CSV import"),
                            ("self_registration", "Self-registration"),
                            ("connector", "Connector"),
                            ("api", "API"),
                        ],
                        default="single",
                        max_length=20,
                        verbose_name="source",
                    ),
                ),
                (
                    "added_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="added"),
                ),
                ("locale", models.CharField(blank=True, default="en", max_length=12, verbose_name="language")),
                ("time_zone", models.CharField(blank=True, default="", max_length=64, verbose_name="time zone")),
                ("bio", models.TextField(blank=True, default="", verbose_name="about")),
                (
                    "avatar",
                    models.FileField(
                        blank=True,
                        default="",
                        max_length=200,
                        upload_to=users.models.people.avatar_path,
                        verbose_name="picture",
                    ),
                ),
                ("is_support", models.BooleanField(default=False, verbose_name="support")),
                ("plans_ended", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ("deleted_at", models.DateTimeField(editable=False, null=True, verbose_name="date deleted")),
                ("deleted_month", models.CharField(editable=False, max_length=7, null=True)),
                (
                    "deleted_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="deleted by",
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="manager",
                    ),
                ),
                (
                    "same_mailbox_as",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="same mailbox as",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "permissions": (("delete_people", "Can delete and restore users"),),
            },
        ),
        migrations.CreateModel(
            name="DeletedUser",
            fields=[],
            options={
                "verbose_name": "deleted user",
                "verbose_name_plural": "User Cleanup",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("users.user",),
        ),
        migrations.CreateModel(
            name="ExternalUser",
            fields=[],
            options={
                "verbose_name": "external user",
                "verbose_name_plural": "External Users",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("users.user",),
        ),
        migrations.CreateModel(
            name="InternalUser",
            fields=[],
            options={
                "verbose_name": "internal user",
                "verbose_name_plural": "Internal Users",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("users.user",),
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "name",
                    models.CharField(
                        max_length=200, validators=[users.models.one_line.on_one_line], verbose_name="name"
                    ),
                ),
                (
                    "subdomain",
                    models.CharField(
                        max_length=63,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "Use small letters, digits and dashes."
                            )
                        ],
                        verbose_name="subdomain",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("enterprise", "Enterprise"), ("trial", "Trial"), ("system", "System")],
                        default="enterprise",
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("inactive", "Inactive")],
                        default="active",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                ("expires_on", models.DateField(blank=True, null=True, verbose_name="trial ends")),
                ("creator_missing", models.BooleanField(default=False, verbose_name="without creator")),
                (
                    "support_emails",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Separate several with semicolons.",
                        verbose_name="support email addresses",
                    ),
                ),
                (
                    "sender_name",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=200,
                        validators=[users.models.one_line.on_one_line],
                        verbose_name="sender name",
                    ),
                ),
                (
                    "sender_email",
                    models.EmailField(blank=True, default="", max_length=320, verbose_name="sender address"),
                ),
                ("footer_links", purge.fields.SafeJSONField(blank=True, default=list, verbose_name="footer links")),
                (
                    "peer_admin_email",
                    models.EmailField(
                        blank=True, default="", max_length=320, verbose_name="administrator of the peer account"
                    ),
                ),
                (
                    "catalog_share_email",
                    models.EmailField(blank=True, default="", max_length=320, verbose_name="catalogue shared with"),
                ),
                (
                    "import_mapping",
                    purge.fields.SafeJSONField(
                        blank=True, default=dict, editable=False, verbose_name="remembered headings of imports"
                    ),
                ),
                (
                    "purge_with_role",
                    models.BooleanField(
                        default=True,
                        help_text="Otherwise the permission is given one by one, in Internal Users. Whoever switches this off keeps it.",
                        verbose_name="Every Administrator may purge",
                    ),
                ),
                (
                    "second_factor_demanded",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="They are signed out, and get in with a second factor only. Who has none sets it up with a code that you give them, in Internal Users. Set up your own first.",
                        verbose_name="Whoever may purge needs a second factor",
                    ),
                ),
                (
                    "provider_demanded",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Passwords open nothing any more, and every other session ends. You have to have signed in there yourself. If the provider fails for good, whoever runs the site opens the way by password again.",
                        verbose_name="Everybody signs in at the identity provider",
                    ),
                ),
                (
                    "record_retention_days",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="learning records are kept for (days)"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("kind_changed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "creator",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="created_accounts",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="creator",
                    ),
                ),
            ],
            options={
                "verbose_name": "account",
                "verbose_name_plural": "accounts",
                "ordering": ("name", "id"),
                "indexes": [models.Index(fields=["kind", "id"], name="users_account_kind")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("expires_on", None), ("kind", "trial"), _connector="OR"),
                        name="users_account_trial_dates",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="user",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="users",
                to="users.account",
                verbose_name="account",
            ),
        ),
        migrations.CreateModel(
            name="ActiveField",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[("text", "Free text"), ("choice", "Fixed values")],
                        default="text",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("allowed_values", models.TextField(blank=True, default="", verbose_name="allowed values")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="active_fields",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "active field",
                "verbose_name_plural": "active fields",
                "constraints": [models.UniqueConstraint(fields=("account", "name"), name="users_active_field_name")],
            },
        ),
        migrations.CreateModel(
            name="ActiveFieldValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.TextField(blank=True, default="", verbose_name="value")),
                (
                    "field",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="values",
                        to="users.activefield",
                        verbose_name="field",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="active_values",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "value of an active field",
                "verbose_name_plural": "values of active fields",
                "constraints": [models.UniqueConstraint(fields=("user", "field"), name="users_active_value_once")],
            },
        ),
        migrations.CreateModel(
            name="DeletedCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.CharField(max_length=7)),
                ("n", models.PositiveIntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deleted_counts", to="users.account"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "month"), name="users_deleted_count_once")],
            },
        ),
        migrations.CreateModel(
            name="EnrolmentCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="enrolment_code",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "code for a first second factor",
                "verbose_name_plural": "codes for a first second factor",
            },
        ),
        migrations.CreateModel(
            name="ExternalProfile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "manager_email",
                    models.EmailField(blank=True, default="", max_length=320, verbose_name="manager's email"),
                ),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="external_profiles",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "external registration profile",
                "verbose_name_plural": "external registration profiles",
            },
        ),
        migrations.AddField(
            model_name="user",
            name="external_profile",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="users",
                to="users.externalprofile",
            ),
        ),
        migrations.CreateModel(
            name="FormerEmail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=320, null=True, verbose_name="email")),
                ("email_key", models.CharField(db_index=True, editable=False, max_length=320, null=True)),
                ("ended_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="until")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former_emails",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "former email",
                "verbose_name_plural": "former emails",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "email_key"), name="users_former_email_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("email__isnull", True), models.Q(("email", ""), _negated=True), _connector="OR"),
                            models.Q(
                                ("email_key__isnull", True), models.Q(("email_key", ""), _negated=True), _connector="OR"
                            ),
                        ),
                        name="users_former_email_absent_is_null",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IdentityProvider",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=users.models.identity_provider._public_id, editable=False, max_length=32, unique=True
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="As it stands on the button, such as “Acme”.", max_length=100, verbose_name="name"
                    ),
                ),
                (
                    "server_url",
                    models.CharField(
                        help_text="The beginning of its addresses, before /.well-known/openid-configuration.",
                        max_length=300,
                        validators=[django.core.validators.URLValidator(schemes=["https", "http"])],
                        verbose_name="issuer",
                    ),
                ),
                ("client_id", models.CharField(max_length=191, verbose_name="client ID")),
                ("secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name="client secret")),
                ("enabled", models.BooleanField(default=True, verbose_name="in use")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identity_providers",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "identity provider",
                "verbose_name_plural": "identity providers",
                "ordering": ("name", "id"),
            },
        ),
        migrations.CreateModel(
            name="ImportLog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "source",
                    models.CharField(
                        choices=[("upload", "Upload"), ("connector", "Connector"), ("command", "Command line")],
                        default="upload",
                        max_length=12,
                        verbose_name="source",
                    ),
                ),
                (
                    "file",
                    models.FileField(
                        blank=True,
                        default="",
                        max_length=200,
                        upload_to=users.models.imports.import_path,
                        verbose_name="file",
                    ),
                ),
                (
                    "error_file",
                    models.FileField(
                        blank=True,
                        default="",
                        max_length=200,
                        upload_to=users.models.imports.error_path,
                        verbose_name="rows not imported",
                    ),
                ),
                ("uploaded_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="uploaded")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("encoding", models.CharField(blank=True, default="", max_length=20, verbose_name="encoding")),
                ("delimiter", models.CharField(blank=True, default="", max_length=4, verbose_name="delimiter")),
                ("mapping", purge.fields.SafeJSONField(blank=True, default=dict, verbose_name="columns")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("uploaded", "Uploaded"),
                            ("running", "Running"),
                            ("asking", "Needs your answer"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        default="uploaded",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("failure", models.CharField(blank=True, default="", max_length=200, verbose_name="why it failed")),
                ("total_rows", models.PositiveIntegerField(default=0, verbose_name="rows")),
                ("rows_done", models.PositiveIntegerField(default=0, verbose_name="rows read")),
                ("added", models.PositiveIntegerField(default=0, verbose_name="added")),
                ("updated", models.PositiveIntegerField(default=0, verbose_name="updated")),
                ("unchanged", models.PositiveIntegerField(default=0, verbose_name="unchanged")),
                ("revived", models.PositiveIntegerField(default=0, verbose_name="revived")),
                ("previously_purged", models.PositiveIntegerField(default=0, verbose_name="previously purged")),
                ("failed", models.PositiveIntegerField(default=0, verbose_name="failed")),
                ("link_dead_at", models.DateTimeField(null=True, verbose_name="link dead since")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="imports",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="started by",
                    ),
                ),
            ],
            options={
                "verbose_name": "import",
                "verbose_name_plural": "Import Logs",
                "ordering": ("-uploaded_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="ImportNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField(verbose_name="line")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("revived", "Revived"),
                            ("previously_purged", "Purged before"),
                            ("left_out", "Left out"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reference", models.CharField(blank=True, default="", max_length=16, verbose_name="request ID")),
                (
                    "log",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="users.importlog",
                        verbose_name="import",
                    ),
                ),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
                "ordering": ("line", "id"),
            },
        ),
        migrations.CreateModel(
            name="ImportRowError",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField(verbose_name="line")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                (
                    "log",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="row_errors",
                        to="users.importlog",
                        verbose_name="import",
                    ),
                ),
            ],
            options={
                "verbose_name": "bad row",
                "verbose_name_plural": "bad rows",
                "ordering": ("line", "id"),
            },
        ),
        migrations.CreateModel(
            name="KnownBrowser",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("seen_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="known_browsers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "browser known",
                "verbose_name_plural": "browsers known",
                "constraints": [models.UniqueConstraint(fields=("user", "digest"), name="users_known_browser_once")],
            },
        ),
        migrations.CreateModel(
            name="LoginEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                ("ip_address", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                ("user_agent", models.CharField(blank=True, default="", max_length=300, verbose_name="browser")),
                ("success", models.BooleanField(default=True, verbose_name="signed in")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="login_events",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "sign-in",
                "verbose_name_plural": "sign-ins",
            },
        ),
        migrations.CreateModel(
            name="ProvedAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[("purge", "Purges in other accounts"), ("sender", "Sender of mails")],
                        default="purge",
                        max_length=10,
                        verbose_name="for",
                    ),
                ),
                ("email", models.EmailField(blank=True, default="", max_length=320, verbose_name="address")),
                ("digest", models.CharField(blank=True, default="", editable=False, max_length=64)),
                ("asked_at", models.DateTimeField(editable=False, verbose_name="asked")),
                ("link_until", models.DateTimeField(editable=False, null=True, verbose_name="link is good until")),
                ("proved_at", models.DateTimeField(editable=False, null=True, verbose_name="proved")),
                ("valid_until", models.DateTimeField(editable=False, null=True, verbose_name="proved until")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proved_addresses",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
            ],
            options={
                "verbose_name": "proved address",
                "verbose_name_plural": "proved addresses",
                "ordering": ("-asked_at", "-id"),
                "indexes": [
                    models.Index(fields=["digest"], name="users_proof_digest"),
                    models.Index(fields=["account", "asked_at"], name="users_proof_asked"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProvedDomain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("domain", models.CharField(max_length=253, verbose_name="domain")),
                ("token", models.CharField(default=users.models.proofs._token, editable=False, max_length=32)),
                ("asked_at", models.DateTimeField(auto_now_add=True, verbose_name="asked")),
                ("looked_at", models.DateTimeField(editable=False, null=True, verbose_name="looked for it")),
                ("proved_at", models.DateTimeField(editable=False, null=True, verbose_name="proved")),
                ("valid_until", models.DateTimeField(editable=False, null=True, verbose_name="proved until")),
                (
                    "told",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "far"), (1, "in a month"), (2, "in a week"), (3, "over")],
                        db_default=0,
                        default=0,
                        editable=False,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proved_domains",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
            ],
            options={
                "verbose_name": "proved domain",
                "verbose_name_plural": "proved domains",
                "ordering": ("domain", "id"),
                "indexes": [models.Index(fields=["valid_until"], name="users_domain_valid")],
                "constraints": [models.UniqueConstraint(fields=("account", "domain"), name="users_proved_domain_once")],
            },
        ),
        migrations.CreateModel(
            name="PurgeDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("kind", models.CharField(choices=[("confirmation", "Confirmation"), ("list", "List")], max_length=20)),
                ("plans_ended", models.PositiveIntegerField(default=0)),
                ("people", models.JSONField(default=list)),
                ("address", models.CharField(blank=True, default="", max_length=400)),
                ("facts", models.JSONField(default=dict)),
                ("note", models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purge_drafts",
                        to="users.account",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purge_drafts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "purge draft",
                "verbose_name_plural": "purge drafts",
                "indexes": [models.Index(fields=["user", "kind", "-created_at"], name="users_drafts_of_user")],
            },
        ),
        migrations.CreateModel(
            name="SelfRegistrationProfile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="self_registration_profiles",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "manager",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="manager",
                    ),
                ),
            ],
            options={
                "verbose_name": "self-registration profile",
                "verbose_name_plural": "self-registration profiles",
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("session_key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("began_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(null=True)),
                ("browser", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("ip_address", models.GenericIPAddressField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="UserAudit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                ("event", models.CharField(max_length=40, verbose_name="event")),
                ("fields", models.CharField(blank=True, default="", max_length=300, verbose_name="fields")),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="changed by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audits",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a user",
                "verbose_name_plural": "changes of users",
            },
        ),
        migrations.CreateModel(
            name="UserGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("retired", models.BooleanField(default=False, verbose_name="retired")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="groups",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "creator",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="created_groups",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "team_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="team_groups",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="team of",
                    ),
                ),
            ],
            options={
                "verbose_name": "user group",
                "verbose_name_plural": "user groups",
            },
        ),
        migrations.CreateModel(
            name="GroupMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="group_memberships",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="members",
                        to="users.usergroup",
                        verbose_name="group",
                    ),
                ),
            ],
            options={
                "verbose_name": "group member",
                "verbose_name_plural": "group members",
                "constraints": [models.UniqueConstraint(fields=("group", "user"), name="users_group_member_once")],
            },
        ),
        migrations.CreateModel(
            name="GroupExclusion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="group_exclusions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exclusions",
                        to="users.usergroup",
                        verbose_name="group",
                    ),
                ),
            ],
            options={
                "verbose_name": "excluded user",
                "verbose_name_plural": "excluded users",
                "constraints": [models.UniqueConstraint(fields=("group", "user"), name="users_group_exclusion_once")],
            },
        ),
        migrations.CreateModel(
            name="UserRole",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("administrator", "Administrator"),
                            ("author", "Author"),
                            ("instructor", "Instructor"),
                            ("integration_administrator", "Integration Administrator"),
                            ("data_protection_officer", "Data Protection Officer"),
                        ],
                        max_length=30,
                        verbose_name="role",
                    ),
                ),
                (
                    "given_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="since"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="given_roles",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "role",
                "verbose_name_plural": "roles",
                "constraints": [models.UniqueConstraint(fields=("user", "role"), name="users_role_once")],
            },
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.F("account"),
                models.OrderBy(models.F("deleted_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("deleted_at__isnull", False)),
                name="users_deleted_by_date",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["account", "deleted_month", "unique_id_sort", "id"],
                name="users_deleted_month_uid",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["account", "unique_id_sort", "id"],
                name="users_deleted_uid",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.F("account"),
                models.F("deleted_month"),
                models.OrderBy(models.F("deleted_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("deleted_at__isnull", False)),
                name="users_deleted_month_date",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["account", "name", "id"], name="users_by_name"),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(fields=["account", "unique_id_sort"], name="users_by_uid"),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.F("account"),
                users.expressions.ByCodePoint(django.db.models.functions.text.Lower("name")),
                name="users_by_folded_name",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.F("account"),
                users.expressions.ByCodePoint(
                    users.expressions.AfterFirstWord(django.db.models.functions.text.Lower("name"))
                ),
                name="users_by_later_names",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                models.F("account"),
                users.expressions.ByCodePoint(
                    users.expressions.LastWord(django.db.models.functions.text.Lower("name"))
                ),
                name="users_by_last_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(fields=("account", "email_key"), name="users_user_email_in_account"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                condition=models.Q(("unique_user_id__isnull", False)),
                fields=("account", "unique_user_id"),
                name="users_user_unique_id_in_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("unique_user_id__isnull", True),
                        models.Q(("unique_user_id", ""), _negated=True),
                        _connector="OR",
                    ),
                    models.Q(("adobe_id__isnull", True), models.Q(("adobe_id", ""), _negated=True), _connector="OR"),
                    models.Q(("adobe_key__isnull", True), models.Q(("adobe_key", ""), _negated=True), _connector="OR"),
                ),
                name="users_user_absent_is_null",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("email_key__isnull", True), models.Q(("email_key", ""), _negated=True), _connector="OR"
                ),
                name="users_user_key_is_null_or_said",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("same_mailbox_as__isnull", True), ("email_key__isnull", True), _connector="OR"),
                name="users_user_shares_no_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "deleted"), _negated=True),
                    models.Q(("deleted_at__isnull", False), ("deleted_month__isnull", False)),
                    _connector="OR",
                ),
                name="users_user_deleted_has_date",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "active"), _negated=True),
                    models.Q(("deleted_at__isnull", True), ("deleted_month__isnull", True)),
                    _connector="OR",
                ),
                name="users_user_active_has_no_date",
            ),
        ),
        migrations.RunPython(by_code_point, migrations.RunPython.noop),
    ]
