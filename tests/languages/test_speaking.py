"""Whoever reads is spoken to in their own language: on pages by the field Language, before by the browser; in mails and
notifications by the recipient's field, whoever had them written."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from messaging.models import Notification, NotificationKind
from messaging.services import notification_create
from messaging.sign_in_mails import second_factor_mail
from purge.pages.data_map import data_map
from purge.pages.data_map.concept import as_json, concept_of
from purge.pages.requests import Progress
from purge.rules.declarations import Reasoned
from purge.rules.registry import get_registry
from purge.standing import moment_text
from tests.factories.users import AdministratorFactory, UserFactory
from users.admin.forms import _languages
from users.models import language_of

ROOT = Path(settings.BASE_DIR)
APPS = ("connectors", "learning", "lms_purge", "messaging", "purge", "users")
#: What a command prints, which speaks English; and the width of a chart's scale.
AT_A_TERMINAL = {"purge/pages/going_on.py", "purge/reporting/drawing.py", "purge/reporting/words.py"}
NOON = datetime(2026, 11, 29, 11, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored", "spoken"),
    [
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("fr_FR", "fr"),
        ("de-AT", "de"),
        ("en", "en"),
        ("en-GB", "en"),
        ("", None),
        ("ja", None),
    ],
)
def test_the_field_names_a_language_of_the_site(stored, spoken):
    assert language_of(stored) == spoken


@pytest.mark.parametrize(
    ("language", "written"),
    [("en", "29 Nov 2026, 12:10 CET"), ("de", "29. Nov. 2026, 12:10 CET"), ("fr", "29 nov. 2026, 12:10 CET")],
)
def test_a_moment_is_written_as_the_language_writes_it(language, written):
    with translation.override(language):
        assert moment_text(NOON, "Europe/Berlin").lower() == written.lower()


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "1,234 of 56,789 rows"),
        ("de", "1.234 von 56.789 Zeilen"),
        ("fr", "1\N{NO-BREAK SPACE}234 lignes sur 56\N{NO-BREAK SPACE}789"),
    ],
)
def test_a_number_is_written_as_the_language_writes_it(language, written):
    with translation.override(language):
        assert Progress(percent=2, step="", done=1_234, planned=56_789, left="").label == written


def test_pages_leave_to_the_language_how_it_writes():
    """No page spells a date itself, nor does Python that pages show group digits by the English comma."""
    spelt = re.compile(r'\|(?:date|time):"(?!c"|DATE_FORMAT|DATETIME_FORMAT)')
    pages = [path.name for path in (ROOT / "templates").rglob("*.html") if spelt.search(path.read_text())]
    grouped = {
        str(path.relative_to(ROOT))
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"\{[^{}\s]+:,\}", path.read_text()) and "management" not in path.parts
    }
    assert pages == []
    assert grouped == AT_A_TERMINAL


@pytest.mark.parametrize(
    ("language", "why"),
    [("de", "die Auftragsnummer, ein zufälliger Text"), ("fr", "le numéro de demande, un texte aléatoire")],
)
def test_the_data_map_says_why_in_the_readers_language(language, why):
    """The reasons stand in the code in English, where checks and the file for a comparison read them."""
    english = {column.rule.reason for column in get_registry().columns() if isinstance(column.rule, Reasoned)}
    with translation.override(language):
        told = {line.reason for entry in data_map() for line in entry.lines}
        compared = {column["reason"] for column in as_json(concept_of([]))["columns"]}
    assert why in told
    assert english & told == set()
    assert english <= compared


def test_the_form_keeps_a_language_that_the_site_does_not_speak():
    assert [code for code, _name in _languages("ja")][-1] == "ja"
    assert [code for code, _name in _languages("fr")].count("fr") == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("asked", "page"), [("fr-CH, en;q=0.5", "fr"), ("ja", "en"), ("", "en")])
def test_the_browser_decides_before_the_sign_in(asked, page):
    answer = Client().get("/admin/login/", headers={"accept-language": asked})
    assert f'<html lang="{page}"' in answer.content.decode()
    assert answer["Content-Language"] == page
    assert "Accept-Language" in answer["Vary"]


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "page"), [("fr", "fr"), ("en", "en"), ("", "fr")])
def test_the_field_decides_after_it(field, page):
    client = Client(headers={"accept-language": "fr" if not field else "en" if field == "fr" else "fr"})
    client.force_login(AdministratorFactory(locale=field))
    assert f'<html lang="{page}"' in client.get("/admin/").content.decode()


@pytest.mark.django_db
def test_each_recipient_is_told_in_their_own_language():
    french, english = UserFactory(locale="fr"), UserFactory(locale="en")
    with translation.override("fr"):
        for person in (french, english):
            assert notification_create(
                account_id=person.account_id,
                recipient_id=person.pk,
                kind=NotificationKind.COMPLETED,
                reference="PUR-7Q4M-2KX9-H",
                request_id=7,
                facts={"people": 2},
            )
    told = dict(Notification.objects.values_list("recipient_id", "text"))
    assert "2 people were purged." in told[english.pk]
    assert "people" not in told[french.pk] and "2 " in told[french.pk]


@pytest.mark.django_db
def test_a_mail_is_in_the_language_of_whoever_gets_it(mailoutbox):
    for locale in ("fr", "en"):
        assert second_factor_mail(user_id=UserFactory(locale=locale).pk)
    subjects = [each.subject for each in mailoutbox]
    assert subjects[1] == "Your second factor has changed"
    assert subjects[0] != subjects[1]
