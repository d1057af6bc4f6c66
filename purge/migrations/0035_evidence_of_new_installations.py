from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import migrations
from django.utils import timezone

#: As `purge.rules.periods.STANDARD` was when this was written.
STANDARD = {
    "requests": 1095,
    "sign_ins": 180,
    "mails": 365,
    "look_ups": 365,
    "exports": 365,
    "import_files": 365,
}


def begin_with_periods(apps: Any, schema_editor: Any) -> None:
    """A database that is just being made keeps evidence for the standard periods. One that existed before is asked:
    nothing goes until somebody has decided. (The row of an installation is made after a migrate is over.)"""
    database = schema_editor.connection.alias
    signs = ("purge.Installation", "purge.PurgeRequest", settings.AUTH_USER_MODEL)
    if any(apps.get_model(name)._base_manager.using(database).exists() for name in signs):
        return
    periods = apps.get_model("purge.EvidencePeriod")._base_manager.using(database)
    now = timezone.now()
    for kind, days in STANDARD.items():
        periods.get_or_create(kind=kind, defaults={"days": days, "decided_at": now})


class Migration(migrations.Migration):
    dependencies = [("purge", "0034_register")]

    operations = [migrations.RunPython(begin_with_periods, migrations.RunPython.noop, elidable=False)]
