from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import OuterRef, Subquery

#: Where this stood before.
EARLIER = ("users", "0023_whose_look_ups")


def of_whom(apps, schema_editor):
    """A look-up belongs to the account of whoever asked; those who see all accounts ask for none."""
    if EARLIER in MigrationRecorder(schema_editor.connection).applied_migrations():
        return
    users = apps.get_model("users", "User").objects.filter(pk=OuterRef("actor"), is_superuser=False, is_support=False)
    look_ups = apps.get_model("purge", "LookUp").objects.filter(account_id=None)
    look_ups.update(account_id=Subquery(users.exclude(account__kind="system").values("account_id")))


class Migration(migrations.Migration):
    dependencies = [
        ("lms_purge", "0001_thaw_who_waits"),
        ("users", "0022_drafts_of_two_kinds"),
        ("purge", "0034_register"),
    ]

    operations = [migrations.RunPython(of_whom, migrations.RunPython.noop, elidable=True)]
