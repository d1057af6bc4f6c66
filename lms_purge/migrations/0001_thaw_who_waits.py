"""Nobody is frozen by a request that waits, and a request that was called off leaves no link dead.

The first release froze people when their request was accepted, even when it waited for an operator, and did not give
import links back when it was cancelled.

It reads what two apps have, which know nothing of each other.
"""

from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max

#: Where this stood before: whoever has run it there does not want it again.
EARLIER = ("users", "0005_thaw_who_waits")


def thaw(apps, schema_editor):
    if EARLIER in MigrationRecorder(schema_editor.connection).applied_migrations():
        return
    Subject = apps.get_model("purge", "Subject")
    User = apps.get_model("users", "User")
    holding = Subject.objects.filter(frozen_at__isnull=False).exclude(
        request__status__in=("held", "completed", "cancelled")
    )
    waiting = Subject.objects.filter(frozen_at__isnull=False, request__status="held")
    still = set(holding.filter(fate__in=("waiting", "stuck")).values_list("person_id", flat=True))
    free = [pk for pk in waiting.values_list("person_id", flat=True) if pk not in still]
    frozen = User.objects.filter(pk__in=free, state="purging")
    frozen.filter(deleted_at=None).update(state="active")
    frozen.update(state="deleted")
    waiting.update(frozen_at=None)

    ImportLog = apps.get_model("users", "ImportLog")
    until = dict(holding.order_by().values_list("account_id").annotate(latest=Max("request__accepted_at")))
    # A purge that has erased a file has emptied its column: these links were killed by a freeze alone.
    dead = ImportLog.objects.exclude(link_dead_at=None).exclude(file="")
    for account_id in set(dead.values_list("account_id", flat=True)):
        mine = dead.filter(account_id=account_id)
        if account_id in until:
            mine = mine.filter(uploaded_at__gt=until[account_id])
        mine.update(link_dead_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0004_purge_with_role"),
        ("purge", "0006_begins_when_it_may"),
    ]

    operations = [
        migrations.RunPython(thaw, migrations.RunPython.noop),
    ]
