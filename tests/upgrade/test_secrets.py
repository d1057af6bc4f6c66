"""Secrets that an earlier release stored as they are become encrypted ones; without a key nothing is changed."""

import json

import pytest
from django.conf import settings as current
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

SECRET = "pw-unmistakable-5521"


def column(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def applied():
    return set(column("SELECT name FROM django_migrations WHERE app = 'connectors'"))


def test_secrets_are_encrypted_and_the_rest_stays(old_database, settings):
    account = old_database.account(name="Acme")

    def connector(kind):
        return old_database.model("connectors.Connector").objects.create(account=account, kind=kind, name=kind)

    old_database.model("connectors.FtpSettings").objects.create(
        connector=connector("ftp"), host="ftp.example", secret=SECRET
    )
    old_database.model("connectors.ZoomSettings").objects.create(
        connector=connector("zoom"), zoom_account="z", client_id="c", secret=""
    )
    values = {"api_key": SECRET, "note": "für ö", "n": [1, None]}
    old_database.model("connectors.GenericSettings").objects.create(connector=connector("power_bi"), values=values)
    old_database.model("connectors.Webhook").objects.create(
        account=account, name="W", event="enrolled", url="https://w.example", secret=f"{SECRET}-2"
    )

    keys, settings.LMS_ENCRYPTION_KEYS = current.LMS_ENCRYPTION_KEYS, []
    with pytest.raises(SystemCheckError, match=r"keys\.E001"):
        call_command("migrate", verbosity=0, interactive=False, skip_checks=False)
    assert applied() == {"0001_initial"}
    assert column("SELECT secret FROM connectors_ftpsettings") == [SECRET]
    settings.LMS_ENCRYPTION_KEYS = keys
    old_database.upgrade()

    from connectors import models

    stored = [
        *column("SELECT secret FROM connectors_ftpsettings"),
        *column("SELECT secret FROM connectors_webhook"),
        *column('SELECT "values" FROM connectors_genericsettings'),
    ]
    assert len(stored) == 3
    assert SECRET not in json.dumps(stored)
    assert models.FtpSettings.objects.get().secret == SECRET
    assert models.FtpSettings.objects.get().host == "ftp.example"
    assert models.ZoomSettings.objects.get().secret == ""
    assert models.Webhook.objects.get().secret == f"{SECRET}-2"
    assert models.GenericSettings.objects.get().values == values

    # Broken off in the middle: one of them is as it was, and the next migrate goes on from there.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE connectors_webhook SET secret = %s", [f"{SECRET}-2"])
        cursor.execute("DELETE FROM django_migrations WHERE app = 'connectors' AND name >= '0004_encrypt_secrets'")
    ftp = column("SELECT secret FROM connectors_ftpsettings")
    old_database.upgrade()
    assert column("SELECT secret FROM connectors_ftpsettings") == ftp
    assert SECRET not in str(column("SELECT secret FROM connectors_webhook"))
    assert models.Webhook.objects.get().secret == f"{SECRET}-2"
