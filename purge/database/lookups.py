"""Filters that Django does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Lookup

from purge.database import dialect_of

if TYPE_CHECKING:
    AnyLookup = Lookup[Any]
else:  # at run time Django's class takes no parameter unless a project patches it
    AnyLookup = Lookup


class AnyOf(AnyLookup):
    """A filter: ``AnyOf(F("email_key"), keys)``. One parameter however many values, which costs a fraction of IN."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        name, params = self.process_lhs(compiler, connection)
        where, listed = dialect_of(connection).any_of(name, self.rhs)
        return where, [*params, listed]


class StillAnyOf(AnyOf):
    """The same, asked of rows that something else has found: no index is used for it."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        name, params = self.process_lhs(compiler, connection)
        where, listed = dialect_of(connection).still_any_of(name, self.rhs)
        return where, [*params, listed]


class Begins(AnyLookup):
    """A filter: ``Begins(F("email_key"), "ann")``, written so that an index serves it on both databases.

    Django's own ``startswith`` is answered by reading every row on SQLite, and so is ``istartswith`` on both. The text
    is compared as it stands. On PostgreSQL the index has to be collated "C", or made with pattern operators.
    """

    prepare_rhs = False
    parameter = "%s"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, params = self.process_lhs(compiler, connection)
        where, texts = dialect_of(connection).begins(left, self.rhs, self.parameter)
        # The expression stands before each of the texts, with its own parameters.
        return where, [value for text in texts for value in (*params, text)]


class BeginsInLowerCase(Begins):
    """The same for an expression in the database's lower case: the text is put into that as well, by the database.

    SQLite knows the lower case of ASCII alone.
    """

    parameter = "LOWER(%s)"
