"""The letter to the person: a text with blanks, of which the typed name never leaves the page."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as product

from purge.models import EvidencePeriod, PurgeRequest, RegisterNote
from purge.rules.periods import Evidence
from purge.services.evidence import evidence_periods_set
from tests.factories.users import AdministratorFactory, UserFactory

pytestmark = pytest.mark.django_db

DONE = datetime(2026, 8, 5, 12, tzinfo=UTC)
SCRIPT = Path(product.BASE_DIR) / "lms_purge/static/lms_purge/letter.js"


@pytest.fixture(autouse=True)
def nobody_has_decided(db):
    """As in an installation that was upgraded; a new one begins with the standard."""
    EvidencePeriod.objects.all().delete()


@pytest.fixture
def request_of(account):
    def store(status="completed"):
        done = {"completed_at": DONE, "verified_at": DONE} if status == "completed" else {}
        return PurgeRequest.across_accounts.create(
            reference="PUR-7Q4M-2KX9-N",
            route="ui_enterprise",
            origin="admin",
            account_id=account.pk,
            key_fingerprint="0",
            status=status,
            planned=True,
            accepted_at=DONE - timedelta(hours=1),
            due_at=DONE + timedelta(days=30),
            **done,
        )

    return store


def page_of(client, row):
    return client.get(f"/admin/purge/purgerequest/{row.pk}/change/").content.decode()


def letter_in(page):
    text = re.search(r'id="letter-text".*?>(.*?)</div>', page, re.DOTALL)[1]
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_a_completed_request_has_a_letter_with_blanks(as_admin, request_of, settings):
    settings.PURGE_BACKUP_DAYS = 14
    evidence_periods_set(acting_user=None, days={Evidence.REQUESTS: 3 * 365})
    letter = letter_in(page_of(as_admin, request_of()))
    assert letter.startswith("Dear ______ , by your letter of ______ you asked us to erase your personal data.")
    assert "the learning platform of Acme held about you was erased, and this was checked on 5 Aug 2026" in letter
    assert "Our reference is PUR-7Q4M-2KX9-N." in letter
    assert "They are erased after 1 Jan 2030." in letter
    assert "Backup copies may hold your data until 19 Aug 2026" in letter


def test_what_nobody_has_said_is_a_blank_and_no_claim(as_admin, request_of, settings):
    settings.PURGE_BACKUP_DAYS = None
    letter = letter_in(page_of(as_admin, row := request_of()))
    assert "They are erased after ______." in letter
    assert "Backup copies may hold your data until ______;" in letter
    settings.PURGE_BACKUP_DAYS = 0
    assert "Backup" not in letter_in(page_of(as_admin, row))


def test_the_day_of_the_letter_comes_from_the_note_for_the_register(as_admin, account, request_of):
    row = request_of()
    RegisterNote.across_accounts.create(
        request=row, account_id=account.pk, received_on=date(2026, 7, 1), answer_by=date(2026, 8, 1)
    )
    assert "by your letter of 1 Jul 2026 you asked us to erase" in letter_in(page_of(as_admin, row))


def test_only_what_is_done_is_told_and_only_to_those_whose_request_it_is(client, admin, request_of):
    row = request_of("running")
    client.force_login(admin)
    assert 'id="letter-text"' not in page_of(client, row)
    PurgeRequest.across_accounts.filter(pk=row.pk).update(status="completed", completed_at=DONE, verified_at=DONE)
    client.force_login(UserFactory(is_support=True))
    assert "learning platform of Acme" in letter_in(page_of(client, row))
    client.force_login(AdministratorFactory())
    assert "letter-text" not in page_of(client, row)


def test_the_field_of_the_name_belongs_to_no_form_and_has_no_name(as_admin, request_of):
    page = page_of(as_admin, request_of())
    field = re.search(r'<input[^>]*id="letter-name"[^>]*>', page)[0]
    assert not re.search(r"\s(name|form|value)=", field)
    assert 'autocomplete="off"' in field
    before = page[: page.index(field)]
    assert before.count("<form") == before.count("</form>")


def test_its_script_can_send_and_keep_nothing():
    script = SCRIPT.read_text()
    ways_out = ("fetch", "XMLHttpRequest", "sendBeacon", "WebSocket", "submit", "localStorage", "sessionStorage")
    ways_out += ("indexedDB", "cookie", "history", "location", "postMessage", "src", "href", "innerHTML", "import")
    assert not [way for way in ways_out if way in script]
