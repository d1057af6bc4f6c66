"""One's own sessions, each with *End*; and a mail about a browser that was never used before."""

import pytest
from django.core import mail
from django.test import Client
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from tests.factories.users import AccountFactory, AdministratorFactory
from users.models import KnownBrowser, Session, UserAudit

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
PAGE = "/admin/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


@pytest.fixture
def chief(db):
    account = AccountFactory(name="Acme", time_zone="Europe/Berlin")
    return AdministratorFactory(account=account, email="chief@acme.example", password=PASSWORD)


def sign_in(client, user):
    return client.post("/admin/login/", {"username": user.email, "password": PASSWORD})


def browser(user, said=FIREFOX, address="203.0.113.7"):
    client = Client(HTTP_USER_AGENT=said, REMOTE_ADDR=address)
    assert sign_in(client, user).status_code == 302
    return client


def work():
    for task in OrmQ.objects.order_by("pk"):
        func, args = task.task["func"], task.task["args"]
        task.delete()
        import_string(func)(*args)


def is_in(client):
    return client.get("/admin/").status_code == 200


def test_each_is_listed_and_each_but_this_one_can_be_ended(chief):
    here, there = browser(chief), browser(chief, CHROME, "198.51.100.9")
    stranger = browser(AdministratorFactory(email="eve@evil.example", password=PASSWORD), CHROME, "192.0.2.66")
    text = here.get(PAGE).content.decode()
    assert PAGE in here.get("/admin/").content.decode()
    for words in ("Firefox, Linux", "203.0.113.7", "Chrome, Windows", "198.51.100.9"):
        assert text.count(words) == 1
    assert "192.0.2.66" not in text
    theirs = Session.objects.get(ip_address="192.0.2.66").pk
    other = Session.objects.get(ip_address="198.51.100.9").pk
    assert f'value="{other}"' in text
    assert text.count('name="end"') == 1
    here.post(PAGE, {"end": theirs})
    assert is_in(stranger)
    here.post(PAGE, {"end": other})
    assert not is_in(there)
    assert is_in(here)
    assert [event.event for event in UserAudit.objects.filter(user=chief)] == ["session ended"]


def test_all_others_end_at_once(chief):
    here, there, elsewhere = (browser(chief) for _n in range(3))
    here.post(PAGE, {"others": "1"})
    assert (is_in(here), is_in(there), is_in(elsewhere)) == (True, False, False)


def test_nobody_else_reads_them(chief):
    assert Client().get(PAGE).status_code == 302


def test_a_new_browser_is_told_and_a_known_one_is_not(chief):
    first = browser(chief)
    work()
    assert mail.outbox == []  # the first of all is no news
    first.post("/admin/logout/")
    sign_in(first, chief)
    work()
    assert mail.outbox == []
    second = browser(chief, CHROME)
    assert OrmQ.objects.count() == 1
    assert "chief" not in str([task.task["args"] for task in OrmQ.objects.all()])
    work()
    (message,) = mail.outbox
    assert message.to == ["chief@acme.example"]
    assert "Acme" in message.body
    assert "Chrome, Windows" in message.body
    assert "Europe/Berlin" in message.body
    second.post("/admin/logout/")
    sign_in(second, chief)
    work()
    assert len(mail.outbox) == 1


def test_somebody_elses_browser_is_new_too(chief):
    """A cookie is known for each user on its own."""
    other = AdministratorFactory(account=chief.account, email="other@acme.example", password=PASSWORD)
    browser(other)
    shared = browser(chief)
    shared.post("/admin/logout/")
    sign_in(shared, other)
    work()
    assert [message.to for message in mail.outbox] == [["other@acme.example"]]


def test_what_the_table_knows_is_no_cookie(chief):
    client = browser(chief)
    assert client.cookies["browser"].value not in str(list(KnownBrowser.objects.values_list()))
    assert client.cookies["browser"]["httponly"]
