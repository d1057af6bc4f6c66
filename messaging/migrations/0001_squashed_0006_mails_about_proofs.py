"""The tables of a new installation, made at once. A database of an earlier release goes through the migrations that
this one stands for, with what they do to its rows."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import messaging.models
import purge.fields
import users.models.one_line


class Migration(migrations.Migration):
    replaces = [
        ("messaging", "0001_initial"),
        ("messaging", "0002_told_each_time"),
        ("messaging", "0003_purging_is_paused"),
        ("messaging", "0004_mails_about_signing_in"),
        ("messaging", "0005_say_email"),
        ("messaging", "0006_mails_about_proofs"),
    ]

    initial = True

    dependencies = [
        ("users", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Announcement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                ("body", models.TextField(verbose_name="text")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published"), ("retired", "Retired")],
                        default="draft",
                        max_length=20,
                        verbose_name="state",
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
                        related_name="announcements",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="announcements",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author",
                    ),
                ),
            ],
            options={
                "verbose_name": "announcement",
                "verbose_name_plural": "announcements",
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="MailLog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("welcome", "Welcome"),
                            ("notification", "Notification"),
                            ("reminder", "Reminder"),
                            ("announcement", "Announcement"),
                            ("report", "Report"),
                            ("sign_in", "Sign-in"),
                            ("proof", "Proof of an address"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("recipient_email", models.EmailField(blank=True, default="", max_length=320, verbose_name="sent to")),
                (
                    "manager_email",
                    models.EmailField(blank=True, default="", max_length=320, verbose_name="copy to manager"),
                ),
                ("subject", models.CharField(blank=True, default="", max_length=300, verbose_name="subject")),
                ("body", models.TextField(blank=True, default="", verbose_name="text")),
                ("message_id", models.CharField(blank=True, default="", max_length=250, verbose_name="Message-ID")),
                (
                    "sent_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="sent"),
                ),
                (
                    "about",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails_about",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="about",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="received_mails",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="recipient",
                    ),
                ),
            ],
            options={
                "verbose_name": "sent mail",
                "verbose_name_plural": "sent mails",
                "ordering": ("-sent_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="ReportSubscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "report",
                    models.CharField(
                        choices=[
                            ("transcript", "Learner transcript"),
                            ("completion", "Course completion"),
                            ("feedback", "Feedback"),
                            ("login", "Sign-ins"),
                        ],
                        max_length=20,
                        verbose_name="report",
                    ),
                ),
                (
                    "frequency",
                    models.CharField(
                        choices=[("daily", "Daily"), ("weekly", "Weekly"), ("monthly", "Monthly")],
                        default="weekly",
                        max_length=20,
                        verbose_name="frequency",
                    ),
                ),
                (
                    "alternate_email",
                    models.EmailField(
                        blank=True,
                        default="",
                        help_text="Empty: the owner's own address.",
                        max_length=320,
                        verbose_name="alternate email",
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
                        related_name="report_subscriptions",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="report_subscriptions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "report subscription",
                "verbose_name_plural": "report subscriptions",
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="SavedReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "report",
                    models.CharField(
                        choices=[
                            ("transcript", "Learner transcript"),
                            ("completion", "Course completion"),
                            ("feedback", "Feedback"),
                            ("login", "Sign-ins"),
                        ],
                        max_length=20,
                        verbose_name="report",
                    ),
                ),
                ("filters", purge.fields.SafeJSONField(blank=True, default=dict, verbose_name="filters")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="saved_reports",
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
                        related_name="saved_reports",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved report",
                "verbose_name_plural": "saved reports",
                "ordering": ("name", "id"),
            },
        ),
        migrations.CreateModel(
            name="TranscriptDownload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "pasted_addresses",
                    models.TextField(blank=True, default="", help_text="One on each line.", verbose_name="addresses"),
                ),
                (
                    "file",
                    models.FileField(
                        blank=True, max_length=255, upload_to=messaging.models.download_path, verbose_name="file"
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
                        related_name="transcript_downloads",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "generated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transcript_downloads",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="generated by",
                    ),
                ),
            ],
            options={
                "verbose_name": "transcript download",
                "verbose_name_plural": "transcript downloads",
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="EmailTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("welcome", "Welcome"),
                            ("enrolled", "Enrolled in a course"),
                            ("reminder", "Deadline reminder"),
                            ("completed", "Course completed"),
                            ("session", "Session invitation"),
                        ],
                        max_length=20,
                        verbose_name="event",
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        max_length=200, validators=[users.models.one_line.on_one_line], verbose_name="subject"
                    ),
                ),
                ("body", models.TextField(verbose_name="text")),
                ("html_body", models.TextField(blank=True, default="", verbose_name="HTML text")),
                ("signature", models.TextField(blank=True, default="", verbose_name="signature")),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="email_templates",
                        to="users.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "email template",
                "verbose_name_plural": "email templates",
                "ordering": ("account", "event"),
                "constraints": [models.UniqueConstraint(fields=("account", "event"), name="messaging_template_once")],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("completed", "Purge completed"),
                            ("residue", "Personal data found after a purge"),
                            ("needs_attention", "A purge needs attention"),
                            ("held", "A purge waits for release"),
                            ("overdue", "A purge is overdue"),
                            ("half_time", "Half the time of a purge is over"),
                            ("ims_notice", "Notice from the identity provider"),
                            ("follow_ups", "Purge follow-up"),
                            ("paused", "Purging is paused"),
                            ("domain", "Proved domain"),
                            ("learning", "Learning"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("reference", models.CharField(blank=True, default="", max_length=16, verbose_name="request ID")),
                ("request_id", models.BigIntegerField(editable=False, null=True)),
                ("occurrence", models.PositiveIntegerField(default=1, editable=False)),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                ("text", models.TextField(verbose_name="text")),
                ("link", models.CharField(blank=True, default="", max_length=500, verbose_name="link")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="date"),
                ),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="read")),
                ("mail_due_at", models.DateTimeField(editable=False, null=True)),
                ("mail_attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("sent_at", models.DateTimeField(editable=False, null=True, verbose_name="mail sent")),
                (
                    "about",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notifications_about",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="about",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notifications",
                        to="users.account",
                        verbose_name="account it is about",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="recipient",
                    ),
                ),
            ],
            options={
                "verbose_name": "notification",
                "verbose_name_plural": "notifications",
                "ordering": ("-created_at", "-id"),
                "indexes": [
                    models.Index(fields=["recipient", "-created_at"], name="messaging_notification_list"),
                    models.Index(
                        condition=models.Q(("mail_due_at__isnull", False), ("sent_at__isnull", True)),
                        fields=["mail_due_at"],
                        name="messaging_notification_due",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("request_id", "recipient", "kind", "occurrence"),
                        name="messaging_one_notification_per_news",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("recipient", None)),
                        fields=("request_id", "kind", "occurrence"),
                        name="messaging_one_mail_to_operators",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedReportShare",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shares",
                        to="messaging.savedreport",
                        verbose_name="saved report",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shared_reports",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="shared with",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved-report share",
                "verbose_name_plural": "saved-report shares",
                "constraints": [models.UniqueConstraint(fields=("report", "user"), name="messaging_share_once")],
            },
        ),
    ]
