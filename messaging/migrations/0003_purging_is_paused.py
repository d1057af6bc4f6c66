"""News of no request: nothing can be purged."""

from django.db import migrations, models

import messaging.models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0002_told_each_time")]

    operations = [
        migrations.AlterField(
            "notification",
            "kind",
            models.CharField(choices=messaging.models.NotificationKind.choices, max_length=20, verbose_name="kind"),
        )
    ]
