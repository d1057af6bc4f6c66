"""What a purge does to templates, announcements, mails, notifications, reports and downloads."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from purge.rules import (
    Blank,
    Delete,
    EraseFile,
    Evidence,
    ExemptTable,
    GoesAfter,
    HandOver,
    Keep,
    ModelRules,
    Redact,
    TakeOut,
    Unassign,
    Withdraw,
)

RULES = [
    ModelRules(
        model="messaging.EmailTemplate",
        noun=_("email templates"),
        account="account",
        columns={"subject": Redact(), "body": Redact(), "html_body": Redact(), "signature": Redact()},
    ),
    ModelRules(
        model="messaging.Announcement",
        noun=_("announcements"),
        account="account",
        columns={"author": HandOver(), "title": Redact(), "body": Redact()},
    ),
    ModelRules(
        model="messaging.MailLog",
        noun=_("sent mails"),
        account="account",
        columns={
            "about": Delete(),
            "recipient": Delete(),
            "recipient_email": Blank(),
            "manager_email": Blank(),
            "subject": Redact(),
            "body": Redact(),
            "message_id": Keep(
                _("made here, of numbers alone"),
                closed="written by code alone, of numbers and the site's name",
            ),
        },
    ),
    ModelRules(
        model="messaging.Notification",
        noun=_("notifications"),
        account="recipient__account",
        columns={
            "recipient": Delete(),
            "about": Delete(),
            "reference": Keep(
                _("the ID of a purge request, which says nothing about whom it purged"),
                closed="written by code alone: the ID of a purge request",
            ),
            "title": Redact(),
            "text": Redact(),
            "link": Redact(),
        },
    ),
    ModelRules(
        model="messaging.ReportSubscription",
        noun=_("report subscriptions"),
        account="account",
        columns={"owner": Delete(), "alternate_email": Blank()},
    ),
    ModelRules(
        model="messaging.SavedReport",
        noun=_("saved reports"),
        account="account",
        columns={
            # A report that others share is theirs too; one that nobody else sees goes with its owner.
            "owner": Withdraw(referenced_by=("messaging.SavedReportShare.report",)),
            "name": Redact(),
            "filters": Redact(),
        },
    ),
    ModelRules(
        model="messaging.SavedReportShare",
        noun=_("shares of saved reports"),
        account="report__account",
        columns={
            "user": Unassign(),
            "report": Keep(_("a report that is shared loses its owner and stays")),
        },
    ),
    ModelRules(
        model="messaging.TranscriptDownload",
        noun=_("transcript downloads"),
        account="account",
        columns={
            "generated_by": Delete(),
            "pasted_addresses": TakeOut(),
            "file": EraseFile(mentions=True, goes_unopened=True),
        },
    ),
]

PERIODS = [
    GoesAfter(Evidence.MAILS, "messaging.MailLog", "sent_at"),
    GoesAfter(Evidence.EXPORTS, "messaging.TranscriptDownload", "created_at", files=("file",), account="account"),
]

EXEMPT: list[ExemptTable] = []
