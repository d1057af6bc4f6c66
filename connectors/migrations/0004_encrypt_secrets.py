"""Encrypts what stands in the columns of secrets. May be broken off and run again: what is encrypted stays."""

from django.db import migrations

from keys.encryption import require_key
from keys.rotation import lay_open, places, rotate


def columns(apps):
    return places(apps.get_app_config("connectors").get_models())


def encrypt(apps, schema_editor):
    require_key()
    for place in columns(apps):
        rotate(place)


def decrypt(apps, schema_editor):
    require_key()
    for place in columns(apps):
        lay_open(place)


class Migration(migrations.Migration):
    # Each value is a transaction of its own: a database of many is not kept waiting, and what is done stays done.
    atomic = False

    dependencies = [("connectors", "0003_secrets_in_encrypted_columns")]

    operations = [migrations.RunPython(encrypt, decrypt)]
