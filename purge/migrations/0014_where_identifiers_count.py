from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import F, OuterRef, Q, Subquery


def name_the_accounts(apps: Any, schema_editor: Any) -> None:
    """What was "local" was taken out in the requesting account."""
    requests = apps.get_model("purge", "PurgeRequest").objects.filter(pk=OuterRef("request_id"))
    account = Subquery(requests.values("account_id")[:1])
    apps.get_model("purge", "Identifier").objects.filter(local=True).update(account_id=account)
    hashes = apps.get_model("purge", "SuppressionHash").objects.filter(local=True, taken_out=True)
    hashes.update(only_account_id=account)


def forget_the_accounts(apps: Any, schema_editor: Any) -> None:
    """What the earlier release cannot say, it does not have: identifiers of another account than the requesting one."""
    identifiers = apps.get_model("purge", "Identifier").objects.filter(account_id__isnull=False)
    identifiers.exclude(account_id=F("request__account_id")).delete()
    hashes = apps.get_model("purge", "SuppressionHash").objects.filter(only_account_id__isnull=False)
    hashes.exclude(only_account_id=F("request__account_id")).delete()


class Migration(migrations.Migration):
    dependencies = [("purge", "0013_counts_of_the_own_account")]

    operations = [
        migrations.AddField("identifier", "account_id", models.BigIntegerField(null=True)),
        migrations.AddField("suppressionhash", "only_account_id", models.BigIntegerField(null=True)),
        migrations.AddField("suppressionhash", "match", models.BooleanField(default=False)),
        migrations.RunPython(name_the_accounts, forget_the_accounts),
        migrations.RemoveConstraint("identifier", "purge_identifier_once"),
        migrations.RemoveConstraint("suppressionhash", "purge_hash_once"),
        migrations.AddConstraint(
            "identifier",
            models.UniqueConstraint(
                fields=("request", "kind", "value"), condition=Q(account_id=None), name="purge_identifier_once"
            ),
        ),
        migrations.AddConstraint(
            "identifier",
            models.UniqueConstraint(
                fields=("request", "kind", "value", "account_id"),
                condition=Q(account_id__isnull=False),
                name="purge_identifier_once_there",
            ),
        ),
        migrations.AddConstraint(
            "suppressionhash",
            models.UniqueConstraint(
                fields=("request", "kind", "form", "digest"),
                condition=Q(person_id=None, only_account_id=None),
                name="purge_hash_once",
            ),
        ),
        migrations.AddConstraint(
            "suppressionhash",
            models.UniqueConstraint(
                fields=("request", "kind", "form", "digest", "only_account_id"),
                condition=Q(person_id=None, only_account_id__isnull=False),
                name="purge_hash_once_there",
            ),
        ),
    ]
