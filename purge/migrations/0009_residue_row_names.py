"""Places of residue that earlier releases named by a key that is a text get a number that opens nothing."""

from django.db import migrations


def name_by_number(apps, schema_editor):
    Residue = apps.get_model("purge", "Residue")
    for residue in Residue.objects.order_by("pk").only("pk", "row").iterator(chunk_size=1_000):
        if not (residue.row.isascii() and residue.row.isdigit()):
            Residue.objects.filter(pk=residue.pk).update(row=f"#{residue.pk}")


class Migration(migrations.Migration):
    dependencies = [("purge", "0008_lease")]

    operations = [migrations.RunPython(name_by_number, migrations.RunPython.noop)]
