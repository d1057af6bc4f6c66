"""The suppression list answers by person and account. Of what is there, as much as can be told.

Hashes of the requesting account's people answer for that account, as they did; where one person was selected, they are
that person's. In other accounts only what can be told answers: where one address was looked for, whoever was found had
it. Of requests for several people nobody knows any more which of the addresses was whose, so they answer for the
requesting account alone.
"""

from django.db import migrations, models

FOUND_BY_ADDRESS = ("match", "creator")


def tell_whose(apps, schema_editor):
    Request = apps.get_model("purge", "PurgeRequest")
    for request in Request.objects.order_by("pk").only("pk", "account_id").iterator(chunk_size=500):
        _of_the_requesting_account(request)
        _of_other_accounts(apps, request)


def _of_the_requesting_account(request):
    if request.account_id is None:
        return
    selected = list(request.subjects.filter(role="selected").values_list("person_id", flat=True)[:2])
    request.hashes.exclude(kind="public_id").update(
        account_id=request.account_id, person_id=selected[0] if len(selected) == 1 else None
    )


def _of_other_accounts(apps, request):
    looked_for = list(
        request.hashes.filter(kind__in=("email", "login"), local=False).values_list(
            "kind", "form", "digest", "key_fingerprint"
        )[:2]
    )
    if len(looked_for) != 1:
        return
    kind, form, digest, key_fingerprint = looked_for[0]
    Hash = apps.get_model("purge", "SuppressionHash")
    Hash.objects.bulk_create(
        [
            Hash(
                request=request,
                kind=kind,
                form=form,
                digest=digest,
                key_fingerprint=key_fingerprint,
                local=True,
                person_id=person_id,
                account_id=account_id,
                taken_out=False,
            )
            for person_id, account_id in request.subjects.filter(role__in=FOUND_BY_ADDRESS).values_list(
                "person_id", "account_id"
            )
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("purge", "0011_worker_trouble"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="suppressionhash",
            name="purge_hash_once",
        ),
        migrations.AddField(
            model_name="suppressionhash",
            name="account_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="suppressionhash",
            name="person_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="suppressionhash",
            name="taken_out",
            field=models.BooleanField(default=True),
        ),
        migrations.AddConstraint(
            model_name="suppressionhash",
            constraint=models.UniqueConstraint(
                condition=models.Q(("person_id", None)),
                fields=("request", "kind", "form", "digest", "local"),
                name="purge_hash_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppressionhash",
            constraint=models.UniqueConstraint(
                condition=models.Q(("person_id__isnull", False)),
                fields=("request", "person_id", "kind", "form", "digest", "local"),
                name="purge_hash_of_person_once",
            ),
        ),
        migrations.RunPython(tell_whose, migrations.RunPython.noop),
    ]
