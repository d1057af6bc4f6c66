"""Request IDs of other accounts' purges leave the rows that those stopped: no customer learns about another."""

from django.db import migrations

#: Model, its column, and the path to its account.
PLACES = (("Session", "needs_instructor_reference", "course__account_id"),)


def take_out_foreign(apps, schema_editor):
    Request = apps.get_model("purge", "PurgeRequest")
    for label, column, path in PLACES:
        rows = apps.get_model("learning", label).objects.exclude(**{column: ""})
        for pk, reference, account_id in list(rows.values_list("pk", column, path)):
            if not Request.objects.filter(reference=reference, account_id=account_id).exists():
                apps.get_model("learning", label).objects.filter(pk=pk).update(**{column: ""})


class Migration(migrations.Migration):
    dependencies = [("learning", "0001_initial"), ("purge", "0003_compacted_at")]

    operations = [migrations.RunPython(take_out_foreign, migrations.RunPython.noop)]
