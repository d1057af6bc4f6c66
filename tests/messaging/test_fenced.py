"""Mails while a restored backup is looked at: to operators, and to nobody else until that is over."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from messaging import services, sign_in_mails, tasks
from messaging.models import MailLog, Notification, TemplateEvent
from purge.journal import site_fence
from purge.models import JournalAlarm
from tests.factories.messaging import EmailTemplateFactory, NotificationFactory
from tests.factories.purge_log import purge_written
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind
from users.sign_in.forgotten import Link

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(settings):
    settings.OPERATORS_EMAIL = "ops@lms.example"
    system = AccountFactory(kind=AccountKind.SYSTEM)
    return {
        "admin": AdministratorFactory(email="ann@acme.example"),
        "operator": UserFactory(account=system, is_superuser=True, email="op@lms.example"),
        "support": UserFactory(account=system, is_support=True, email="help@lms.example"),
    }


def news_for(recipient) -> Notification:
    more = {} if recipient else {"account": None}
    return NotificationFactory(recipient=recipient, kind="paused", request_id=0, mail_due_at=timezone.now(), **more)


def written_to() -> list[str]:
    return [address for message in mail.outbox for address in message.to]


def over() -> None:
    """Operators have dealt with it."""
    JournalAlarm.objects.all().delete()
    site_fence.forget()


def test_operators_are_told_and_others_when_it_is_over(people):
    waiting = [news_for(each) for each in (people["admin"], people["operator"], people["support"], None)]
    purge_written(people["admin"])
    assert [tasks.send_notification(each.pk) for each in waiting] == [False, True, True, True]
    assert written_to() == ["op@lms.example", "help@lms.example", "ops@lms.example"]
    kept = Notification.objects.get(pk=waiting[0].pk)
    assert (kept.sent_at, kept.mail_attempts) == (None, 0)
    assert kept.mail_due_at > timezone.now()
    Notification.objects.filter(pk=kept.pk).update(mail_due_at=timezone.now() - timedelta(seconds=1))
    assert tasks.send_due() == 0
    over()
    Notification.objects.filter(pk=kept.pk).update(mail_due_at=timezone.now() - timedelta(seconds=1))
    assert tasks.send_due() == 1
    assert written_to()[-1] == "ann@acme.example"


def test_no_other_mail_reaches_whom_the_backup_brought_back(people):
    admin = people["admin"]
    EmailTemplateFactory(account=admin.account, event=TemplateEvent.WELCOME)
    link = Link(admin.pk, "Acme", "https://lms.example/admin/forgotten/new/?user=1&token=x")

    def sent() -> list[bool]:
        return [
            services.letter_send(user_id=admin.pk, event=TemplateEvent.WELCOME),
            sign_in_mails.forgotten_mail(links=[link]),
            sign_in_mails.new_browser_mail(user_id=admin.pk, at=timezone.now(), browser="Firefox"),
            sign_in_mails.changed_sign_in_mail(user_id=admin.pk, at_address="before@acme.example"),
            sign_in_mails.second_factor_mail(user_id=admin.pk),
            services.mail_to_address(admin.account, "any@acme.example", "A question", "Do you agree?", kind="proof"),
        ]

    assert sent() == [True] * 6
    mail.outbox.clear()
    logged = MailLog.objects.count()
    purge_written(admin)
    assert sent() == [False] * 6
    assert (mail.outbox, MailLog.objects.count()) == ([], logged)
    assert sign_in_mails.second_factor_mail(user_id=people["operator"].pk)
    over()
    assert sent() == [True] * 6
