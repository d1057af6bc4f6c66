"""Mails through a real server."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from messaging import services, tasks
from messaging.models import MailKind, MailLog, Notification, NotificationKind, TemplateEvent
from tests.factories.messaging import EmailTemplateFactory, NotificationFactory
from tests.factories.users import AdministratorFactory, UserFactory
from users.models import UserState
from users.services import ServiceError, UserFrozen

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(settings):
    """A notification whose mail is due."""
    settings.LMS_BASE_URL = "https://lms.acme.example"
    return NotificationFactory(
        kind=NotificationKind.COMPLETED,
        request_id=7,
        title="Purge PUR-7Q4M-2KX9-H is completed",
        text="2 people were purged.",
        link="/admin/purge/purgerequest/7/change/",
        mail_due_at=timezone.now(),
    )


def test_a_notification_arrives_as_mail(smtp, waiting):
    assert tasks.send_notification(waiting.pk) is True
    [mail] = smtp.mails
    assert mail["Subject"] == waiting.title
    assert mail.recipients == [waiting.recipient.email]
    assert mail["Message-ID"] == f"<purge-7.completed.{waiting.recipient_id}@lms.acme.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "2 people were purged." in mail.get_content()
    assert "https://lms.acme.example/admin/purge/purgerequest/7/change/" in mail.get_content()
    waiting.refresh_from_db()
    assert waiting.sent_at is not None


def test_a_task_delivered_twice_sends_and_logs_once(smtp, waiting):
    assert [tasks.send_notification(waiting.pk) for _time in range(2)] == [True, False]
    assert len(smtp.mails) == 1
    log = MailLog.objects.get()
    assert (log.recipient, log.kind, log.about) == (waiting.recipient, MailKind.NOTIFICATION, None)
    assert log.message_id == services.notification_message_id(waiting)


def test_a_mail_sent_again_after_a_crash_has_the_same_message_id(smtp, waiting):
    tasks.send_notification(waiting.pk)
    # The worker died between the server's answer and its own commit.
    Notification.objects.update(sent_at=None)
    tasks.send_notification(waiting.pk)
    assert len({mail["Message-ID"] for mail in smtp.mails}) == 1


def test_the_log_of_a_mail_about_somebody_refers_to_him(smtp, waiting):
    subject = UserFactory(account=waiting.recipient.account)
    Notification.objects.update(about=subject)
    tasks.send_notification(waiting.pk)
    assert MailLog.objects.get().about == subject


def test_a_refused_mail_waits_and_is_tried_again(smtp, waiting, caplog):
    smtp.refused.add(waiting.recipient.email)
    assert tasks.send_notification(waiting.pk) is False
    waiting.refresh_from_db()
    assert waiting.sent_at is None
    assert waiting.mail_attempts == 1
    assert waiting.mail_due_at > timezone.now()
    ours = [record.getMessage() for record in caplog.records if record.name == "messaging.services"]
    assert ours == [f"mail_failed recipient={waiting.recipient_id} error=SMTPRecipientsRefused"]
    assert not MailLog.objects.exists()
    smtp.refused.clear()
    assert tasks.send_due() == 0, "it is not due yet"
    Notification.objects.update(mail_due_at=timezone.now() - timedelta(seconds=1))
    assert tasks.send_due() == 1
    assert len(smtp.mails) == 1


def test_a_mailbox_that_always_refuses_is_given_up(smtp, waiting):
    smtp.refused.add(waiting.recipient.email)
    Notification.objects.update(mail_attempts=services.MOST_ATTEMPTS - 1)
    tasks.send_notification(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.mail_due_at is None
    assert tasks.send_due() == 0


def test_a_server_that_is_down_raises_nothing(settings, waiting):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert tasks.send_notification(waiting.pk) is False


def test_who_was_deleted_meanwhile_gets_no_mail(smtp, waiting, put_in_state):
    put_in_state(waiting.recipient, UserState.DELETED)
    assert tasks.send_notification(waiting.pk) is False
    assert tasks.send_due() == 0
    assert smtp.mails == []


def test_the_welcome_mail_speaks_the_accounts_words(smtp):
    user = UserFactory(name="Ümit <Demir>")
    account = user.account
    type(account).objects.filter(pk=account.pk).update(sender_name="Acme, Training", sender_email="train@acme.example")
    EmailTemplateFactory(
        account=account,
        event=TemplateEvent.WELCOME,
        subject="Welcome,\n {name}",
        body="Hello {name}, {this} is {account}.",
        html_body="<p>Hello {name}</p>",
        signature="The team",
    )
    assert tasks.send_welcome(user.pk) is True
    [mail] = smtp.mails
    assert mail["Subject"] == "Welcome, Ümit <Demir>"
    assert mail["From"].addresses[0].display_name == "Acme, Training"
    assert mail["From"].addresses[0].addr_spec == "lms@localhost"
    assert mail["Reply-To"].addresses[0].addr_spec == "train@acme.example"
    text, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert text.strip() == f"Hello Ümit <Demir>, {{this}} is {account.name}.\n\nThe team"
    assert "Hello Ümit &lt;Demir&gt;" in html
    log = MailLog.objects.get()
    assert (log.about, log.recipient, log.kind) == (user, user, MailKind.WELCOME)


def test_nobody_writes_as_somebody_else_and_one_mail_stops_no_other(smtp, client):
    """A sender that the account has typed is where answers go; what cannot stand in a header is refused."""
    creator = AdministratorFactory(account__kind="trial")
    account, people = creator.account, [creator, *UserFactory.create_batch(2, account=creator.account)]
    page = reverse("admin:users_account_change", args=[account.pk])
    form = {"name": "Trial", "time_zone": "UTC", "sender_email": "security@bank.example", "footer_links": "[]"}
    client.force_login(creator)
    refused = client.post(page, {**form, "sender_name": "Bank\nBcc: a@x.example"})
    assert refused.status_code == 200
    assert "on one line" in refused.content.decode()
    assert client.post(page, {**form, "sender_name": "Bank"}).status_code == 302
    # As an earlier version took it.
    type(account).objects.filter(pk=account.pk).update(sender_name="Bank\nBcc: a@x.example")
    other = UserFactory()
    assert [tasks.send_welcome(user.pk) for user in (*people, other)] == [True] * 4
    for mail in smtp.mails[:3]:
        assert mail["From"].addresses[0].addr_spec == "lms@localhost"
        assert mail["From"].addresses[0].display_name == "Bank Bcc: a@x.example"
        assert mail["Reply-To"].addresses[0].addr_spec == "security@bank.example"
        assert len(mail.recipients) == 1
    assert smtp.mails[3]["Reply-To"] is None


def test_a_trial_sends_fifty_welcomes_a_day_and_others_as_many_as_they_like(smtp):
    creator = UserFactory(account__kind="trial")
    person = UserFactory(account=creator.account)
    day = timezone.now() - timedelta(hours=23)

    def sent_before(account, number):
        MailLog.objects.bulk_create(
            MailLog(account=account, kind=MailKind.WELCOME, sent_at=day) for _mail in range(number)
        )

    sent_before(creator.account, 49)
    services.welcome_mail_request(acting_user=creator, user=person)
    assert tasks.send_welcome(person.pk) is True
    with pytest.raises(ServiceError, match="at most 50 welcome emails a day"):
        services.welcome_mail_request(acting_user=creator, user=person)
    # Nor by what waited in the queue.
    assert tasks.send_welcome(person.pk) is False
    assert len(smtp.mails) == 1
    MailLog.objects.filter(sent_at=day).update(sent_at=day - timedelta(hours=2))
    assert tasks.send_welcome(person.pk) is True
    customer = UserFactory()
    sent_before(customer.account, 60)
    services.welcome_mail_request(acting_user=customer, user=customer)
    assert tasks.send_welcome(customer.pk) is True


def test_without_a_template_the_products_words_are_sent(smtp):
    user = UserFactory(name="Ada")
    assert tasks.send_welcome(user.pk) is True
    assert smtp.mails[0]["Subject"] == f"Welcome to {user.account.name}"


def test_a_managers_copy_is_sent_and_logged(smtp):
    manager = UserFactory()
    user = UserFactory(account=manager.account, manager=manager)
    services.letter_send(user_id=user.pk, event=TemplateEvent.REMINDER, copy_manager=True)
    assert smtp.mails[0].recipients == [user.email, manager.email]
    log = MailLog.objects.get()
    assert (log.manager_email, log.about) == (manager.email, user)


def test_welcome_is_only_for_active_people(smtp, queued, put_in_state):
    admin = UserFactory()
    user = UserFactory(account=admin.account)
    services.welcome_mail_request(acting_user=admin, user=user)
    assert queued() == [("messaging.tasks.send_welcome", user.pk)]
    put_in_state(user, UserState.PURGING)
    assert tasks.send_welcome(user.pk) is False
    with pytest.raises(UserFrozen):
        services.welcome_mail_request(acting_user=admin, user=user)
    put_in_state(user, UserState.DELETED)
    with pytest.raises(ServiceError, match="deleted"):
        services.welcome_mail_request(acting_user=admin, user=user)
    assert smtp.mails == []


@pytest.mark.parametrize(
    ("written", "sent_to"),
    [
        ("x@straße.example", "x@xn--strae-oqa.example"),
        ("x@Bücher.example", "x@xn--bcher-kva.example"),
        ("x@faß.example", "x@xn--fa-hia.example"),
        ("x@my_host.example", "x@my_host.example"),
    ],
)
def test_mail_goes_to_that_very_domain(smtp, written, sent_to):
    user = UserFactory(email=written)
    assert services.letter_send(user_id=user.pk, event=TemplateEvent.WELCOME) is True
    [mail] = smtp.mails
    assert mail.recipients == [sent_to]


def test_mail_to_no_domain_is_not_sent_anywhere(smtp, caplog):
    user = UserFactory(email="x@☕.example")
    assert services.letter_send(user_id=user.pk, event=TemplateEvent.WELCOME) is False
    assert smtp.mails == []
    assert f"mail_failed recipient={user.pk} error=NoDomain" in caplog.text
    assert "☕" not in caplog.text
