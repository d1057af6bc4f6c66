"""Sessions have an idle and an absolute limit. Those that are there last two hours unless somebody is seen in them."""

from datetime import timedelta

from django.db import migrations, models
from django.utils import timezone


def limit(apps, schema_editor):
    """Nobody is signed out who comes back soon; a forgotten browser does not stay open for its fortnight."""
    soon = timezone.now() + timedelta(hours=2)
    apps.get_model("users", "Session").objects.filter(expire_date__gt=soon).update(expire_date=soon)


class Migration(migrations.Migration):
    dependencies = [("users", "0012_plans_ended")]

    operations = [
        migrations.AddField("session", "began_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "session", "browser", models.CharField(blank=True, db_default="", default="", max_length=40)
        ),
        migrations.AddField("session", "ip_address", models.GenericIPAddressField(null=True)),
        migrations.AddField("session", "seen_at", models.DateTimeField(null=True)),
        migrations.RunPython(limit, migrations.RunPython.noop),
    ]
