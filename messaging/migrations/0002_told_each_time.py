"""A state that comes back is told again, and the operators may share a mailbox."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("messaging", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint("notification", "messaging_one_notification_per_news"),
        migrations.AddField("notification", "occurrence", models.PositiveIntegerField(default=1, editable=False)),
        migrations.AlterField(
            "notification",
            "recipient",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="notifications",
                to=settings.AUTH_USER_MODEL,
                verbose_name="recipient",
            ),
        ),
        migrations.AddConstraint(
            "notification",
            models.UniqueConstraint(
                fields=("request_id", "recipient", "kind", "occurrence"), name="messaging_one_notification_per_news"
            ),
        ),
        migrations.AddConstraint(
            "notification",
            models.UniqueConstraint(
                condition=models.Q(recipient=None),
                fields=("request_id", "kind", "occurrence"),
                name="messaging_one_mail_to_operators",
            ),
        ),
    ]
