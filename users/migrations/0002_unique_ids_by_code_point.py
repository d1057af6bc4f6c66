"""Give the sorted Unique User IDs PostgreSQL's collation "C", so that the indexes serve the order of User Cleanup.

SQLite compares bytes already. Not ``db_collation``: SQLite knows no collation of that name.
"""

from django.db import migrations


def by_code_point(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE users_user ALTER COLUMN unique_id_sort TYPE varchar(200) COLLATE "C"')


def by_locale(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE users_user ALTER COLUMN unique_id_sort TYPE varchar(200) COLLATE "default"')


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]

    operations = [migrations.RunPython(by_code_point, by_locale)]
