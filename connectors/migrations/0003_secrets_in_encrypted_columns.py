"""Columns of secrets become encrypted ones. The next migration encrypts what stands in them."""

from django.db import migrations

import keys.fields
from keys.encryption import require_key

SECRETS = {
    "adobeconnectsettings": "password",
    "azureadsettings": "client secret",
    "ftpsettings": "password or key",
    "salesforcesettings": "OAuth token",
    "teamssettings": "client secret",
    "webhook": "password",
    "workdaysettings": "password",
    "zoomsettings": "client secret",
}


def refuse_without_key(apps, schema_editor):
    """Before anything is changed."""
    require_key()


def drop_address_indexes(apps, schema_editor):
    """Of the column that changes its type: they read it as JSON. What is needed is made after the migrations."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "connectors_genericsettings")
        for name in found:
            if name.startswith("purge_address_"):
                cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")


class Migration(migrations.Migration):
    dependencies = [("connectors", "0002_foreign_references")]

    operations = [
        migrations.RunPython(refuse_without_key, refuse_without_key),
        migrations.SeparateDatabaseAndState(
            # A text stays a text.
            state_operations=[
                migrations.AlterField(
                    model, "secret", keys.fields.EncryptedTextField(blank=True, default="", verbose_name=words)
                )
                for model, words in SECRETS.items()
            ]
        ),
        migrations.RunPython(drop_address_indexes, migrations.RunPython.noop),
        migrations.AlterField(
            "genericsettings",
            "values",
            keys.fields.EncryptedJSONField(blank=True, default=dict, verbose_name="keys and hosts"),
        ),
    ]
