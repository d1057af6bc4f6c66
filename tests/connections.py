"""Further connections to the test's database, as another process has one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def another_connection() -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own that is closed at the end.

    Django's ``close()`` leaves a connection to SQLite's database in memory open, since closing the last one would be
    the end of the data: so a copy of it stays open for ever, of which Python 3.13 complains.
    """
    other = connection.copy()
    try:
        yield other
    finally:
        BaseDatabaseWrapper.close(other)
