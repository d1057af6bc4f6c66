"""A declared copy of an installation: a staging database."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from purge.installation.identity import installation
from purge.journal import chains
from purge.models import Installation, JournalAlarm, JournalChain, JournalMark


def begin_copy() -> Installation:
    """Declare this database a copy of what it was copied from: it gets an id of its own, and marks nothing yet.

    What is bound to the old id, the file storage and the purge log, stays the original's. Raises OSError when the log
    of the copy cannot be begun.
    """
    before = installation()
    with transaction.atomic():
        Installation.objects.filter(pk=before.pk).delete()
        copy = Installation.objects.create(
            copy_of=before.pk, copied_at=timezone.now(), people_keyed_by=before.people_keyed_by
        )
        JournalAlarm.objects.all().delete()
        JournalChain.objects.all().delete()
        JournalMark.objects.update(chain="", seq=0, written=F("reached"))
        JournalChain.objects.create(name=chains.begin(copy.pk, copy_of=str(before.pk)))
        return copy
