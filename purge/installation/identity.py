"""Which installation a database belongs to: an id of its own, made once, that what lies outside the database names."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import connections

from purge.addresses import IDENTITY_KEY_VERSION
from purge.models import Installation


def installation() -> Installation:
    """The one row; made when it is missing, so that an empty database begins with an id of its own."""
    found = Installation.objects.first()
    if found is None:
        # Two processes may come at once: the row is the only one that the table takes.
        # What has no id yet has no people either, or they get their keys by the migration that also brings the id.
        Installation.objects.bulk_create([Installation(people_keyed_by=IDENTITY_KEY_VERSION)], ignore_conflicts=True)
        found = Installation.objects.get()
    return found


def is_copy() -> bool:
    """Whether an operator declared this database a copy: nobody is written to from one."""
    return Installation.objects.exclude(copy_of=None).exists()


def done_in_copy_of(completed_at: datetime | None) -> uuid.UUID | None:
    """The original, if a request that was completed then (None: not yet) was, or will be, carried out in a declared
    copy: what it erased is gone from the copy alone. What was completed before was done in the original."""
    copies = Installation.objects.exclude(copy_of=None)
    if completed_at is not None:
        copies = copies.filter(copied_at__lt=completed_at)
    return copies.values_list("copy_of", flat=True).first()


def begin_installation(*, using: str, **kwargs: Any) -> None:
    """After each migrate of the default database: its id is there before anything is bound to it."""
    if using == "default" and Installation._meta.db_table in connections[using].introspection.table_names():
        installation()
