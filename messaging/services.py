"""What is written to people, and sent."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.utils import formataddr, parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from messaging.letters import letter
from messaging.models import (
    Announcement,
    AnnouncementState,
    MailKind,
    MailLog,
    Notification,
    NotificationKind,
    SavedReport,
    SavedReportShare,
    TemplateEvent,
)
from messaging.selectors import notifications_to_mail, template_for
from messaging.wording import consequences_of, domain_news, news
from purge.addresses import routed
from purge.installation.identity import is_copy
from purge.journal.site_fence import lets_in, site_is_fenced
from purge.references import named_in_logs
from purge.worker.queue import enqueue
from users.models import Account, AccountKind, ProvedDomain, Role, User, UserState, YearsEnd, in_language_of
from users.proofs.services import is_confirmed_sender
from users.services import ServiceError, refuse_frozen
from users.wall import within_account

logger = logging.getLogger(__name__)

#: A mail that was put into the queue is tried again by the schedule if it has not gone out after this long.
FIRST_RETRY = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)
#: A mailbox that refuses this often is given up; the notification in the admin stays.
MOST_ATTEMPTS = 12

#: Strangers can be added as users of a trial and written to, with the platform's name on it.
TRIAL_WELCOMES_A_DAY = 50

MAIL_KINDS: Mapping[str, str] = {
    TemplateEvent.WELCOME: MailKind.WELCOME,
    TemplateEvent.REMINDER: MailKind.REMINDER,
}

# ---------------------------------------------------------------- notifications


def notification_create(
    *,
    account_id: int | None,
    recipient_id: int | None,
    kind: str,
    reference: str,
    request_id: int,
    facts: Mapping[str, Any],
    occurrence: int = 1,
) -> bool:
    """Tell one person one piece of news of a purge: a row in the admin, and a mail by task. No recipient: a mail to the
    operators' address alone.

    Once per request, recipient, kind and occurrence, however often and from however many workers it is called: the
    database's unique constraint decides. False: it was told before, or the recipient is no active user any more.
    """
    recipient = User.objects.filter(pk=recipient_id, state=UserState.ACTIVE).only("locale").first()
    if recipient_id is not None and recipient is None:
        return False
    with in_language_of(recipient):
        message = news(kind, reference=reference, facts=facts)
    with transaction.atomic():
        notification, created = Notification.objects.get_or_create(
            request_id=request_id,
            recipient_id=recipient_id,
            kind=kind,
            occurrence=occurrence,
            defaults={
                "account_id": account_id,
                "reference": reference,
                "title": message.title,
                "text": message.text,
                "link": news_link(kind, reference=reference, request_id=request_id, facts=facts),
                "mail_due_at": timezone.now() + FIRST_RETRY,
            },
        )
        if created:
            enqueue("messaging.tasks.send_notification", notification.pk)
    return created


def domain_news_create(*, row: ProvedDomain, stage: YearsEnd) -> int:
    """Tell the administrators of an account, and support, that the year of a domain of theirs ends: in the admin, and
    by mail. How many. Who calls, in whose transaction it is done, sees to it that each is told once."""
    people = User.objects.filter(state=UserState.ACTIVE)
    administrators = people.filter(account_id=row.account_id, given_roles__role=Role.ADMINISTRATOR)
    support = people.filter(is_support=True, is_superuser=False)
    helpers = support if support.exists() else people.filter(is_superuser=True)
    pages = [
        *((person, _path("admin:users_proveddomain_changelist")) for person in administrators.only("locale")),
        *((person, "") for person in helpers.only("locale")),
    ]
    for recipient, link in pages:
        with in_language_of(recipient):
            said = domain_news(row, stage)
        notification = Notification.objects.create(
            account_id=row.account_id,
            recipient_id=recipient.pk,
            kind=NotificationKind.DOMAIN,
            title=said.title[:200],
            text=said.text,
            link=link,
            mail_due_at=timezone.now() + FIRST_RETRY,
        )
        enqueue("messaging.tasks.send_notification", notification.pk)
    return len(pages)


def news_link(kind: str, *, reference: str, request_id: int, facts: Mapping[str, Any]) -> str:
    """The page of the admin where the recipient goes on; empty where the page is not installed."""
    if kind == NotificationKind.PAUSED:
        return _path("admin:index")
    if kind == NotificationKind.FOLLOW_UPS and reference:
        request = _path("admin:purge_purgerequest_change", request_id)
        return f"{request}#left-to-do" if request else ""
    if kind == NotificationKind.FOLLOW_UPS:
        pages = [consequence.page for consequence in consequences_of(facts)]
        return next((_path(page) for page in pages if page), "")
    notice = kind in (NotificationKind.HALF_TIME, NotificationKind.OVERDUE) and not reference
    if notice or kind == NotificationKind.IMS_NOTICE:
        return _path("admin:purge_imsnotice_changelist")
    return _path("admin:purge_purgerequest_change", request_id) if reference else ""


def _path(name: str, *args: int) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def notification_mark_read(*, acting_user: User, notification: Notification) -> None:
    """Somebody has read one of their own notifications. Refuses another person's."""
    if notification.recipient_id != acting_user.pk:
        raise ServiceError(_("This notification belongs to somebody else."))
    Notification.objects.filter(pk=notification.pk, read_at=None).update(read_at=timezone.now())


def notifications_mark_all_read(*, acting_user: User) -> int:
    """All of somebody's own notifications are read. The number that were not before."""
    return Notification.objects.filter(recipient=acting_user, read_at=None).update(read_at=timezone.now())


# ---------------------------------------------------------------- mail


def mail_send(notification_id: int) -> bool:
    """Send the mail of a notification, at least once, always with the same Message-ID.

    The mail goes out before the row says so: a worker that dies between the two sends it again, and the reader's mail
    program shows it once. False: nothing to send, or it failed and waits for its next attempt.
    """
    notification = Notification.objects.unsent().select_related("recipient__account").filter(pk=notification_id).first()
    if notification is None:
        return False
    recipient = notification.recipient
    nobody = recipient is None and not settings.OPERATORS_EMAIL
    if nobody or (recipient and recipient.state != UserState.ACTIVE) or is_copy():
        Notification.objects.filter(pk=notification_id).update(mail_due_at=None)
        return False
    if recipient is not None and not lets_in(recipient):
        # A restored backup has closed the site: it goes when that is over.
        Notification.objects.filter(pk=notification_id).update(mail_due_at=timezone.now() + FIRST_RETRY)
        return False
    body = "\n\n".join(part for part in (notification.text, _absolute(notification.link)) if part)
    message_id = notification_message_id(notification)
    with named_in_logs(notification.reference):
        went = _deliver(recipient, notification.title, body, message_id=message_id)
    if not went:
        _try_later(notification)
        return False
    with transaction.atomic():
        sent = Notification.objects.filter(pk=notification_id, sent_at=None).update(sent_at=timezone.now())
        if sent and recipient is not None:
            _log_mail(
                recipient,
                kind=MailKind.NOTIFICATION,
                subject=notification.title,
                body=body,
                message_id=message_id,
                about_id=notification.about_id,
            )
    return True


def mails_due_send(*, limit: int = 200) -> int:
    """Send what the queue has not sent in time. The number of mails that went."""
    return sum(mail_send(pk) for pk in notifications_to_mail(timezone.now(), limit=limit))


def letter_send(*, user_id: int, event: str, copy_manager: bool = False) -> bool:
    """Send one person a mail in their account's words, and log it as about them.

    ``copy_manager``: their active manager gets a copy. False: they are no active user, or the mail could not be sent.
    """
    user = User.objects.select_related("account", "manager").filter(pk=user_id, state=UserState.ACTIVE).first()
    if user is None or is_copy():
        return False
    with within_account(user.account_id, user), in_language_of(user):
        return _letter_send(user, event, copy_manager=copy_manager)


def _letter_send(user: User, event: str, *, copy_manager: bool) -> bool:
    if event == TemplateEvent.WELCOME and has_used_up_welcomes(user.account):
        logger.warning("mail_failed recipient=%s error=TrialQuota", user.pk)
        return False
    message = letter(
        template_for(user.account_id, event),
        event,
        name=user.name,
        account=user.account.name,
        link=settings.LMS_BASE_URL,
    )
    manager = user.manager
    copy = manager.email if copy_manager and manager and manager.state == UserState.ACTIVE else ""
    if not _deliver(user, message.subject, message.text, html=message.html, copy=copy):
        return False
    _log_mail(
        user,
        kind=MAIL_KINDS.get(event, MailKind.REMINDER),
        subject=message.subject,
        body=message.text,
        about_id=user.pk,
        copy=copy,
    )
    return True


def mail_as_platform(people: Sequence[User], subject: str, body: str, *, kind: str, at_address: str = "") -> bool:
    """One mail about signing in, to the mailbox that these users share, under the platform's own address. Whether it
    went.

    ``at_address``: an address that they had before, where it goes instead. Each account's log of mails has a line,
    without the text: it may hold what signs somebody in.
    """
    if not people or is_copy() or not _deliver(people[0], subject, body, as_platform=True, at_address=at_address):
        return False
    for person in people:
        _log_mail(person, kind=kind, subject=subject, body="", about_id=person.pk, at_address=at_address)
    return True


def mail_to_address(account: Account, address: str, subject: str, body: str, *, kind: str) -> bool:
    """A mail to an address that need not be a user's, under the platform's own address. Whether it went.

    The account's log of mails has a line, without the text: it may hold a link that is good once.
    """
    if is_copy() or not _deliver(None, subject, body, at_address=address):
        return False
    MailLog.objects.create(account=account, kind=kind, recipient_email=address, subject=subject)
    return True


def welcome_mail_request(*, acting_user: User, user: User) -> None:
    """Have the welcome mail sent. Refuses people who are deleted or being purged, and a trial beyond its fifty."""
    _refuse_unless_active(user)
    if has_used_up_welcomes(user.account):
        raise ServiceError(
            _("A trial account sends at most %(most)d welcome emails a day. Send the others tomorrow.")
            % {"most": TRIAL_WELCOMES_A_DAY}
        )
    enqueue("messaging.tasks.send_welcome", user.pk)


def has_used_up_welcomes(account: Account) -> bool:
    """Whether a trial account, which anybody can open, has sent as many welcome mails as it may in a day."""
    if account.kind != AccountKind.TRIAL:
        return False
    since = timezone.now() - timedelta(days=1)
    sent = MailLog.objects.filter(account=account, kind=MailKind.WELCOME, sent_at__gt=since)
    return sent.count() >= TRIAL_WELCOMES_A_DAY


def notification_message_id(notification: Notification) -> str:
    """The same for every attempt, made of numbers and the site's host name."""
    host = urlsplit(settings.LMS_BASE_URL).hostname or "localhost"
    if notification.request_id is None:
        return f"<notification-{notification.pk}@{host}>"
    parts = [notification.request_id, notification.kind, notification.recipient_id or "operators"]
    if notification.occurrence > 1:
        parts.append(notification.occurrence)
    return f"<purge-{'.'.join(map(str, parts))}@{host}>"


def _deliver(
    recipient: User | None,
    subject: str,
    body: str,
    *,
    html: str = "",
    copy: str = "",
    message_id: str = "",
    as_platform: bool = False,
    at_address: str = "",
) -> bool:
    """Hand a mail to the server; without a recipient it is for ``at_address``, or the operators' address.

    It goes to that very domain (:func:`purge.addresses.routed`), or nowhere. A refusal is logged by its class alone:
    its text repeats the address.
    """
    if not _may_be_written_to(recipient, at_address):
        logger.warning("mail_failed recipient=%s error=SiteIsPaused", recipient.pk if recipient else "an address")
        return False
    account: Account | None = recipient.account if recipient and not as_platform else None
    sender = routed(account.sender_email) if account else ""
    ours = _platform_as(account.sender_name if account else "")
    own = account is not None and bool(sender) and is_confirmed_sender(account)
    who = recipient.pk if recipient else "an address" if at_address else "operators"
    to, copy = routed(at_address or (recipient.email if recipient else settings.OPERATORS_EMAIL)), routed(copy)
    if not to:
        logger.warning("mail_failed recipient=%s error=NoDomain", who)
        return False
    message = EmailMultiAlternatives(
        _on_one_line(subject),
        body,
        # Whose mail it is on its way, and where it comes back to, is the platform in any case.
        from_email=ours,
        reply_to=[sender] if sender and not own else [],
        to=[to],
        cc=[copy] if copy else [],
        headers={"Auto-Submitted": "auto-generated", **({"Message-ID": message_id} if message_id else {})},
    )
    if account is not None and own:
        # Somebody who reads that mailbox, or keeps its domain, has agreed.
        message.extra_headers["From"] = formataddr((_on_one_line(account.sender_name), sender))
        message.extra_headers["Sender"] = parseaddr(ours)[1]
    if html:
        message.attach_alternative(html, "text/html")
    try:
        message.send()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # ValueError: an address or sender name that makes no header. It will not get better, but neither may it raise.
        logger.warning("mail_failed recipient=%s error=%s", who, type(error).__name__)
        return False
    return True


def _may_be_written_to(recipient: User | None, at_address: str) -> bool:
    """While a restored backup has closed the site, operators are written to and nobody else."""
    if recipient is None:
        return not at_address or not site_is_fenced()
    return lets_in(recipient)


def _platform_as(name: str) -> str:
    """The platform's address, under an account's name for itself where it has one."""
    ours, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return formataddr((_on_one_line(name) or ours, address))


def _on_one_line(text: str) -> str:
    """What can stand in a header: a line break would make a mail that cannot be sent."""
    return " ".join(text.split())


def _try_later(notification: Notification) -> None:
    attempts = notification.mail_attempts + 1
    wait = min(timedelta(minutes=2**attempts), LONGEST_WAIT)
    Notification.objects.filter(pk=notification.pk, sent_at=None).update(
        mail_attempts=F("mail_attempts") + 1,
        mail_due_at=None if attempts >= MOST_ATTEMPTS else timezone.now() + wait,
    )


def _log_mail(
    recipient: User,
    *,
    kind: str,
    subject: str,
    body: str,
    about_id: int | None,
    message_id: str = "",
    copy: str = "",
    at_address: str = "",
) -> None:
    MailLog.objects.create(
        account_id=recipient.account_id,
        kind=kind,
        recipient=recipient,
        recipient_email=at_address or recipient.email,
        manager_email=copy,
        subject=subject,
        body=body,
        message_id=message_id,
        about_id=about_id,
    )


def _absolute(path: str) -> str:
    return settings.LMS_BASE_URL.rstrip("/") + path if path else ""


# ---------------------------------------------------------------- announcements and reports


def announcement_publish(*, acting_user: User, announcement: Announcement) -> None:
    """Learners see it from now on. Its author is who wrote it, or else who publishes it."""
    _refuse_unless_active(acting_user)
    with transaction.atomic():
        row = Announcement.objects.select_for_update().get(pk=announcement.pk)
        if row.state == AnnouncementState.PUBLISHED:
            raise ServiceError(_("This announcement is published already."))
        row.state = AnnouncementState.PUBLISHED
        row.author_id = row.author_id or acting_user.pk
        row.save(update_fields=("state", "author"))


def announcement_retire(*, acting_user: User, announcement: Announcement) -> None:
    """Learners do not see it any more."""
    changed = Announcement.objects.filter(pk=announcement.pk, state=AnnouncementState.PUBLISHED).update(
        state=AnnouncementState.RETIRED
    )
    if not changed:
        raise ServiceError(_("Only a published announcement can be retired."))


def saved_report_share(*, acting_user: User, report: SavedReport, users: Sequence[User]) -> int:
    """Let active users of the report's account see it too. The number who could not before."""
    for user in users:
        _refuse_unless_active(user)
        if user.account_id != report.account_id:
            raise ServiceError(_("A report can only be shared with users of its account."))
    before = SavedReportShare.objects.filter(report=report).count()
    SavedReportShare.objects.bulk_create(
        [SavedReportShare(report=report, user=user) for user in users], ignore_conflicts=True
    )
    return SavedReportShare.objects.filter(report=report).count() - before


def _refuse_unless_active(user: User) -> None:
    """Asked of the database: the object in hand may be older than a purge."""
    current = User.objects.filter(pk=user.pk).first()
    if current is None:
        raise ServiceError(_("User %(id)s does not exist any more.") % {"id": user.pk}, code="gone")
    refuse_frozen(current)
    if current.state != UserState.ACTIVE:
        raise ServiceError(_("User %(id)s is deleted: restore the user first.") % {"id": user.pk}, code="deleted")
