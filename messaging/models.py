"""What the platform and its people send: templates, announcements, mails, notifications, reports, downloads."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from purge.fields import SafeJSONField
from users.models.one_line import on_one_line
from users.wall import OfAccount, WalledQuerySet


class TemplateEvent(models.TextChoices):
    WELCOME = "welcome", _("Welcome")
    ENROLLED = "enrolled", _("Enrolled in a course")
    REMINDER = "reminder", _("Deadline reminder")
    COMPLETED = "completed", _("Course completed")
    SESSION = "session", _("Session invitation")


class EmailTemplate(OfAccount):
    """An account's own words for one kind of mail.

    In subject and texts ``{name}``, ``{account}`` and ``{link}`` stand for the receiver, the account and its address.
    """

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="email_templates", verbose_name=_("account")
    )
    event = models.CharField(_("event"), max_length=20, choices=TemplateEvent.choices)
    subject = models.CharField(_("subject"), max_length=200, validators=[on_one_line])
    body = models.TextField(_("text"))
    html_body = models.TextField(_("HTML text"), blank=True, default="")
    signature = models.TextField(_("signature"), blank=True, default="")
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("email template")
        verbose_name_plural = _("email templates")
        ordering = ("account", "event")
        constraints = (models.UniqueConstraint(fields=("account", "event"), name="messaging_template_once"),)

    def __str__(self) -> str:
        return f"{self.get_event_display()}"


class AnnouncementState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    RETIRED = "retired", _("Retired")


class Announcement(OfAccount):
    """Something an account tells its learners. A missing author is shown as "Former author"."""

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="announcements", verbose_name=_("account")
    )
    author = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="announcements", verbose_name=_("author")
    )
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(_("text"))
    state = models.CharField(
        _("state"), max_length=20, choices=AnnouncementState.choices, default=AnnouncementState.DRAFT
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.title


class MailKind(models.TextChoices):
    WELCOME = "welcome", _("Welcome")
    NOTIFICATION = "notification", _("Notification")
    REMINDER = "reminder", _("Reminder")
    ANNOUNCEMENT = "announcement", _("Announcement")
    REPORT = "report", _("Report")
    SIGN_IN = "sign_in", _("Sign-in")
    PROOF = "proof", _("Proof of an address")


class MailLog(OfAccount):
    """A mail that went out. ``recipient`` is whose mail it is, ``about`` the person it speaks of."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="mails", verbose_name=_("account"))
    kind = models.CharField(_("kind"), max_length=20, choices=MailKind.choices)
    recipient = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="received_mails", verbose_name=_("recipient")
    )
    recipient_email = models.EmailField(_("sent to"), max_length=320, blank=True, default="")
    manager_email = models.EmailField(_("copy to manager"), max_length=320, blank=True, default="")
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    body = models.TextField(_("text"), blank=True, default="")
    message_id = models.CharField(_("Message-ID"), max_length=250, blank=True, default="")
    about = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="mails_about", verbose_name=_("about")
    )
    sent_at = models.DateTimeField(_("sent"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("sent mail")
        verbose_name_plural = _("sent mails")
        ordering = ("-sent_at", "-id")

    def __str__(self) -> str:
        return f"mail {self.pk}"


class NotificationKind(models.TextChoices):
    COMPLETED = "completed", _("Purge completed")
    RESIDUE = "residue", _("Personal data found after a purge")
    NEEDS_ATTENTION = "needs_attention", _("A purge needs attention")
    HELD = "held", _("A purge waits for release")
    OVERDUE = "overdue", _("A purge is overdue")
    HALF_TIME = "half_time", _("Purge deadline approaching")
    IMS_NOTICE = "ims_notice", _("Notice from the identity provider")
    FOLLOW_UPS = "follow_ups", _("Purge follow-up")
    PAUSED = "paused", _("Purging is paused")
    DOMAIN = "domain", _("Proved domain")
    LEARNING = "learning", _("Learning")


class NotificationQuerySet(WalledQuerySet["Notification"]):
    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at__isnull=True)

    def unsent(self) -> NotificationQuerySet:
        """Whose mail still has to go out."""
        return self.filter(mail_due_at__isnull=False, sent_at__isnull=True)


class Notification(OfAccount):
    """One message to one person, in the admin and by mail; without a recipient, a mail to the operators' address.

    ``request_id`` is the purge request it speaks of, without a foreign key. ``occurrence``: how often the request has
    come into the state that is told; each recipient is told each kind of news once for each, which the database
    enforces. ``mail_due_at``: when the mail may be tried (again); null where none goes.
    """

    recipient = models.ForeignKey(
        "users.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="notifications",
        verbose_name=_("recipient"),
    )
    account = models.ForeignKey(
        "users.Account",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="notifications",
        verbose_name=_("account it is about"),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=NotificationKind.choices)
    reference = models.CharField(_("request ID"), max_length=16, blank=True, default="")
    request_id = models.BigIntegerField(null=True, editable=False)
    occurrence = models.PositiveIntegerField(default=1, editable=False)
    about = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="notifications_about", verbose_name=_("about")
    )
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"))
    link = models.CharField(_("link"), max_length=500, blank=True, default="")
    created_at = models.DateTimeField(_("date"), default=timezone.now, editable=False)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    mail_due_at = models.DateTimeField(null=True, editable=False)
    mail_attempts = models.PositiveIntegerField(default=0, editable=False)
    sent_at = models.DateTimeField(_("mail sent"), null=True, editable=False)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("request_id", "recipient", "kind", "occurrence"), name="messaging_one_notification_per_news"
            ),
            # No two empty recipients are the same to a unique constraint.
            models.UniqueConstraint(
                fields=("request_id", "kind", "occurrence"),
                condition=Q(recipient=None),
                name="messaging_one_mail_to_operators",
            ),
        )
        indexes = (
            models.Index(fields=("recipient", "-created_at"), name="messaging_notification_list"),
            models.Index(
                fields=("mail_due_at",),
                name="messaging_notification_due",
                condition=Q(mail_due_at__isnull=False, sent_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"notification {self.pk}"


class ReportKind(models.TextChoices):
    TRANSCRIPT = "transcript", _("Learner transcript")
    COMPLETION = "completion", _("Course completion")
    FEEDBACK = "feedback", _("Feedback")
    LOGIN = "login", _("Sign-ins")


class ReportFrequency(models.TextChoices):
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    MONTHLY = "monthly", _("Monthly")


class ReportSubscription(OfAccount):
    """A report by mail, to its owner or to the address they gave instead."""

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="report_subscriptions", verbose_name=_("account")
    )
    owner = models.ForeignKey(
        "users.User", models.PROTECT, related_name="report_subscriptions", verbose_name=_("owner")
    )
    report = models.CharField(_("report"), max_length=20, choices=ReportKind.choices)
    frequency = models.CharField(
        _("frequency"), max_length=20, choices=ReportFrequency.choices, default=ReportFrequency.WEEKLY
    )
    alternate_email = models.EmailField(
        _("alternate email"),
        max_length=320,
        blank=True,
        default="",
        help_text=_("Empty: the owner's own address."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("report subscription")
        verbose_name_plural = _("report subscriptions")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.get_report_display()}, {self.get_frequency_display()}"


class SavedReport(OfAccount):
    """A report with its filters, kept under a name. ``owner`` is null when they went and others still share it."""

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="saved_reports", verbose_name=_("account")
    )
    owner = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="saved_reports", verbose_name=_("owner")
    )
    name = models.CharField(_("name"), max_length=200)
    report = models.CharField(_("report"), max_length=20, choices=ReportKind.choices)
    filters = SafeJSONField(_("filters"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("saved report")
        verbose_name_plural = _("saved reports")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class SavedReportShare(OfAccount):
    """Somebody with whom a saved report is shared."""

    report = models.ForeignKey(SavedReport, models.CASCADE, related_name="shares", verbose_name=_("saved report"))
    user = models.ForeignKey("users.User", models.PROTECT, related_name="shared_reports", verbose_name=_("shared with"))

    class Meta:
        verbose_name = _("saved-report share")
        verbose_name_plural = _("saved-report shares")
        constraints = (models.UniqueConstraint(fields=("report", "user"), name="messaging_share_once"),)

    def __str__(self) -> str:
        return f"report {self.report_id}, user {self.user_id}"


def download_path(row: TranscriptDownload, file_name: str) -> str:
    """An opaque name under the public id of who made the download."""
    suffix = PurePosixPath(file_name).suffix[:10].lower()
    return f"people/{row.generated_by.public_id}/{uuid.uuid4().hex}{suffix}"


class TranscriptDownload(OfAccount):
    """Transcripts of the learners whose addresses somebody pasted, as one file."""

    account = models.ForeignKey(
        "users.Account", models.PROTECT, related_name="transcript_downloads", verbose_name=_("account")
    )
    generated_by = models.ForeignKey(
        "users.User", models.PROTECT, related_name="transcript_downloads", verbose_name=_("generated by")
    )
    pasted_addresses = models.TextField(_("addresses"), blank=True, default="", help_text=_("One on each line."))
    file = models.FileField(_("file"), upload_to=download_path, max_length=255, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("transcript download")
        verbose_name_plural = _("transcript downloads")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"transcript download {self.pk}"
