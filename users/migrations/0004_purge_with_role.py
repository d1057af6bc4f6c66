"""Accounts that are there go on giving the permission to purge one by one; new ones give it with the role."""

from django.db import migrations, models

FIELD = {
    "verbose_name": "Every Administrator may purge",
    "help_text": "Otherwise the permission is given one by one, in Internal Users. Whoever switches this off keeps it.",
}


class Migration(migrations.Migration):
    dependencies = [("users", "0003_search_by_beginning")]

    operations = [
        migrations.AddField("account", "purge_with_role", models.BooleanField(default=False, **FIELD)),
        migrations.AlterField("account", "purge_with_role", models.BooleanField(default=True, **FIELD)),
    ]
