"""The one place that knows two databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from purge.database.dialect import Dialect
from purge.database.postgresql import PostgreSQL
from purge.database.sqlite import SQLite

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["Dialect", "dialect_of"]

_DIALECTS: Final[dict[str, type[Dialect]]] = {"postgresql": PostgreSQL, "sqlite": SQLite}


def dialect_of(connection: BaseDatabaseWrapper) -> Dialect:
    """How this connection's database is spoken to. KeyError: it is neither of the two."""
    return _DIALECTS[connection.vendor](connection)
