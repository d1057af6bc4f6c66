"""A browser, a served site, and people who use it.

The site is served once for all tests, from threads of this process, and nothing is rolled back: each test makes an
account of its own. Every page must be silent: a console message, a failed request or one to another host fails a test.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

# Playwright runs an event loop in the test's thread, which Django takes for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from purge.models import PurgeRequest
from purge.tasks import run_request
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tools.suite import CHROMIUM

PATIENCE = 20_000  # milliseconds: how long a page may take on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """So that pytest-django makes a test database: it does that only for tests that say they need one."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.django_db)


@pytest.fixture
def _django_db_helper(site) -> None:
    """Instead of pytest-django's: no transaction around the test, which the server's threads would not see."""


@pytest.fixture(scope="session")
def files_of_the_site(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(autouse=True)
def files_of_its_own(settings, files_of_the_site: Path) -> None:
    """Instead of a folder for each test: the database is the same for all of them, and knows its file storage."""
    settings.MEDIA_ROOT = files_of_the_site / "media"
    settings.PURGE_JOURNAL = files_of_the_site / "journal" / "purge.jsonl"


@pytest.fixture(scope="session")
def site(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[str]:
    """The address of the served site."""
    with django_db_blocker.unblock():
        server = LiveServer("127.0.0.1")
        yield server.url
        server.stop()
        if connection.vendor == "postgresql":
            # The server's threads kept their connections; the database cannot be dropped while one is open.
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


#: Told, not complained about: a test had put the cursor somewhere before the browser came to the page's own place for
#: it, and there it stays.
QUICKER_THAN_THE_PAGE = "Autofocus processing was blocked because a document already has a focused element."


class Visitor:
    """Somebody at a browser. ``go`` opens a path of the site; ``noise`` is what the pages complained about."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context, self.site, self.noise = context, site, []
        context.set_default_timeout(PATIENCE)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.noise.append(f"error: {error.error}"))
        context.on("request", self._at_home)
        context.on("response", self._well)
        self.page: Page = context.new_page()

    def _said(self, message) -> None:
        if message.text != QUICKER_THAN_THE_PAGE:
            self.noise.append(f"console of {self.page.url}: {message.text}")

    def _at_home(self, request) -> None:
        if not request.url.startswith((self.site, "data:")):
            self.noise.append(f"another host: {request.url}")

    def _well(self, response) -> None:
        if response.status >= 500 or (response.status == 404 and "/static/" in response.url):
            self.noise.append(f"{response.status}: {response.url}")

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.site}{path}")
        return self.page

    def sign_in_as(self, user) -> "Visitor":
        """A session as after signing in, without the form."""
        client = Client()
        client.force_login(user)
        assert {SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY} <= set(client.session.keys())
        cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        self.context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.site}])
        return self


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory, django_db_modify_db_settings_parallel_suffix) -> None:
    """SQLite in a file, as ./run has it: threads that share one in memory are refused instead of waiting."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "browser.sqlite3")


@pytest.fixture
def visit(site: str, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser window for somebody; options go to the browser's context."""
    visitors: list[Visitor] = []

    def open_window(user=None, **options) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        visitor = Visitor(context, site)
        visitors.append(visitor)
        return visitor.sign_in_as(user) if user is not None else visitor

    yield open_window
    for visitor in visitors:
        visitor.context.close()
    assert [noise for visitor in visitors for noise in visitor.noise] == []


@pytest.fixture
def account(site):
    return AccountFactory(name="Aurora Ltd", time_zone="Europe/Berlin")


@pytest.fixture
def admin(account):
    return AdministratorFactory(
        account=account, name="Ada Admin", email=f"ada-{account.pk}@aurora.example", password="a long pass phrase 1"
    )


@pytest.fixture
def deleted(account):
    """Makes a deleted user of the account."""

    def make(**fields):
        return UserFactory(**{"account": account, "deleted_at": datetime(2026, 1, 15, 12, tzinfo=UTC), **fields})

    return make


@pytest.fixture
def worker(site, settings) -> Iterator[Callable[[], None]]:
    """Lets the accepted requests be worked on: by the real worker on PostgreSQL, in this process on SQLite.

    SQLite's test database lives in this process' memory, where no other program reaches it.
    """
    if connection.vendor != "postgresql":
        yield lambda: [run_request(pk) for pk in PurgeRequest.objects.open().values_list("pk", flat=True)] and None
        return
    running: list[subprocess.Popen] = []

    def start() -> None:
        environ = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
            "MEDIA_ROOT": str(settings.MEDIA_ROOT),
            "PURGE_JOURNAL": str(settings.PURGE_JOURNAL),
            "Q_WORKERS": "1",
            "Q_RETRY": "1200",
            "PURGE_RECONCILE_SECONDS": "1",
        }
        command = [sys.executable, "manage.py", "worker"]
        running.append(subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=15)
        if process.poll() is None:
            process.kill()
            process.wait()


def database_url() -> str:
    """Where the test database of this process is, for another one."""
    facts = connection.settings_dict
    credentials = f"{quote(facts['USER'])}:{quote(facts['PASSWORD'])}@" if facts["USER"] else ""
    host = facts["HOST"] or ""
    if host.startswith("/"):
        return f"postgresql://{credentials}/{facts['NAME']}?host={quote(host, safe='')}"
    return f"postgresql://{credentials}{host}:{facts['PORT']}/{facts['NAME']}"
