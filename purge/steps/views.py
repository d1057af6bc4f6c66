"""Materialized views that the rules name: made anew when the rows that they copy are gone."""

from __future__ import annotations

from django.db import connection

from purge.database import dialect_of
from purge.rules.registry import get_registry


def refresh_views() -> int:
    """Make the views of the rules anew, in their order; how many there are. One that is not there is passed over.

    Raises a database error where somebody keeps one busy.
    """
    views = get_registry().refreshed
    for view in views:
        dialect_of(connection).refresh(view)
    return len(views)
