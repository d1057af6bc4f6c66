"""`python -m tools.dev screenshots`: the pictures of README.md and docs/tour.md, made anew from the demo data.

A site with a database of its own is started on a free port, a purge is done in it as a person would, and each page is
photographed. Runs in the development environment (Playwright), with the browser that is on PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from tools.environment import ROOT, Problem, say
from tools.postgres import free_port
from tools.suite import CHROMIUM

IMAGES = ROOT / "docs" / "images"
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}
PATIENCE = 20_000  # milliseconds


class Site:
    """The demo, served for the time of a `with`. ``password``: of its sign-ins."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.password = ""
        self.environ = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}",
            "MEDIA_ROOT": str(folder / "media"),
            "STATIC_ROOT": str(folder / "static"),
            "PURGE_JOURNAL": str(folder / "journal.jsonl"),
            "SECRET_KEY": "for-pictures-only-" + "0123456789" * 4,
            "PURGE_HASH_KEY": "for-pictures-only-" + "9876543210" * 4,
            "LMS_KEYS": str(folder / "keys"),
            "LMS_ENCRYPTION_KEYS": "Zm9yLXBpY3R1cmVzLW9ubHktZm9yLXBpY3R1cmVzISE=",
            "DJANGO_SETTINGS_MODULE": "lms_purge.settings",
            "LOG_LEVEL": "WARNING",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Site:
        prepared = subprocess.run(
            [sys.executable, "-m", "tools.prepare"], cwd=ROOT, env=self.environ, check=True, capture_output=True
        )
        found = re.search(rb"password: (\S+)", prepared.stdout)
        if not found:
            raise Problem("The demo data printed no password.")
        self.password = found[1].decode()
        web = ["-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--workers", "2", "lms_purge.wsgi"]
        for words in (web, ["manage.py", "worker"]):
            self.processes.append(
                subprocess.Popen([sys.executable, *words], cwd=ROOT, env=self.environ, stderr=subprocess.DEVNULL)
            )
        self._wait()
        return self

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):  # noqa: S310 - our own address
                    return
            except OSError:
                time.sleep(0.3)
        raise Problem("The demo site did not come up within a minute.")

    def __exit__(self, *_error: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=70)


class Camera:
    """A signed-in browser window that photographs pages."""

    def __init__(self, browser: Any, site: Site, email: str, **options: Any) -> None:
        context = browser.new_context(viewport=options.pop("viewport", WIDE), **options)
        context.set_default_timeout(PATIENCE)
        self.page = context.new_page()
        self.site = site
        self.page.goto(f"{site.url}/admin/login/")
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password").fill(site.password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/admin/**")

    def open(self, path: str) -> Any:
        self.page.goto(f"{self.site.url}/admin/{path}")
        return self.page

    def shoot(self, name: str, *, whole: bool = False) -> None:
        self.page.screenshot(path=IMAGES / f"{name}.png", full_page=whole, animations="disabled")
        say(f"  {name}.png")


def screenshots(arguments: list[str]) -> int:
    """Make all pictures. Returns the exit code."""
    from playwright.sync_api import sync_playwright

    executable = (
        shutil.which(CHROMIUM) if isinstance(CHROMIUM, str) else next(filter(None, map(shutil.which, CHROMIUM)))
    )
    if not executable:
        raise Problem("No Chromium on PATH: apt-get install chromium.")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder)) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        _sign_in_page(browser, site)
        _tour_of_an_administrator(browser, site)
        _tour_of_support(browser, site)
        browser.close()
    return 0


def _sign_in_page(browser: Any, site: Site) -> None:
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{site.url}/admin/login/")
    page.screenshot(path=IMAGES / "sign-in.png")


def _tour_of_an_administrator(browser: Any, site: Site) -> None:
    camera = Camera(browser, site, "admin@acme.example")
    camera.shoot("home-before")
    camera.open("users/internaluser/")
    camera.shoot("internal-users")
    camera.open("users/importlog/")
    camera.shoot("import-logs")
    page = camera.open("users/deleteduser/")
    camera.shoot("cleanup-all")
    page.get_by_text("Select Deletion Month").click()
    camera.shoot("cleanup-months")
    # The month with the most deleted users, so that fifty can be selected.
    months = page.locator(".pg-months-panel li a")
    counts = [int(re.sub(r"\D", "", text) or 0) for text in months.locator(".pg-count").all_inner_texts()]
    months.nth(counts.index(max(counts))).click()
    page.locator("#select-first").click()
    camera.shoot("cleanup")
    page.get_by_role("button", name="Purge User").click()
    page.locator(".pg-confirm").wait_for()
    camera.shoot("confirm")
    camera.shoot("confirm-whole", whole=True)
    typed = page.locator(".pg-confirm input[name=number]")
    if typed.count():
        typed.first.fill(str(min(max(counts), 50)))
    page.get_by_role("button", name="Permanently purge").click()
    page.wait_for_url("**/purgerequest/**")
    camera.shoot("request-running")
    page.get_by_text("Completed", exact=True).first.wait_for(timeout=60_000)
    page.reload()
    camera.shoot("request-completed", whole=True)
    camera.open("purge/purgerequest/")
    camera.shoot("requests")
    camera.open("")
    camera.shoot("home")
    camera.open("messaging/notification/")
    camera.shoot("notifications")
    camera.open("connectors/stoppedconnector/")
    camera.shoot("stopped-connectors")
    camera.open("learning/unstaffedsession/")
    camera.shoot("unstaffed-sessions")
    page = camera.open("users/deleteduser/other/")
    page.locator("#content-main input[name=address]").fill("privacy@payroll.example")
    camera.shoot("other-users")
    for name, options in (
        ("cleanup-phone", {"viewport": NARROW}),
        ("cleanup-dark", {"color_scheme": "dark"}),
    ):
        other = Camera(browser, site, "admin@acme.example", **options)
        other.open("users/deleteduser/")
        other.shoot(name)


def _tour_of_support(browser: Any, site: Site) -> None:
    camera = Camera(browser, site, "support@lms.example")
    camera.shoot("support-home")
    for name, url in (("look-up", "purge/purgerequest/look-up/"), ("routes", "purge/purgerequest/routes/")):
        camera.open(url)
        camera.shoot(name)


if __name__ == "__main__":
    sys.exit(screenshots(sys.argv[1:]))
