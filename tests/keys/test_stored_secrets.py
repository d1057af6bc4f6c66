"""What connectors and webhooks sign in with: encrypted in the database, never shown."""

import json
from io import StringIO

import pytest
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from connectors import models
from connectors.admin import INLINES
from tests.factories import connectors as factories
from tests.factories.users import AdministratorFactory

pytestmark = pytest.mark.django_db

SECRET = "Rk2-wtT9-0pQm-unmistakable"
ANOTHER_KEY = "YW5vdGhlci10ZXN0cy1vbmx5LWFub3RoZXItdGVzdHM="
#: Each column that holds a secret, and the factory of a row with one.
COLUMNS = {
    "connectors_ftpsettings.secret": factories.FtpSettingsFactory,
    "connectors_salesforcesettings.secret": factories.SalesforceSettingsFactory,
    "connectors_workdaysettings.secret": factories.WorkdaySettingsFactory,
    "connectors_azureadsettings.secret": factories.AzureAdSettingsFactory,
    "connectors_zoomsettings.secret": factories.ZoomSettingsFactory,
    "connectors_adobeconnectsettings.secret": factories.AdobeConnectSettingsFactory,
    "connectors_teamssettings.secret": factories.TeamsSettingsFactory,
    "connectors_webhook.secret": factories.WebhookFactory,
    "connectors_genericsettings.values": factories.GenericSettingsFactory,
}


def stored(place):
    """What a column holds in the database, of all rows."""
    table, column = place.split(".")
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{column}" FROM "{table}"')
        return [row[0] for row in cursor.fetchall()]


def of(factory, secret=SECRET):
    return {"values": {"api_key": secret}} if factory is factories.GenericSettingsFactory else {"secret": secret}


def test_no_secret_stands_in_the_database_and_each_is_there_to_be_used():
    for place, factory in COLUMNS.items():
        row = factory(**of(factory))
        assert [SECRET in str(value) for value in stored(place)] == [False], place
        again = type(row).objects.get(pk=row.pk)
        name = place.split(".")[1]
        assert getattr(again, name) == ({"api_key": SECRET} if name == "values" else SECRET), place
    # One that is set by any other way is encrypted as well.
    models.Webhook.objects.update(secret=f"{SECRET}-2")
    row = models.FtpSettings.objects.get()
    row.secret = f"{SECRET}-3"
    models.FtpSettings.objects.bulk_update([row], ["secret"])
    assert SECRET not in str(stored("connectors_webhook.secret") + stored("connectors_ftpsettings.secret"))
    assert (models.Webhook.objects.get().secret, models.FtpSettings.objects.get().secret) == (
        f"{SECRET}-2",
        f"{SECRET}-3",
    )
    # Nothing is nothing, and the only thing that can be looked for.
    models.Webhook.objects.update(secret="")
    assert stored("connectors_webhook.secret") == [""]
    assert models.Webhook.objects.filter(secret="").count() == 1
    assert models.FtpSettings.objects.exclude(secret="").count() == 1
    for lookup in ("secret", "secret__contains", "secret__in", "secret__startswith"):
        with pytest.raises(FieldError):
            models.FtpSettings.objects.filter(**{lookup: SECRET}).exists()


def page(settings):
    return reverse("admin:connectors_connector_change", args=[settings.pk])


def form(settings, **changes):
    prefix = settings._meta.model_name
    return {
        "name": "C",
        "schedule": "off",
        "mapping": "{}",
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "1",
        f"{prefix}-0-connector": settings.pk,
        **{f"{prefix}-0-{name}": value for name, value in changes.items()},
    }


def test_a_form_writes_secrets_and_shows_none(client):
    generic = factories.GenericSettingsFactory(values={"api_key": SECRET, "region": "north-7741"})
    client.force_login(AdministratorFactory(account=generic.connector.account))
    text = client.get(page(generic)).content.decode()
    assert (SECRET in text, "north-7741" in text) == (False, False)
    # Their names are there, so that somebody can tell what is set.
    assert "Stored: api_key, region." in text

    def save(values):
        answer = client.post(page(generic), form(generic, values=values))
        generic.refresh_from_db()
        return answer

    assert save("").status_code == 302
    assert generic.values == {"api_key": SECRET, "region": "north-7741"}
    assert save('{"api_key": "new-5512", "region": null, "workspace": "sales"}').status_code == 302
    assert generic.values == {"api_key": "new-5512", "workspace": "sales"}
    refused = save('["api_key"]')
    assert refused.status_code == 200
    assert "Write an object" in refused.content.decode()
    assert generic.values == {"api_key": "new-5512", "workspace": "sales"}

    ftp = factories.FtpSettingsFactory(secret=SECRET, connector__account=generic.connector.account)
    assert SECRET not in client.get(page(ftp)).content.decode()
    assert client.post(page(ftp), form(ftp, host="ftp.two.example", port="22", secret="")).status_code == 302
    ftp.refresh_from_db()
    assert (ftp.host, ftp.secret) == ("ftp.two.example", SECRET)
    client.post(page(ftp), form(ftp, host="ftp.two.example", port="22", secret="another-8831"))
    ftp.refresh_from_db()
    assert ftp.secret == "another-8831"


def test_who_may_only_look_sees_no_secret(client, monkeypatch):
    ftp = factories.FtpSettingsFactory(secret=SECRET, host="ftp.seen.example")
    client.force_login(AdministratorFactory(account=ftp.connector.account))
    monkeypatch.setattr(INLINES[models.FtpSettings], "has_change_permission", lambda *args: False)
    text = client.get(page(ftp)).content.decode()
    assert "ftp.seen.example" in text
    assert SECRET not in text


def test_a_missing_key_is_said_in_a_sentence_and_loses_nothing(client, settings):
    generic = factories.GenericSettingsFactory(values={"api_key": SECRET})
    client.force_login(AdministratorFactory(account=generic.connector.account))
    keys, settings.LMS_ENCRYPTION_KEYS = settings.LMS_ENCRYPTION_KEYS, [ANOTHER_KEY]
    answer = client.get(page(generic))
    assert answer.status_code == 503
    assert "key to them is missing" in answer.content.decode()
    settings.LMS_ENCRYPTION_KEYS = keys
    assert client.get(page(generic)).status_code == 200


# ---------------------------------------------------------------- under a new key


def rotate(*words):
    out = StringIO()
    call_command("secrets_rotate", *words, stdout=out)
    return out.getvalue()


def rotated(*words):
    """How many, by column; of those that are ours."""
    return {name: number for name, number in json.loads(rotate(*words))["places"].items() if name in COLUMNS}


def test_rotation_brings_everything_under_the_key_in_use(settings):
    rows = {place: factory(**of(factory)) for place, factory in COLUMNS.items()}
    old = settings.LMS_ENCRYPTION_KEYS
    # A row from before encryption, as somebody might have put it in by hand.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE connectors_zoomsettings SET secret = %s", [SECRET])
    assert models.ZoomSettings.objects.get().secret == SECRET
    settings.LMS_ENCRYPTION_KEYS = [ANOTHER_KEY, *old]
    before = {place: stored(place) for place in COLUMNS}
    with pytest.raises(CommandError, match="secrets_rotate"):
        rotate("--check")
    assert {place: stored(place) for place in COLUMNS} == before
    assert rotated("--json") == dict.fromkeys(COLUMNS, 1)
    assert SECRET not in str([stored(place) for place in COLUMNS])
    # Again: nothing is left to do, and nothing is written.
    after = {place: stored(place) for place in COLUMNS}
    assert rotated("--json", "--check") == dict.fromkeys(COLUMNS, 0)
    rotate()
    assert {place: stored(place) for place in COLUMNS} == after
    settings.LMS_ENCRYPTION_KEYS = [ANOTHER_KEY]
    for place, row in rows.items():
        row.refresh_from_db()
        assert SECRET in str(getattr(row, place.split(".")[1])), place
    settings.LMS_ENCRYPTION_KEYS = old
    with pytest.raises(CommandError, match="cannot be read"):
        rotate()
    assert {place: stored(place) for place in COLUMNS} == after
