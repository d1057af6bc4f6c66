"""Sessions are known by a digest of their key. What is there is turned into digests: nobody is signed out.

Unread messages are dropped from them: earlier releases named people there.
"""

import hashlib
from itertools import islice

from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.db import migrations, models

SALT = "django.contrib.sessions.SessionStore"
MESSAGES = "_messages"
BATCH = 1_000
DIGEST_LENGTH = 64


def take_digests(apps, schema_editor):
    Session = apps.get_model("users", "Session")
    quote = schema_editor.connection.ops.quote_name
    table, key, data = (quote(name) for name in ("users_session", "session_key", "session_data"))
    keys = iter([key for key in Session.objects.values_list("session_key", flat=True) if len(key) < DIGEST_LENGTH])
    while some := list(islice(keys, BATCH)):
        rows = Session.objects.filter(session_key__in=some).values_list("session_key", "session_data")
        changed = [(hashlib.sha256(old.encode()).hexdigest(), without_messages(text), old) for old, text in rows]
        with schema_editor.connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {table} SET {key} = %s, {data} = %s WHERE {key} = %s", changed)  # noqa: S608


def without_messages(text):
    try:
        data = signing.loads(text, salt=SALT, serializer=JSONSerializer)
    except (signing.BadSignature, ValueError):
        return text
    if MESSAGES not in data:
        return text
    return signing.dumps(
        {name: value for name, value in data.items() if name != MESSAGES},
        salt=SALT,
        serializer=JSONSerializer,
        compress=True,
    )


def end_sessions(apps, schema_editor):
    """Nobody can tell a key from its digest: who goes back signs in again."""
    apps.get_model("users", "Session").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("users", "0006_kind_changed_at")]

    operations = [
        migrations.AlterField(
            model_name="session",
            name="session_key",
            field=models.CharField(max_length=64, primary_key=True, serialize=False),
        ),
        migrations.RunPython(take_digests, end_sessions),
    ]
