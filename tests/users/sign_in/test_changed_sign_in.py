"""Whoever has access is told at the old address when their email or login is changed, by whomever."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from messaging.models import MailLog
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.users.imports.at_hand import imported
from users.models import Tries, UserAudit
from users.services import ServiceError, user_update
from users.sign_in.limits import BY_TRIAL_CHANGED, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, email="chief@acme.example")


@pytest.fixture
def colleague(acme):
    return AdministratorFactory(account=acme, email="colleague@acme.example")


def work():
    """What the worker does; whom the mails went to."""
    for task in OrmQ.objects.order_by("pk"):
        func, args = task.task["func"], task.task["args"]
        assert "@" not in str(args)
        task.delete()
        import_string(func)(*args)
    return [message.to for message in mail.outbox]


@pytest.mark.parametrize("by", ["colleague", "chief"])
def test_a_new_email_is_told_at_the_old_one(chief, colleague, by):
    acting = colleague if by == "colleague" else chief
    user_update(acting_user=acting, user=chief, email="mine@evil.example")
    assert work() == [["chief@acme.example"]]
    assert "Acme" in mail.outbox[0].body
    assert list(MailLog.objects.values_list("recipient", "recipient_email")) == [(chief.pk, "chief@acme.example")]
    # Moved on once more: at the one that is given up now.
    user_update(acting_user=acting, user=chief, email="third@acme.example")
    assert work()[1:] == [["mine@evil.example"]]


def test_a_new_login_is_told_at_the_email(chief, colleague):
    user_update(acting_user=colleague, user=chief, adobe_id="mine@evil.example")
    assert work() == [["chief@acme.example"]]


def test_another_spelling_is_told_there_too(chief, colleague):
    user_update(acting_user=colleague, user=chief, email="old@acme.example")
    work()
    mail.outbox.clear()
    user_update(acting_user=colleague, user=chief, email="Old@acme.example")
    assert work() == [["Old@acme.example"]]


def test_nobody_is_told_of_anything_else(chief, colleague, acme):
    user_update(acting_user=colleague, user=chief, name="Chief Officer")
    user_update(acting_user=colleague, user=UserFactory(account=acme), email="learner@acme.example")
    with pytest.raises(ServiceError):
        user_update(acting_user=colleague, user=chief, email="colleague@acme.example")
    assert work() == []


def test_a_file_tells_too(chief, colleague, acme):
    type(chief).objects.filter(pk=chief.pk).update(unique_user_id="C-1")
    UserFactory(account=acme, email="lee@acme.example", unique_user_id="L-1")
    people = "Name,Email,Unique User ID\nChief,mine@evil.example,C-1\nLee,leaver@acme.example,L-1\n"
    imported(acme, people, by=colleague)
    assert work() == [["chief@acme.example"]]
    imported(acme, people.replace("Chief", "Chief Officer"), by=colleague)
    assert len(work()) == 1


@pytest.mark.parametrize(("kind", "most"), [("trial", 25), ("enterprise", 60)])
def test_a_trial_does_not_write_to_every_address_that_is_typed_there(kind, most):
    """Strangers' addresses, typed and changed at once: 25, and then one in an hour, so fifty in a day."""
    account = AccountFactory(name="Win a car at example.com", kind=kind)
    mallory = AdministratorFactory(account=account, email="mallory@evil.example")
    accomplice = AdministratorFactory(account=account, email="stranger0@elsewhere.example")
    for number in range(1, 61):
        user_update(acting_user=mallory, user=accomplice, email=f"stranger{number}@elsewhere.example")
        work()
    assert [message.to for message in mail.outbox] == [[f"stranger{n}@elsewhere.example"] for n in range(most)]
    # What is not sent stops nothing: the address has changed, and another account's people are told.
    accomplice.refresh_from_db()
    assert accomplice.email == "stranger60@elsewhere.example"
    assert UserAudit.objects.filter(user=accomplice).count() == 60
    other = AdministratorFactory(account=AccountFactory(kind="trial"), email="dana@other.example")
    user_update(acting_user=AdministratorFactory(account=other.account), user=other, adobe_id="x@evil.example")
    assert work()[most:] == [["dana@other.example"]]


def test_fifty_a_day_of_a_trial_whenever_it_begins():
    def ask(account):
        return not take((BY_TRIAL_CHANGED, account)).wait

    assert [ask("1") for _n in range(26)] == [True] * 25 + [False]
    # An hour and a day later: a whole day's worth came back, and no more at once than before.
    Tries.objects.update(at=timezone.now() - timedelta(minutes=58))
    assert [ask("1"), ask("1")] == [True, False]
    Tries.objects.update(at=timezone.now() - timedelta(days=3))
    assert [ask("1") for _n in range(26)] == [True] * 25 + [False]


def test_a_mailbox_gets_few_whatever_accounts_they_are_of(chief, colleague):
    for number in range(4):
        user_update(acting_user=colleague, user=chief, adobe_id=f"login{number}@evil.example")
    other = AdministratorFactory(account=AccountFactory(kind="trial"), email="chief@acme.example")
    for number in range(4):
        user_update(
            acting_user=AdministratorFactory(account=other.account), user=other, adobe_id=f"l{number}@x.example"
        )
    assert work() == [["chief@acme.example"]] * 5
    # Other mailboxes are not counted with it.
    user_update(acting_user=chief, user=colleague, adobe_id="mine@evil.example")
    assert work()[5:] == [["colleague@acme.example"]]
