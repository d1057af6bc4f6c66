"""Whoever reads is spoken to in their own language: on pages by the field Language, before by the browser; in mails and
notifications by the recipient's field, whoever had them written."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import translation

from messaging.models import Notification, NotificationKind
from messaging.services import notification_create
from messaging.sign_in_mails import second_factor_mail
from purge.standing import moment_text
from tests.factories.users import AdministratorFactory, UserFactory
from users.admin.forms import _languages
from users.models import language_of

NOON = datetime(2026, 11, 29, 11, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored", "spoken"),
    [("fr", "fr"), ("fr-CA", "fr"), ("fr_FR", "fr"), ("en", "en"), ("en-GB", "en"), ("", None), ("ja", None)],
)
def test_the_field_names_a_language_of_the_site(stored, spoken):
    assert language_of(stored) == spoken


@pytest.mark.parametrize(("language", "written"), [("en", "29 Nov 2026, 12:10 CET"), ("fr", "29 nov. 2026, 12:10 CET")])
def test_a_moment_is_written_as_the_language_writes_it(language, written):
    with translation.override(language):
        assert moment_text(NOON, "Europe/Berlin").lower() == written.lower()


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
