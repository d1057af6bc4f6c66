"""One mailbox, one row of an account; an absent identifier is NULL."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("users", "0009_identity_keys_of_rows")]

    operations = [
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(fields=("account", "email_key"), name="users_user_email_in_account"),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=Q(("email_key__isnull", True), Q(("email_key", ""), _negated=True), _connector="OR"),
                name="users_user_key_is_null_or_said",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=Q(("same_mailbox_as__isnull", True), ("email_key__isnull", True), _connector="OR"),
                name="users_user_shares_no_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="formeremail",
            constraint=models.UniqueConstraint(fields=("user", "email_key"), name="users_former_email_once"),
        ),
        migrations.AddConstraint(
            model_name="formeremail",
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(("email__isnull", True), Q(("email", ""), _negated=True), _connector="OR"),
                    Q(("email_key__isnull", True), Q(("email_key", ""), _negated=True), _connector="OR"),
                ),
                name="users_former_email_absent_is_null",
            ),
        ),
    ]
