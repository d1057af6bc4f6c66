"""Every digest says of which normal form of an identifier it was made. Those that are there are of the one loose form."""

from django.db import migrations, models

import purge.hashing

FOLDED = "folded-1"


def _form_of(model: str) -> list[migrations.operations.base.Operation]:
    return [
        migrations.AddField(
            model_name=model,
            name="form",
            field=models.CharField(default=FOLDED, max_length=40),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name=model,
            name="form",
            field=models.CharField(default=purge.hashing.current_form, max_length=40),
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("purge", "0009_residue_row_names")]

    operations = [
        *_form_of("identifier"),
        *_form_of("lookup"),
        *_form_of("suppressionhash"),
        migrations.RemoveConstraint(model_name="suppressionhash", name="purge_hash_once"),
        migrations.AddConstraint(
            model_name="suppressionhash",
            constraint=models.UniqueConstraint(
                fields=("request", "kind", "form", "digest", "local"), name="purge_hash_once"
            ),
        ),
    ]
