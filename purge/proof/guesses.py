"""Where a person may stand without anything that says so: told by the names of columns, each with the reason.

What the database or the host says is no guess: foreign keys, types, widths, address indexes, the columns that people
sign in with. These are for what is left, and for columns that somebody adds past the rules: the proof knows no rule, so
that it cannot share a rule's mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from purge.database.catalog import Catalog, Column, ColumnType
from purge.models import DoomedFile, Identifier, IdentifierSet, Subject, SuppressionHash

#: The engine's own tables hold ids and, while a request is open, what it captured.
OWN_TABLES = frozenset(
    model._meta.db_table for model in (DoomedFile, Identifier, IdentifierSet, Subject, SuppressionHash)
)


@dataclass(frozen=True)
class Guess:
    """Columns of these types whose name is one of ``names``, or ends with one of ``endings``, or contains one of
    ``words``."""

    types: tuple[ColumnType, ...]
    reason: str
    names: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    #: Whether it is one in another schema as well: there, numbers and logins are another application's.
    everywhere: bool = False

    def fits(self, column: Column) -> bool:
        name = column.name
        return (
            column.type in self.types
            and (self.everywhere or column.is_near)
            and column.table not in OWN_TABLES
            and (name in self.names or name.endswith(self.endings) or any(word in name for word in self.words))
        )

    def columns(self, catalog: Catalog) -> Iterable[Column]:
        return (column for column in catalog.columns if self.fits(column))


PERSON_NUMBERS = Guess(
    ("integer",),
    "a row number without a foreign key: whoever leaves the key out still calls the column after what it points at",
    names=("user_id", "person_id"),
    endings=("_user_id", "_person_id"),
)
PUBLIC_IDS = Guess(
    ("uuid",),
    "a person's opaque id: copied from the column of that name, or called after the person whom it stands for",
    words=("public_id", "user", "person", "owner"),
    everywhere=True,
)
#: Of a type that has room for an address. One with an address index is looked at whatever its name is.
ADDRESSES = Guess(
    ("text", "json"),
    "an address alone is short, and a column for one says so; other texts are for the patrol, which reads them all",
    words=("mail",),
    everywhere=True,
)
LOGINS = Guess(
    ("text",),
    "what somebody signs in with at another system looks like no address: it is looked for where logins are written, "
    "and in filters, which name people by them",
    endings=("login", "user_name", "username", "_filter", "filter_value"),
)
