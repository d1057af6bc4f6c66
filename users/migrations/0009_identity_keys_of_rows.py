"""The rows get their identity keys. Not one transaction, and run again after an interruption it goes on."""

from django.db import migrations

from users.identity.rekeying import rekey


def forwards(apps, schema_editor):
    rekey(apps.get_model("users", "User")._base_manager, apps.get_model("users", "FormerEmail")._base_manager)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("users", "0008_identity_keys")]

    # Back to one loose key there is no way: two people may have it.
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
