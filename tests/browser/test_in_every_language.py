"""The plain flow in German and in French: every step by the words that stand there, on a screen and on a phone."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from connectors.models import ConnectorKind, ConnectorState
from messaging.models import Notification
from purge.choices import Status
from purge.models import PurgeRequest
from purge.services import purge_submit
from purge.tasks import run_request
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory
from tests.factories.users import UserFactory
from users.models import User


@dataclass(frozen=True)
class Words:
    internal_users: str
    delete_user: str
    go: str
    delete: str
    deleted: str
    cleanup: str
    select: str
    purge_user: str
    purge: str
    accepted: str
    completed: str
    told: str
    #: What no page may say in this language.
    english: tuple[str, ...] = (
        "User",
        "requests",
        "Purge ",
        "Delete ",
        "Select ",
        "Request",
        "People",
        "Deleted",
        "Home",
    )


SAID = {
    "de": Words(
        internal_users="Interne Personen",
        delete_user="Person löschen",
        go="Ausführen",
        delete="Löschen",
        deleted="Lee Leaver ist gelöscht.",
        cleanup="Aufräumen",
        select="Lee Leaver auswählen",
        purge_user="Person bereinigen",
        purge="1 Person endgültig bereinigen",
        accepted="angenommen. Wir melden uns, wenn er abgeschlossen ist.",
        completed="Abgeschlossen und geprüft",
        told="1 Person wurde bereinigt.",
    ),
    "fr": Words(
        internal_users="Personnes internes",
        delete_user="Supprimer la personne",
        go="Exécuter",
        delete="Supprimer",
        deleted="Lee Leaver",
        cleanup="Nettoyage",
        select="Sélectionner Lee Leaver",
        purge_user="Purger la personne",
        purge="Purger 1 personne définitivement",
        accepted="acceptée",
        completed="Terminée et vérifiée",
        told="1 personne a été purgée.",
        # A purge is called so in French, too.
        english=("User", "requests", "Delete ", "Select ", "Request", "People", "Deleted", "Home"),
    ),
}


class Reader:
    """Looks at each page as it stands: nothing of it in English, nothing of it beside a phone's screen."""

    def __init__(self, page: Page, words: Words) -> None:
        self.page, self.words = page, words

    def looks(self) -> None:
        lines = self.page.locator("body").inner_text().replace("LMS Purge", "").splitlines()
        assert [line for line in lines if any(word in line for word in self.words.english)] == []
        self.page.set_viewport_size({"width": 360, "height": 800})
        beside = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beside <= 0, f"{self.page.url} is {beside} pixels too wide"
        self.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("language", SAID)
def test_the_plain_flow(visit, account, admin, worker, language):
    words = SAID[language]
    User.objects.filter(pk=admin.pk).update(locale=language)
    UserFactory(account=account, name="Lee Leaver")
    page = visit(admin).go("/admin/")
    reader = Reader(page, words)
    reader.looks()

    page.get_by_role("link", name=words.internal_users).first.click()
    page.get_by_role("row", name="Lee Leaver").get_by_role("checkbox").check()
    reader.looks()
    page.locator("select[name=action]").select_option(label=words.delete_user)
    page.get_by_role("button", name=words.go, exact=True).click()
    reader.looks()
    page.get_by_role("button", name=words.delete, exact=True).click()
    expect(page.get_by_text(words.deleted).first).to_be_visible()

    page.get_by_role("link", name=words.cleanup).first.click()
    page.get_by_role("checkbox", name=words.select).check()
    reader.looks()
    page.get_by_role("button", name=words.purge_user).click()
    reader.looks()
    page.get_by_role("button", name=words.purge).click()
    expect(page.get_by_text(words.accepted).first).to_be_visible()
    worker()
    expect(page.get_by_role("heading", name=words.completed)).to_be_visible(timeout=60_000)
    reader.looks()

    purge_request = PurgeRequest.objects.get(account_id=account.pk)
    assert purge_request.status == Status.COMPLETED
    assert words.told in Notification.objects.get(request_id=purge_request.pk, recipient=admin).text


REQUESTS = "/admin/purge/purgerequest/"


@pytest.mark.parametrize("language", SAID)
def test_the_pages_of_a_day(visit, account, admin, deleted, language):
    """To-dos of a purge, register, report, a question and its answer, a pasted list and what becomes of it."""
    User.objects.filter(pk=admin.pk).update(locale=language)
    leaver = deleted(name="Lee Leaver", email=f"lee-{account.pk}@leavers.example")
    connector = ConnectorFactory(
        account=account, name="Night feed", state=ConnectorState.ENABLED, kind=ConnectorKind.FTP
    )
    FtpSettingsFactory(connector=connector, contact_email=leaver.email)
    done = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[leaver.pk])
    run_request(done.pk)
    still = UserFactory(account=account, name="Still Here", email=f"still-{account.pk}@leavers.example")
    visitor = visit(admin)
    reader = Reader(visitor.page, SAID[language])
    for path in (
        REQUESTS,
        f"{REQUESTS}{done.pk}/change/",
        f"{REQUESTS}register/",
        f"{REQUESTS}register/look-ups/",
        f"{REQUESTS}register/who-may-purge/",
        f"{REQUESTS}report/",
        "/admin/messaging/notification/",
        "/admin/sessions/",
        "/admin/second-factor/",
    ):
        answer = visitor.page.goto(f"{visitor.site}{path}")
        assert answer is not None
        assert answer.status == 200, path
        reader.looks()

    page = visitor.go(f"{REQUESTS}look-up/")
    reader.looks()
    page.locator("#id_text").fill(leaver.email)
    page.locator("#id_text").press("Enter")
    expect(page.locator(".pg-answer")).to_contain_text(done.reference)
    reader.looks()

    page = visitor.go("/admin/users/deleteduser/list/")
    reader.looks()
    page.locator("textarea").first.fill(f"{still.email}\nnobody\n{leaver.email}")
    page.locator("main form button[type=submit]").first.click()
    expect(page.get_by_text("Still Here")).to_be_visible()
    reader.looks()
