"""Room for keys that say whose an address is, and for rows that have none."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0007_session_digests")]

    operations = [
        migrations.RemoveConstraint(model_name="formeremail", name="users_former_email_once"),
        migrations.RemoveConstraint(model_name="user", name="users_user_email_in_account"),
        migrations.RemoveConstraint(model_name="user", name="users_user_has_key"),
        migrations.AddField(
            model_name="user",
            name="same_mailbox_as",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="same mailbox as",
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="email_key",
            field=models.CharField(db_index=True, editable=False, max_length=320, null=True),
        ),
        migrations.AlterField(
            model_name="formeremail",
            name="email",
            field=models.EmailField(max_length=320, null=True, verbose_name="e-mail"),
        ),
        migrations.AlterField(
            model_name="formeremail",
            name="email_key",
            field=models.CharField(db_index=True, editable=False, max_length=320, null=True),
        ),
    ]
