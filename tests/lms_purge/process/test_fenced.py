"""The site while a restored backup is looked at: closed to everybody but operators, and open again after that."""

import io
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import InterfaceError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from purge.database import dialect_of
from purge.journal import chains, noticing, site_fence
from purge.models import Installation, JournalAlarm, JournalChain, WorkerBeat
from tests.factories.purge_log import purge_written
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, IdentityProvider, Session
from users.sessions import digest_of

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"
LOGIN = "/admin/login/"
SENTENCE = "This site is paused: an old backup was restored."
REFUSED = "Wrong email or password, or no access to this site."
NUMBER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def people(db):
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    system = AccountFactory(kind=AccountKind.SYSTEM)
    acme = AccountFactory(name="Acme Rockets")
    return {
        "admin": AdministratorFactory(account=acme, name="Ann Archer", email="ann@acme.example", password=PASSWORD),
        "operator": UserFactory(account=system, is_superuser=True, email="op@lms.example", password=PASSWORD),
        "support": UserFactory(account=system, is_support=True, email="help@lms.example", password=PASSWORD),
    }


def browser_of(user=None) -> Client:
    browser = Client()
    if user is not None:
        browser.force_login(user)
    return browser


def sign_in(email, password=PASSWORD, browser=None):
    browser = browser or Client()
    return browser, browser.post(LOGIN, {"username": email, "password": password})


def is_in(browser) -> bool:
    return "_auth_user_id" in browser.session


def all_paths() -> list[str]:
    """Every address of the site, with something in the place of each parameter."""

    def walk(patterns, before=""):
        for each in patterns:
            text = before + str(each.pattern)
            if isinstance(each, URLPattern):
                yield text
            else:
                yield from walk(each.url_patterns, text)

    found = set()
    for text in walk(get_resolver().url_patterns):
        for kind, value in (("<path:", "1"), ("<int:", "1"), ("<uuid:", NUMBER), ("<slug:", "abc"), ("<str:", "abc")):
            while kind in text:
                begin = text.index(kind)
                text = text[:begin] + value + text[text.index(">", begin) + 1 :]
        found.add("/" + text.replace("^", "").replace("$", "").replace("(?P<url>.*)", "x"))
    return sorted(found)


def test_nobody_but_operators_gets_anything_anywhere(people):
    """Asked of every address: without a session, and in one that the backup has brought back."""
    admin, operator = browser_of(people["admin"]), browser_of(people["operator"])
    assert admin.get("/admin/").status_code == 200
    purge_written(people["admin"])
    ways_in = {LOGIN, "/admin/login/second/", "/admin/login/enrol/", "/admin/login/passkey/", "/healthz"}
    paths = all_paths()
    assert ways_in <= set(paths)
    assert len(paths) > 100
    session = Session.objects.filter(user=people["admin"]).values("pk", "began_at").get()
    gets = {path for path in paths if admin.get(path).status_code != 503}
    posts = {path for path in paths if Client().post(path, {"x": "y"}).status_code != 503}
    # /healthz says 503 itself, /metrics to whom it is not, and both 405 to who posts.
    assert (gets, posts) == (ways_in - {"/healthz"} | {"/metrics"}, ways_in | {"/metrics"})
    assert admin.get("/metrics").status_code == 401
    assert Session.objects.filter(user=people["admin"]).values("pk", "began_at").get() == session
    page = admin.get("/admin/")
    text = page.content.decode()
    assert "This site is paused" in text
    assert not any(word in text for word in ("Ann", "Acme", "ann@acme.example", "<script", "style="))
    assert page["Retry-After"] == "120"
    assert "no-store" in page["Cache-Control"]
    assert browser_of(people["support"]).get("/admin/").status_code == 200
    assert operator.get("/admin/users/internaluser/").status_code == 200


def test_programs_get_json(people):
    purge_written(people["admin"])
    answer = browser_of(people["admin"]).get("/admin/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "120")
    assert answer.json() == {"paused": True, "detail": SENTENCE}


def test_the_right_password_of_anybody_else_is_answered_like_a_wrong_one(people):
    browser, answer = sign_in("ann@acme.example")
    assert (answer.status_code, is_in(browser)) == (302, True)
    purge_written(people["admin"])
    browser, right = sign_in("ann@acme.example")
    _browser, wrong = sign_in("ann@acme.example", "something else")
    _browser, nobody = sign_in("nobody@acme.example")
    assert not is_in(browser)
    for answer in (right, wrong, nobody):
        assert answer.status_code == 200
        assert REFUSED in answer.content.decode()
        assert SENTENCE + " Only its operators can sign in." in answer.content.decode()
    assert "Ann" not in right.content.decode()


def test_a_session_that_was_brought_back_is_nobody_on_the_sign_in_page(people):
    browser = browser_of(people["admin"])
    purge_written(people["admin"])
    page = browser.get(LOGIN)
    assert page.status_code == 200
    assert "Ann Archer" not in page.content.decode()
    _browser, answer = sign_in("op@lms.example", browser=browser)
    assert answer.status_code == 302
    assert browser.session["_auth_user_id"] == str(people["operator"].pk)


def test_operators_come_in_and_read_what_to_do(people):
    purge_written(people["admin"])
    for email in ("op@lms.example", "help@lms.example"):
        browser, answer = sign_in(email)
        assert (answer.status_code, is_in(browser)) == (302, True)
        page = browser.get("/admin/").content.decode()
        assert "This database is older than its purge log: 1 purge is unknown to it." in page
        assert "people purged since that backup may be back" in page
        assert "manage.py purge_replay --dry-run" in page
    answer = Client().get("/healthz", headers={"host": "localhost"})
    report = answer.json()
    assert (answer.status_code, report["site_paused"]) == (503, True)
    assert report["next_command"] == "manage.py purge_replay --dry-run"


def test_an_operator_whom_the_backup_brought_back_does_not_come_in(people):
    browser = browser_of(people["support"])
    purge_written(people["support"])
    assert browser.get("/admin/").status_code == 503
    _browser, answer = sign_in("help@lms.example")
    assert REFUSED in answer.content.decode()
    assert is_in(sign_in("op@lms.example")[0])


def test_the_second_step_and_the_provider_let_nobody_else_in(people):
    """A sign-in that was half done when the backup was made, and the way by the provider of an account."""
    from users.sessions import UNFINISHED, SessionStore

    row = IdentityProvider.objects.create(
        account=people["admin"].account, name="Acme ID", server_url="https://id.acme.example", client_id="lms"
    )
    session = SessionStore()
    session[UNFINISHED] = {
        "user": people["admin"].pk,
        "hash": people["admin"].get_session_auth_hash(),
        "at": timezone.now().timestamp(),
        "next": "/admin/",
        "may_enrol": True,
    }
    session.create()
    browser = Client()
    browser.cookies["sessionid"] = session.session_key
    assert browser.get("/admin/login/second/")["Location"] == "/admin/login/enrol/"
    purge_written(people["admin"])
    assert browser.get("/admin/login/second/")["Location"] == LOGIN
    assert Session.objects.filter(session_key=digest_of(session.session_key)).exists()
    assert Client().get(reverse("admin:to_provider", args=[row.public_id])).status_code == 503
    assert Client().get(reverse("admin:provider_back", args=[row.public_id])).status_code == 503


def test_an_open_database_is_asked_nothing_more_for_seconds_and_one_question_then(people):
    browser = browser_of(people["admin"])
    browser.get("/admin/")
    with CaptureQueriesContext(connection) as asked:
        browser.get("/admin/")
    first = [query["sql"] for query in asked.captured_queries if "purge_journalchain" in query["sql"]]
    with (
        mock.patch.object(site_fence, "SEEN_SECONDS", 0.0),
        mock.patch.object(chains, "read") as read,
        CaptureQueriesContext(connection) as asked,
    ):
        browser.get("/admin/sessions/")
    again = [query["sql"] for query in asked.captured_queries if "purge_journalchain" in query["sql"]]
    # Home says by itself what the purge log says; the fence asks nothing.
    assert not any("UNION" in sql for sql in first)
    assert [sql.count("UNION") for sql in again] == [2]
    assert not read.called


def test_a_restore_underneath_is_met_after_seconds(people):
    """The process goes on, and believes for no longer than four seconds what it saw before."""
    browser = browser_of(people["admin"])
    assert browser.get("/admin/").status_code == 200
    with mock.patch.object(site_fence, "forget"):
        purge_written(people["admin"])
    assert browser.get("/admin/").status_code == 200
    seen = site_fence._seen
    assert site_fence.SEEN_SECONDS == 4.0
    with mock.patch.object(site_fence.time, "monotonic", lambda: seen.at + 4.0):
        assert browser.get("/admin/").status_code == 503
    # Found once, it stands in the database: the log may be out of reach now.
    assert JournalAlarm.objects.count() == 2


def test_the_switch_opens_the_site_and_the_check_warns(people, settings, capsys):
    purge_written(people["admin"])
    assert not is_in(sign_in("ann@acme.example")[0])
    settings.PURGE_SITE_FENCE = False
    browser, answer = sign_in("ann@acme.example")
    assert (answer.status_code, is_in(browser)) == (302, True)
    assert browser.get("/admin/").status_code == 200
    report = Client().get("/healthz", headers={"host": "localhost"}).json()
    assert (report["site_paused"], report["paused"]) == (False, ["purge_log"])
    page = browser_of(people["operator"]).get("/admin/").content.decode()
    assert "This site is not paused (PURGE_SITE_FENCE=0)" in page
    call_command("check", "--tag", "purge")
    assert "purge.W003" in capsys.readouterr().err
    settings.PURGE_SITE_FENCE = True
    call_command("check", "--tag", "purge")
    assert "purge.W003" not in capsys.readouterr().err
    assert browser.get("/admin/").status_code == 503


def test_a_lost_or_damaged_log_alone_closes_nothing(people):
    browser = browser_of(people["admin"])
    JournalAlarm.objects.create(kind="missing", chain="a.b.c", seq=3)
    JournalAlarm.objects.create(kind="damaged", chain="a.b.d", seq=3)
    site_fence.forget()
    assert browser.get("/admin/").status_code == 200
    report = Client().get("/healthz", headers={"host": "localhost"}).json()
    assert (report["site_paused"], report["paused"], report["next_command"]) == (False, ["purge_log"], "")


def test_another_database_at_the_same_log_closes_nothing(people):
    """An emptied one, or one that was changed for another: the lines are of another installation."""
    browser = browser_of(people["admin"])
    purge_written(people["admin"])
    assert browser.get("/admin/").status_code == 503
    JournalAlarm.objects.all().delete()
    JournalChain.objects.all().delete()
    Installation.objects.all().delete()
    site_fence.forget()
    assert browser.get("/admin/").status_code == 200
    assert Client().get("/healthz", headers={"host": "localhost"}).json()["site_paused"] is False


def test_while_nobody_can_tell_it_stays_as_it_was(people):
    browser = browser_of(people["admin"])
    assert browser.get("/admin/").status_code == 200
    with mock.patch.multiple(site_fence, SEEN_SECONDS=0.0, AGAIN_SECONDS=0.0):
        with mock.patch.object(chains, "chain_names", side_effect=PermissionError):
            assert browser.get("/admin/").status_code == 200
        with mock.patch.object(site_fence, "forget"):
            purge_written(people["admin"])
        assert browser.get("/admin/").status_code == 503
        JournalAlarm.objects.all().delete()
        with mock.patch.object(chains, "chain_names", side_effect=PermissionError):
            assert browser.get("/admin/").status_code == 503


def test_a_look_that_failed_is_repeated_soon(people):
    """A restore ends the connections to the database: the first look after it fails."""
    browser = browser_of(people["admin"])
    assert browser.get("/admin/").status_code == 200
    with mock.patch.object(site_fence, "forget"):
        purge_written(people["admin"])
    seen = site_fence._seen.at
    with mock.patch.object(site_fence.time, "monotonic", lambda: seen + 4.1):
        with mock.patch.object(noticing, "is_older", side_effect=InterfaceError):
            assert browser.get("/admin/").status_code == 200
        assert browser.get("/admin/").status_code == 200
    with mock.patch.object(site_fence.time, "monotonic", lambda: seen + 4.7):
        assert browser.get("/admin/").status_code == 503


def test_another_timeline_or_server_is_a_note_and_closes_nothing(people, monkeypatch, caplog):
    """A failover, a recovery that lost nothing, pg_upgrade: the log's lines say whether anybody is back."""
    server = {"system": "7412345678901234567", "timeline": "00000001"}
    monkeypatch.setattr(type(dialect_of(connection)), "server", lambda self: dict(server))
    noticing.look_thoroughly()
    assert Installation.objects.get().server_changed_at is None
    browser = browser_of(people["admin"])
    for name, value in (("timeline", "00000002"), ("system", "7499999999999999999")):
        server[name] = value
        noticing.look_thoroughly()
        assert f"the database's server has changed ({name}): a failover, a recovery or a move" in caplog.text
        caplog.clear()
        site_fence.forget()
        assert browser.get("/admin/").status_code == 200
        report = Client().get("/healthz", headers={"host": "localhost"}).json()
        assert (report["site_paused"], report["purge_log"]) == (False, "agrees")
    out = io.StringIO()
    call_command("purge_journal", "status", stdout=out)
    assert "Note: the database's server has changed" in out.getvalue()
    assert "The purge log and this database agree." in out.getvalue()
    changed_at = Installation.objects.get().server_changed_at
    del server["system"], server["timeline"]  # a role that is not shown it, or a standby
    noticing.look_thoroughly()
    assert Installation.objects.get().server_changed_at == changed_at
    assert not caplog.text


@pytest.mark.postgresql
def test_the_server_says_which_it_is(people):
    server = dialect_of(connection).server()
    assert len(server["timeline"]) == 8
    assert int(server["timeline"], 16) >= 1
    assert server["system"].isdecimal()
