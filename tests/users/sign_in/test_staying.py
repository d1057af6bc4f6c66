"""How long a session lasts: two hours without a click, twelve hours after the sign-in, whatever is done in it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories.users import AccountFactory, AdministratorFactory
from users import tasks
from users.models import Session

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def chief(db):
    return AdministratorFactory(account=AccountFactory(), email="chief@acme.example", password=PASSWORD)


@pytest.fixture
def browser(chief):
    client = Client(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="203.0.113.7")
    assert client.post("/admin/login/", {"username": chief.email, "password": PASSWORD}).status_code == 302
    return client


@pytest.fixture
def clock(monkeypatch):
    """Moves the time that the site goes by."""
    import time

    from django.utils import timezone as site

    real_time, real_now, moved = time.time, site.now, [0.0]
    monkeypatch.setattr(time, "time", lambda: real_time() + moved[0])
    monkeypatch.setattr(site, "now", lambda: real_now() + timedelta(seconds=moved[0]))

    def later(**much):
        moved[0] += timedelta(**much).total_seconds()

    return later


def is_in(client, **headers):
    return client.get("/admin/", headers=headers).status_code == 200


def test_two_hours_without_a_click_end_it(browser, clock):
    clock(minutes=119)
    assert is_in(browser)
    clock(minutes=119)
    assert is_in(browser)
    clock(minutes=121)
    assert not is_in(browser)


def test_twelve_hours_end_it_however_busy_somebody_is(browser, clock):
    for _n in range(11):
        clock(hours=1)
        assert is_in(browser)
    clock(minutes=59)
    assert is_in(browser)
    # Saving something else in it just before makes it no longer.
    browser.post("/admin/users/importlog/add/", {})
    clock(minutes=2)
    assert not is_in(browser)


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(browser, clock):
    for _n in range(3):
        clock(minutes=50)
        is_in(browser, **{"Sec-Fetch-Mode": "cors"})
    assert not is_in(browser, **{"Sec-Fetch-Mode": "navigate"})


def test_the_cookie_does_not_outlive_it(browser, clock):
    assert 7190 <= browser.cookies["sessionid"]["max-age"] <= 7200
    clock(hours=1, minutes=55)
    assert is_in(browser)
    assert 7190 <= browser.cookies["sessionid"]["max-age"] <= 7200


def test_limits_are_settings(browser, clock, settings):
    settings.LMS_SESSION_IDLE = 600
    clock(minutes=9)
    assert is_in(browser)
    clock(minutes=11)
    assert not is_in(browser)


def test_what_has_ended_is_removed_in_the_night(browser, clock, chief):
    assert Session.objects.filter(user=chief).count() == 1
    clock(hours=3)
    tasks.clear_sessions()
    assert not Session.objects.exists()


def test_the_row_says_from_where_and_since_when(browser, chief):
    row = Session.objects.get(user=chief)
    assert (row.browser, row.ip_address) == ("Firefox, Linux", "203.0.113.7")
    assert abs((timezone.now() - row.began_at).total_seconds()) < 60
    browser.get("/admin/password_change/")
    assert Session.objects.get(user=chief).ip_address == "203.0.113.7"
    browser.post("/admin/logout/")
    assert not Session.objects.filter(user=chief).exists()
    assert not Session.objects.exclude(ip_address=None).exists()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (FIREFOX, "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15) Version/18.0 Safari/604.1", "Safari, macOS"),
        ("lee@leaver.example's own browser", ""),
    ],
)
def test_browsers_are_named_in_our_words_alone(chief, said, expected):
    client = Client(HTTP_USER_AGENT=said)
    client.post("/admin/login/", {"username": chief.email, "password": PASSWORD})
    assert Session.objects.get(user=chief).browser == expected
