"""A button that was pressed after the session had ended, and every other way to ask with a method that is refused."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories.connectors import ConnectorFactory
from tests.factories.messaging import NotificationFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, Session, UserState

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
SENTENCE = "You had to sign in again. Nothing was done."
REQUEST, LIST = "/admin/purge/purgerequest/7/change/", "/admin/users/deleteduser/"

#: Every address of the admin that a button alone may ask for, and the page to which a browser is led from it.
BUTTONS = {
    "/admin/first-steps/hide/": "/admin/",
    "/admin/logout/": "/admin/",
    "/admin/purge/imsnotice/7/decline/": "/admin/purge/imsnotice/7/change/",
    "/admin/purge/purgerequest/data-map/periods/": "/admin/purge/purgerequest/data-map/",
    "/admin/purge/purgerequest/7/retry/": REQUEST,
    "/admin/purge/purgerequest/7/cancel/": REQUEST,
    "/admin/purge/purgerequest/7/take-out/": REQUEST,
    "/admin/purge/purgerequest/7/release/": REQUEST,
    "/admin/purge/purgerequest/7/note/": REQUEST,
    "/admin/purge/purgerequest/7/follow-ups/7/done/": REQUEST,
    "/admin/purge/purgerequest/7/follow-ups/7/undone/": REQUEST,
    "/admin/users/deleteduser/delete-again/": LIST,
    "/admin/users/deleteduser/restore/": LIST,
    "/admin/users/deleteduser/outside/": LIST,
    "/admin/users/deleteduser/transcripts/": LIST,
    # Not the notification's own page: it would be read by that, and nothing is to be done.
    "/admin/messaging/notification/read/": "/admin/messaging/notification/",
    "/admin/messaging/notification/7/read/": "/admin/messaging/notification/",
    "/admin/connectors/connector/7/enable/": "/admin/connectors/connector/7/change/",
    "/admin/connectors/connector/7/disable/": "/admin/connectors/connector/7/change/",
    "/admin/connectors/connector/7/confirm/7/": "/admin/connectors/connector/7/change/",
    "/admin/connectors/stoppedconnector/7/enable/": "/admin/connectors/stoppedconnector/7/change/",
    "/admin/connectors/stoppedconnector/7/disable/": "/admin/connectors/stoppedconnector/7/change/",
    "/admin/connectors/stoppedconnector/7/confirm/7/": "/admin/connectors/stoppedconnector/7/change/",
}
#: Addresses of Django's own for the rows of a model: all of them can be looked at.
STOCK = ("/add/", "/change/", "/delete/", "/history/", "/7/")


def addresses(patterns, before="/") -> Iterator[str]:
    """Everything that the resolver knows, with 7 in the place of each number and name."""
    for each in patterns:
        text = before + str(each.pattern).replace("^", "").replace("$", "")
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, text)
        elif isinstance(each, URLPattern):
            yield re.sub(r"\(\?P<\w+>[^)]*\)|<(?:\w+:)?\w+>", "7", text)


def browser_of(user) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def told(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.fixture
def operator():
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)


@pytest.fixture
def admin():
    return AdministratorFactory(account=AccountFactory(), email="ann@acme.example", password=PASSWORD)


def test_no_address_of_the_admin_answers_a_look_with_an_empty_page(operator):
    """Every button's address leads to its page, and says that nothing was done; no other address refuses to be seen."""
    asked = [each for each in addresses(get_resolver().url_patterns) if each.startswith("/admin/")]
    asked = [each for each in asked if not each.endswith(STOCK) or each in BUTTONS]
    browser, led = browser_of(operator), {}
    session = dict(browser.cookies)
    for address in asked:
        browser.cookies.clear()
        browser.cookies.update(session)
        answer = browser.get(address)
        assert answer.status_code != 405, address
        if SENTENCE in told(answer):
            led[address] = answer["Location"]
    assert led == BUTTONS


def test_a_button_pressed_after_the_session_ended(admin):
    """As a browser does it: press, sign in, and be on the page with the button; nothing was done, once more it is."""
    person = UserFactory(account=admin.account, name="Lee Leaver", deleted=True)
    browser = browser_of(admin)
    Session.objects.filter(user=admin).delete()
    restore = f"{LIST}restore/"
    answer = browser.post(restore, {"_selected_action": [person.pk]})
    assert answer["Location"] == f"/admin/login/?next={restore}"
    answer = browser.post(answer["Location"], {"username": admin.email, "password": PASSWORD, "next": restore})
    assert answer["Location"] == restore
    answer = browser.get(restore, follow=True, headers={"Sec-Fetch-Mode": "navigate"})
    assert answer.redirect_chain == [(LIST, 302)]
    assert SENTENCE in answer.content.decode()
    assert "Lee Leaver" in answer.content.decode()
    person.refresh_from_db()
    assert person.state == UserState.DELETED
    assert SENTENCE not in browser.get(LIST).content.decode()
    browser.post(restore, {"_selected_action": [person.pk]})
    person.refresh_from_db()
    assert person.state == UserState.ACTIVE


def test_a_notification_is_not_read_by_that(admin):
    notification = NotificationFactory(recipient=admin, link="/admin/purge/purgerequest/")
    answer = browser_of(admin).get(f"/admin/messaging/notification/{notification.pk}/read/", follow=True)
    assert answer.redirect_chain == [("/admin/messaging/notification/", 302)]
    notification.refresh_from_db()
    assert notification.read_at is None


def test_it_tells_nobody_whether_a_row_exists(admin):
    foreign = ConnectorFactory()
    browser = browser_of(admin)
    for number in (foreign.pk, 999_999):
        answer = browser.get(f"/admin/connectors/connector/{number}/enable/")
        assert answer["Location"] == f"/admin/connectors/connector/{number}/change/"
        assert browser.get(answer["Location"]).status_code in (302, 404)


@pytest.mark.parametrize(
    ("method", "address", "headers", "allowed"),
    [
        ("head", f"{LIST}restore/", {}, "POST"),
        ("put", f"{LIST}restore/", {}, "POST"),
        ("post", f"{LIST}export/", {}, "GET"),
        # A script of a page is no reader.
        ("get", f"{LIST}restore/", {"Sec-Fetch-Mode": "cors"}, "POST"),
    ],
)
def test_what_else_is_refused_has_a_page(admin, method, address, headers, allowed):
    answer = getattr(browser_of(admin), method)(address, headers=headers)
    assert (answer.status_code, answer["Allow"]) == (405, allowed)
    text = answer.content.decode()
    assert method == "head" or ("<h1>Nothing was done</h1>" in text and text.count("<a ") == 1)


def test_who_is_not_signed_in_is_asked_to(client):
    answer = client.get(f"{LIST}restore/")
    assert answer["Location"] == f"/admin/login/?next={LIST}restore/"
    assert client.post("/healthz").status_code == 405


def test_the_page_speaks_the_readers_language(admin):
    admin.locale = "de"
    admin.save()
    answer = browser_of(admin).get(f"{LIST}restore/", follow=True)
    assert "mussten sich neu anmelden. Es wurde nichts unternommen." in answer.content.decode()
