from django.db import migrations
from django.db.models import OuterRef, Subquery


def of_whom(apps, schema_editor):
    """A look-up belongs to the account of whoever asked; those who see all accounts ask for none."""
    users = apps.get_model("users", "User").objects.filter(pk=OuterRef("actor"), is_superuser=False, is_support=False)
    look_ups = apps.get_model("purge", "LookUp").objects.filter(account_id=None)
    look_ups.update(account_id=Subquery(users.exclude(account__kind="system").values("account_id")))


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0022_drafts_of_two_kinds"),
        ("purge", "0034_register"),
    ]

    operations = [migrations.RunPython(of_whom, migrations.RunPython.noop, elidable=True)]
