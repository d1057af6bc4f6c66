"""A forgotten password: one mail per mailbox, the same answer for everybody, and a link that is good once."""

import re
from itertools import chain

import pytest
from django.contrib.auth.hashers import check_password
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from messaging.models import MailLog
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import Session, User, UserAudit, UserState

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NEW = "another long pass phrase"
PAGE = "/admin/forgotten/"
SENT = "If this address is a user's, a mail with a link is on its way."


@pytest.fixture
def chief(db):
    account = AccountFactory(name="Acme", subdomain="acme", sender_email="sender@acme.example")
    return AdministratorFactory(account=account, name="Chief", email="Chief@acme.example", password=PASSWORD)


def ask(email="chief@acme.example", address="203.0.113.7"):
    return Client(REMOTE_ADDR=address).post(PAGE, {"email": email})


def tasks():
    return [(task.task["func"], task.task["args"]) for task in OrmQ.objects.order_by("pk")]


def work():
    """What the worker does with what was put in."""
    for task in OrmQ.objects.order_by("pk"):
        func, args = task.task["func"], task.task["args"]
        task.delete()
        import_string(func)(*args)


def links():
    """The links of the only mail, as path and query."""
    (message,) = mail.outbox
    found = re.findall(r"http://\S+", message.body)
    return [each.removeprefix("http://127.0.0.1:8000").removeprefix("http://localhost:8000") for each in found]


def renew(link, password=NEW):
    client = Client()
    page = client.get(link).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(user|token)" value="([^"]+)">', page))
    return client.post(f"{PAGE}new/", {**hidden, "new_password1": password, "new_password2": password})


def test_from_the_sign_in_page_to_a_new_password(chief):
    browser = Client()
    browser.force_login(chief)
    assert f'href="{PAGE}"' in Client().get("/admin/login/").content.decode()
    assert SENT in ask(" CHIEF@acme.example").content.decode()
    work()
    (message,) = mail.outbox
    assert message.to == ["Chief@acme.example"]
    assert "Acme" in message.body
    (link,) = links()
    assert "chief" not in link.lower()
    assert "For Acme." in Client().get(link).content.decode()
    assert renew(link).status_code == 302
    chief.refresh_from_db()
    assert chief.check_password(NEW)
    assert browser.get("/admin/").status_code == 302
    assert not Session.objects.filter(user=chief).exists()
    assert UserAudit.objects.filter(user=chief, event="password set").count() == 1
    # Once.
    assert "not valid any more" in Client().get(link).content.decode()
    signed_in = Client().post("/admin/login/", {"username": chief.email, "password": NEW})
    assert signed_in.status_code == 302


def test_one_mail_names_all_accounts_of_the_mailbox(chief):
    AdministratorFactory(account=AccountFactory(name="Globex"), email="chief@ACME.example", password=PASSWORD)
    UserFactory(account=AccountFactory(name="Initech"), email="chief@acme.example")
    UserFactory(email="chef@acme.example", account=AccountFactory(name="Hooli"))
    ask()
    work()
    (message,) = mail.outbox
    for name in ("Acme", "Globex", "Initech"):
        assert message.body.count(f"{name}:\n") == 1
    assert "Hooli" not in message.body
    # From the platform: no account's sender speaks for the others.
    assert "sender@acme.example" not in message.from_email
    assert len(links()) == 3
    assert renew(links()[0]).status_code == 302
    changed = [
        user for user in User.objects.filter(email_key="chief@acme.example") if check_password(NEW, user.password)
    ]
    assert len(changed) == 1


def strangers(number, *, state="active"):
    """Trials whose makers have put the address in, and signed in by it just now."""
    for each in range(number):
        account = AccountFactory(name=f"Trial{each:02}", kind="trial", state=state)
        UserFactory(account=account, email="chief@acme.example", password=PASSWORD)
    User.objects.filter(account__name__startswith="Trial").update(last_login=timezone.now())


@pytest.mark.parametrize("older", ["chief", "strangers"])
def test_many_accounts_with_the_address_hide_nobodys(chief, older):
    """Thirty trials with the address of somebody who has never signed in: each is named once, theirs too."""
    mine = chief
    if older == "strangers":
        User.objects.filter(pk=chief.pk).update(email="first@acme.example", email_key="first@acme.example")
    strangers(30)
    if older == "strangers":
        mine = AdministratorFactory(account=chief.account, email="chief@acme.example")
    ask()
    ((_func, args),) = tasks()
    assert len(args) <= 20
    work()
    # A mail and a task for each twenty.
    assert (len(mail.outbox), OrmQ.objects.count()) == (1, 1)
    work()
    assert (len(mail.outbox), OrmQ.objects.count()) == (2, 0)
    named = [re.findall(r"^(\w+):$", message.body, re.MULTILINE) for message in mail.outbox]
    assert [len(names) for names in named] == [20, 11]
    assert sorted(chain.from_iterable(named)) == ["Acme", *(f"Trial{each:02}" for each in range(30))]
    body = next(message.body for message in mail.outbox if "Acme:" in message.body)
    link = body.partition("Acme:\n")[2].split()[0].partition("/admin/")[2]
    assert renew(f"/admin/{link}").status_code == 302
    assert User.objects.get(pk=mine.pk).check_password(NEW)


def test_accounts_that_are_shut_hide_nobodys_either(chief):
    strangers(25, state="inactive")
    ask()
    work()
    (message,) = mail.outbox
    assert ("Acme:" in message.body, "Trial" in message.body, OrmQ.objects.count()) == (True, False, 0)


def test_who_has_another_address_by_then_takes_the_mail_nowhere_else(chief):
    strangers(4)
    ask()
    first = User.objects.filter(account__name="Trial00")
    first.update(email="elsewhere@evil.example", email_key="elsewhere@evil.example")
    work()
    (message,) = mail.outbox
    assert message.to[0].lower() == "chief@acme.example"
    assert ("Acme:" in message.body, "Trial00" in message.body) == (True, False)


def test_as_little_is_asked_while_the_page_waits_however_many_have_it(chief):
    with CaptureQueriesContext(connection) as of_one:
        ask()
    strangers(30)
    with CaptureQueriesContext(connection) as of_many:
        ask(address="203.0.113.8")
    with CaptureQueriesContext(connection) as of_none:
        ask("nobody@acme.example", address="203.0.113.9")
    assert len(of_one) == len(of_many) == len(of_none)


@pytest.mark.parametrize("who", ["unknown", "deleted", "purging", "shut", "nonsense"])
def test_the_answer_and_the_work_are_the_same_for_nobody(chief, put_in_state, who):
    with CaptureQueriesContext(
        connection,
    ) as known:
        expected = ask()
    assert [args for _func, args in tasks()] == [(chief.pk,)]
    OrmQ.objects.all().delete()
    email = {"unknown": "nobody@acme.example", "nonsense": "x"}.get(who, "other@acme.example")
    other = AdministratorFactory(email="other@acme.example", password=PASSWORD)
    if who in ("deleted", "purging"):
        put_in_state(other, UserState.DELETED if who == "deleted" else UserState.PURGING)
    if who == "shut":
        type(other.account).objects.filter(pk=other.account_id).update(state="inactive")
    with CaptureQueriesContext(connection) as unknown:
        answer = ask(email)
    strip = lambda response: re.sub(r'value="[A-Za-z0-9]{64}"', "", response.content.decode())  # noqa: E731
    assert strip(answer) == strip(expected)
    assert [func for func, _args in tasks()] == ["users.tasks.forgotten_password"]
    assert [args for _func, args in tasks()] == [()]
    assert len(unknown) == len(known)
    work()
    assert mail.outbox == []


def test_no_address_is_in_the_task_and_no_link_is_kept(chief):
    ask()
    assert "chief" not in str(tasks())
    work()
    (row,) = MailLog.objects.all()
    assert (row.account, row.recipient, row.body) == (chief.account, chief, "")
    (link,) = links()
    token = link.rpartition("token=")[2]
    assert token not in str(list(MailLog.objects.values_list()))


def test_asking_is_limited_by_name_and_by_address(chief):
    for _n in range(3):
        assert ask().status_code == 200
    assert ask(address="198.51.100.9").status_code == 429
    assert OrmQ.objects.count() == 3
    for number in range(10):
        assert ask(f"guess{number}@acme.example", address="192.0.2.1").status_code == 200
    assert ask("guess11@acme.example", address="192.0.2.1").status_code == 429


@pytest.mark.parametrize("what", ["signed in", "deleted", "email", "an hour", "another"])
def test_a_link_that_is_worth_nothing(chief, what, put_in_state, monkeypatch):
    ask()
    work()
    (link,) = links()
    if what == "signed in":
        Client().post("/admin/login/", {"username": chief.email, "password": PASSWORD})
    elif what == "deleted":
        put_in_state(chief, UserState.DELETED)
    elif what == "email":
        User.objects.filter(pk=chief.pk).update(email="new@acme.example", email_key="new@acme.example")
    elif what == "an hour":
        from datetime import datetime, timedelta

        from users.sign_in.forgotten import tokens

        monkeypatch.setattr(tokens, "_now", lambda: datetime.now() + timedelta(minutes=61))  # noqa: DTZ005
    else:
        other = AdministratorFactory(password=PASSWORD)
        link = link.replace(f"user={chief.pk}", f"user={other.pk}")
    assert "not valid any more" in Client().get(link).content.decode()
    assert renew(link).status_code == 200
    assert not User.objects.get(pk=chief.pk).check_password(NEW)


def test_a_weak_password_is_refused(chief):
    ask()
    work()
    (link,) = links()
    assert renew(link, "short").status_code == 200
    assert User.objects.get(pk=chief.pk).check_password(PASSWORD)
    assert renew(link).status_code == 302


@pytest.mark.parametrize(
    "query", ["", "?user=1", "?user=-1&token=x", "?user=99999999999999999999&token=x", "?user=%00&token=%00"]
)
def test_nonsense_is_no_error(chief, query):
    assert "not valid any more" in Client().get(f"{PAGE}new/{query}").content.decode()
