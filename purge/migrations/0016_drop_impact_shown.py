"""What a confirmation page had shown was stored with the request and read by nobody."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("purge", "0015_journal"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="purgerequest",
            name="impact",
        ),
    ]
