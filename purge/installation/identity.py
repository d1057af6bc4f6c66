"""Which installation a database belongs to: an id of its own, made once, that what lies outside the database names."""

from __future__ import annotations

from typing import Any

from django.db import connections

from purge.models import Installation


def installation() -> Installation:
    """The one row; made when it is missing, so that an empty database begins with an id of its own."""
    found = Installation.objects.first()
    if found is None:
        # Two processes may come at once: the row is the only one that the table takes.
        Installation.objects.bulk_create([Installation()], ignore_conflicts=True)
        found = Installation.objects.get()
    return found


def is_copy() -> bool:
    """Whether an operator declared this database a copy: nobody is written to from one."""
    return Installation.objects.exclude(copy_of=None).exists()


def begin_installation(*, using: str, **kwargs: Any) -> None:
    """After each migrate of the default database: its id is there before anything is bound to it."""
    if using == "default" and Installation._meta.db_table in connections[using].introspection.table_names():
        installation()
