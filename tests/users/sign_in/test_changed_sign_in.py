"""Whoever has access is told at the old address when their email or login is changed, by whomever."""

import pytest
from django.core import mail
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from messaging.models import MailLog
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.users.imports.at_hand import imported
from users.services import ServiceError, user_update

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
