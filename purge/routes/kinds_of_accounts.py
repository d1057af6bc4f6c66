"""Accepting a purge and changing an account's kind keep out of each other's way.

Which accounts a purge reaches is decided by their kind when it is accepted. Many may be accepted at once; while one is,
no kind changes, and the other way round. Locks of the transaction, so that a pooler between does not matter; SQLite
has one writer at a time anyway.
"""

from __future__ import annotations

from django.db import connection

from purge.database import dialect_of

# Any number.
_LOCK = 7_265_113_409


def no_kind_changes() -> None:
    """To the end of the transaction no account changes its kind. For whoever accepts a purge."""
    dialect_of(connection).lock(_LOCK, shared=True)


def no_purge_is_being_accepted() -> None:
    """To the end of the transaction no purge is accepted; those accepted before can be seen from now on."""
    dialect_of(connection).lock(_LOCK, shared=False)
