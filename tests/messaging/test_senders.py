"""Under which address an account's mails go out, what stands in their heads, and that one mail stops no other."""

import logging
import re
from datetime import timedelta
from email.utils import parseaddr

import pytest
from django.core import mail
from django.utils import timezone
from django_q.models import OrmQ

from lms_purge.process.logs import NoExceptionMessages
from messaging import services, tasks
from messaging.models import NotificationKind, TemplateEvent
from tests.factories.messaging import EmailTemplateFactory, NotificationFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import Account, AccountKind, User
from users.services import ServiceError, account_update, user_create, user_update

pytestmark = pytest.mark.django_db
PLATFORM = "lms@platform.example"


@pytest.fixture(autouse=True)
def platform(settings):
    settings.DEFAULT_FROM_EMAIL = f"The platform <{PLATFORM}>"


@pytest.fixture
def account():
    return AccountFactory(name="Acme", sender_name="Acme Academy", sender_email="academy@acme.example")


def welcome(account):
    user = UserFactory(account=account)
    assert services.letter_send(user_id=user.pk, event=TemplateEvent.WELCOME) is True
    return user


def heads(letter):
    return {name: letter[name] for name in ("From", "Sender", "Reply-To") if letter[name]}


def test_a_sender_that_nobody_has_confirmed_is_where_answers_go(smtp, account):
    welcome(account)
    assert heads(smtp.mails[0]) == {
        "From": f"Acme Academy <{PLATFORM}>",
        "Reply-To": "academy@acme.example",
    }


def test_a_confirmed_sender_is_the_sender_until_it_is_another_address(smtp, account, settings):
    from users.models import ProvedAddress
    from users.proofs.services import address_proof_ask
    from users.tasks import send_proof_link

    # An agreement to purges is none to be a sender, nor is another account's.
    now = timezone.now()
    for whose, purpose in ((account, "purge"), (AccountFactory(), "sender")):
        ProvedAddress.objects.create(
            account=whose,
            email=account.sender_email,
            purpose=purpose,
            asked_at=now - timedelta(hours=1),
            valid_until=now + timedelta(days=1),
        )
    welcome(account)
    assert parseaddr(smtp.mails.pop()["From"])[1] == PLATFORM
    address_proof_ask(acting_user=None, account=account, email=account.sender_email, purpose="sender")
    row = next(each for each in OrmQ.objects.all() if each.func() == "users.tasks.send_proof_link")
    send_proof_link(*row.args())
    question = smtp.mails.pop()
    assert question.recipients == ["academy@acme.example"]
    assert parseaddr(question["From"])[1] == PLATFORM
    assert "wants to send its mails under this address" in question.get_content()
    welcome(account)
    assert parseaddr(smtp.mails.pop()["From"])[1] == PLATFORM
    from django.test import Client

    token = re.search(r"token=(\S+)", question.get_content())[1]
    assert b"You have agreed" in Client().post("/admin/agree/", {"token": token}).content
    welcome(account)
    letter = smtp.mails.pop()
    assert heads(letter) == {"From": "Acme Academy <academy@acme.example>", "Sender": PLATFORM}
    Account.objects.filter(pk=account.pk).update(sender_email="boss@bank.example")
    account.refresh_from_db()
    welcome(account)
    assert heads(smtp.mails.pop()) == {"From": f"Acme Academy <{PLATFORM}>", "Reply-To": "boss@bank.example"}


def test_a_proved_domain_confirms_its_senders(smtp, account):
    from users.models import ProvedDomain

    ProvedDomain.objects.create(account=account, domain="acme.example", valid_until=timezone.now() + timedelta(days=1))
    welcome(account)
    assert parseaddr(smtp.mails.pop()["From"]) == ("Acme Academy", "academy@acme.example")
    ProvedDomain.objects.update(valid_until=timezone.now() - timedelta(seconds=1))
    welcome(account)
    assert parseaddr(smtp.mails.pop()["From"])[1] == PLATFORM


# ---------------------------------------------------------------- what stands in a head


BREAKS = ("a\nb", "a\r\nBcc: x@y.example", "a\u2028b", "a\x85b", "a\x0bb")


def test_a_line_break_is_refused_at_the_form_and_by_the_services(client, account):
    chief = AdministratorFactory(account=account, name="Chief")
    client.force_login(chief)
    ann = UserFactory(account=account, name="Ann")
    template = EmailTemplateFactory(account=account, event=TemplateEvent.WELCOME, subject="Hello")
    for text in BREAKS:
        pages = (
            (f"/admin/users/internaluser/{ann.pk}/change/", {"name": text, "email": ann.email}),
            ("/admin/users/internaluser/add/", {"name": text, "email": "new@acme.example"}),
            (f"/admin/users/account/{account.pk}/change/", {"name": text, "time_zone": "UTC", "footer_links": "[]"}),
            (
                f"/admin/users/account/{account.pk}/change/",
                {"name": "Acme", "time_zone": "UTC", "footer_links": "[]", "sender_name": text},
            ),
            (
                f"/admin/messaging/emailtemplate/{template.pk}/change/",
                {"event": "welcome", "subject": text, "body": "x", "enabled": "on"},
            ),
        )
        for page, data in pages:
            answer = client.post(page, data)
            assert answer.status_code == 200, (page, text)
            assert "on one line" in answer.content.decode(), (page, text)
    assert not User.objects.filter(email="new@acme.example").exists()
    for act in (
        lambda: user_update(acting_user=None, user=ann, name="a\nb"),
        lambda: user_create(acting_user=None, account=account, email="n@acme.example", name="a\nb"),
        lambda: account_update(acting_user=None, account=account, name="a\nb"),
        lambda: account_update(acting_user=None, account=account, sender_name="a\nb"),
    ):
        with pytest.raises(ServiceError, match="on one line"):
            act()
    for row in (ann, account, template):
        row.refresh_from_db()
    assert (ann.name, account.name, account.sender_name, template.subject) == ("Ann", "Acme", "Acme Academy", "Hello")
    # What has none is taken, with every letter.
    good = "Ann-Kathrin O'Neil, 李 — “x”\u00a0y"
    answer = client.post("/admin/users/internaluser/add/", {"name": good, "email": "good@acme.example"})
    assert answer.status_code == 302
    assert User.objects.get(email="good@acme.example").name == good


def test_a_mail_that_cannot_be_sent_stops_no_other(smtp, account):
    chiefs = [AdministratorFactory(account=account, email=f"chief{n}@acme.example") for n in range(4)]
    notes = [
        NotificationFactory(
            recipient=chief,
            account=account,
            kind=NotificationKind.COMPLETED,
            request_id=7,
            title="Purge is completed",
            mail_due_at=timezone.now() - timedelta(minutes=1),
        )
        for chief in chiefs
    ]
    smtp.refused = {"chief1@acme.example"}
    # One whose address makes no head at all, written past every form.
    User.objects.filter(pk=chiefs[2].pk).update(email="two@@at signs\n.example")
    assert tasks.send_due() == 2
    assert [letter.recipients for letter in smtp.mails] == [["chief0@acme.example"], ["chief3@acme.example"]]
    sent = [note.sent_at is not None for note in map(_fresh, notes)]
    assert sent == [True, False, False, True]
    assert [note.mail_attempts for note in map(_fresh, notes)] == [0, 1, 1, 0]


def test_a_line_about_a_purges_mail_names_the_purge(smtp, account):
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    chief = AdministratorFactory(account=account, email="chief@acme.example")
    smtp.refused = {chief.email}
    handler, logger = Lines(), logging.getLogger("messaging.services")
    handler.setFormatter(NoExceptionMessages("%(message)s"))
    logger.addHandler(handler)
    try:
        for reference in ("PUR-7Q4M-2KX9-H", ""):
            note = NotificationFactory(
                recipient=chief, account=account, reference=reference, request_id=None, mail_due_at=timezone.now()
            )
            assert not tasks.send_notification(note.pk)
    finally:
        logger.removeHandler(handler)
    said = f"mail_failed recipient={chief.pk} error=SMTPRecipientsRefused"
    assert lines == [f"{said} purge=PUR-7Q4M-2KX9-H", said]


def _fresh(row):
    row.refresh_from_db()
    return row


def test_the_default_mail_of_an_account_without_a_sender_is_as_before(settings):
    user = welcome(AccountFactory(kind=AccountKind.TRIAL, sender_name="", sender_email=""))
    (letter,) = mail.outbox
    assert (letter.from_email, letter.reply_to, letter.to) == (f"The platform <{PLATFORM}>", [], [user.email])
