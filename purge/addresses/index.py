"""The index that finds the rows that mention an address: the database keeps it, so no way of writing can forget it.

For each redacted column a GIN index on what the database's function finds in it (:mod:`purge.addresses.sql`). That is a
superset; :mod:`purge.addresses` decides. SQLite knows no such index; there it is one of the rows whose text could hold
an at-sign or a digest at all, made with SQLite's own functions, so that every program can go on writing. A search reads
all of those.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from django.db import transaction

from purge.addresses import cannot_mention
from purge.addresses.encodings import AT_SIGNS, ESCAPING
from purge.addresses.sql import (
    FUNCTIONS,
    definition,
    function_statements,
    json_function,
    may_mention,
    text_function,
    version,
)
from purge.database import dialect_of

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

PREFIX: Final = "purge_address_"
_LONGEST_NAME: Final = 63
# Any number: two processes that migrate at once take turns.
_LOCK: Final = 7_265_113_407
# Kilobytes of new entries that a search has to read through, and that one unlucky writer sorts in.
_PENDING: Final = 256
# At-signs, and what introduces an escape (a backslash is what JSON writes other characters with), each once.
_TELLTALE: Final = tuple(dict.fromkeys(AT_SIGNS + ESCAPING))


# SQLite's patterns know no repetition. Of a UUID the middle is enough.
_X: Final = "[0-9A-Fa-f]"
_HEXADECIMAL_RUNS: Final = (_X * 32, f"-{_X * 4}-{_X * 4}-{_X * 4}-{_X * 12}")
_MAY_CONTAIN: Final = re.compile("|".join((f"[{re.escape(''.join(_TELLTALE))}]", *_HEXADECIMAL_RUNS)))


@dataclass(frozen=True)
class TextColumn:
    """A column that may mention addresses: database names, and whether it holds JSON."""

    table: str
    column: str
    is_json: bool = False


class UnfitDatabase(Exception):
    """The database cannot keep the index. The text says why, for the person who operates it."""


def index_name(column: TextColumn) -> str:
    """The same name each time, in 63 bytes (PostgreSQL); no two columns share one, a new definition has a new one."""
    kind = "json" if column.is_json else "text"
    whole = f"{column.table}.{column.column}.{kind}.{definition()}.{may_contain_address('', is_json=column.is_json)}"
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    readable = f"{PREFIX}{digest}_{column.table}_{column.column}"
    return readable.encode()[:_LONGEST_NAME].decode(errors="ignore")


def create_functions(connection: BaseDatabaseWrapper) -> bool:
    """Make the functions where they are missing or old; whether it did. Indexes on old ones are rebuilt with them.

    Raises :class:`UnfitDatabase` when the database is not kept in UTF-8.
    """
    return _texts(connection).create_functions()


def is_current(connection: BaseDatabaseWrapper, columns: Iterable[TextColumn]) -> bool:
    """Whether functions and indexes are those of this release, this server and this Python, and every column has one.
    Migrating makes them so: nothing else does, after a new release, an upgrade of the server or a restored dump."""
    return _texts(connection).has_current_functions() and not missing_indexes(connection, columns)


def replace_indexes(connection: BaseDatabaseWrapper, columns: Sequence[TextColumn]) -> None:
    """Indexes of today's definition on these columns, and on no others; those of an earlier one go when the new ones
    are there, so that a search is answered by an index all the time.

    Where there were others before, and outside a transaction, writers need not wait. The functions of the definition
    before stay until the next time: processes of the release before may still ask them.
    """
    drop_unneeded_functions(connection)
    concurrently = bool(_texts(connection).indexes()) and not connection.in_atomic_block
    ensure_indexes(connection, columns, concurrently=concurrently)
    drop_unneeded_indexes(connection, columns, concurrently=concurrently)


def drop_unneeded_functions(connection: BaseDatabaseWrapper) -> None:
    """Drop the functions of earlier definitions with which no index is made."""
    texts = _texts(connection)
    for function in texts.unneeded_functions():
        texts.execute(f"DROP FUNCTION IF EXISTS {function}")


def index_statements(
    connection: BaseDatabaseWrapper, columns: Iterable[TextColumn], *, concurrently: bool = False
) -> list[str]:
    """The statements that make the indexes. ``concurrently``: writers need not wait (not within a transaction)."""
    texts = _texts(connection)
    return [texts.index_statement(column, concurrently=concurrently) for column in columns]


def missing_indexes(connection: BaseDatabaseWrapper, columns: Iterable[TextColumn]) -> list[TextColumn]:
    """The columns without a working index, each once."""
    indexes = _texts(connection).indexes()
    return [column for column in dict.fromkeys(columns) if not indexes.get(index_name(column), False)]


def ensure_indexes(
    connection: BaseDatabaseWrapper, columns: Iterable[TextColumn], *, concurrently: bool = False
) -> list[TextColumn]:
    """Make the functions and the missing indexes; the columns that got one.

    ``concurrently``: writers need not wait; not within a transaction.
    """
    create_functions(connection)
    missing = missing_indexes(connection, columns)
    texts = _texts(connection)
    for column, statement in zip(
        missing, index_statements(connection, missing, concurrently=concurrently), strict=True
    ):
        # A build that was broken off leaves an index that is kept up and never used.
        texts.execute(texts.drop_statement(index_name(column), concurrently=concurrently))
        texts.execute(statement)
    for table in dict.fromkeys(column.table for column in missing):
        texts.sample(table)
    return missing


def drop_indexes(connection: BaseDatabaseWrapper, columns: Iterable[TextColumn], *, concurrently: bool = False) -> None:
    """Drop the indexes of these columns, where there are any."""
    texts = _texts(connection)
    for column in columns:
        texts.execute(texts.drop_statement(index_name(column), concurrently=concurrently))


def drop_unneeded_indexes(
    connection: BaseDatabaseWrapper, columns: Iterable[TextColumn], *, concurrently: bool = False
) -> list[str]:
    """Drop the address indexes of all columns but these; their names."""
    needed = {index_name(column) for column in columns}
    texts = _texts(connection)
    unneeded = sorted(name for name in texts.indexes() if name.startswith(PREFIX) and name not in needed)
    for name in unneeded:
        texts.execute(texts.drop_statement(name, concurrently=concurrently))
    return unneeded


def candidates_where(
    connection: BaseDatabaseWrapper, column: TextColumn, keys: Collection[str]
) -> tuple[str, list[Any]]:
    """A condition on the column's table, with its parameters, true for every row that mentions one of the keys.

    And maybe for others: Python decides (:func:`purge.addresses.mentions`). The index answers it; on SQLite with all
    rows that may mention anybody.
    """
    return _texts(connection).candidates_where(column, keys)


def candidates_among(connection: BaseDatabaseWrapper, column: TextColumn, keys_sql: str) -> tuple[str, list[Any]]:
    """The same where the keys are an SQL expression (a text array), so that a long statement holds them once."""
    return _texts(connection).candidates_among(column, keys_sql)


def may_contain_address(name: str, *, is_json: bool = False) -> str:
    """SQLite: the condition that a text holds an at-sign or what introduces an escape, or a long run of hexadecimal
    digits; of JSON documents that it says anything."""
    if is_json:
        return f"(length({name}) > 2)"
    signs = [f"instr({name}, '{sign}') > 0" for sign in _TELLTALE]
    return "(" + " OR ".join([*signs, *(f"{name} GLOB '*{run}*'" for run in _HEXADECIMAL_RUNS)]) + ")"


def may_contain(text: str) -> bool:
    """The same of a text, here."""
    return bool(_MAY_CONTAIN.search(text))


#: The keys that :data:`MENTIONS_ANY` asks about, for the statements of this thread.
_sought: ContextVar[Collection[str]] = ContextVar("sought", default=())
#: SQLite: a function that tells of a value whether it may mention one of the keys that are sought.
MENTIONS_ANY: Final = "purge_may_mention"


def offer_functions(connection: BaseDatabaseWrapper) -> None:
    """Give a new connection of SQLite's the function :data:`MENTIONS_ANY`. No index or trigger may use it."""
    dialect_of(connection).offer_function(MENTIONS_ANY, _mentions_any)


def _mentions_any(value: Any) -> bool:
    return isinstance(value, str) and not cannot_mention(value, _sought.get())


@contextmanager
def searching_for(keys: Collection[str]) -> Iterator[None]:
    """What :data:`MENTIONS_ANY` asks about meanwhile."""
    token = _sought.set(keys)
    try:
        yield
    finally:
        _sought.reset(token)


_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def storable(keys: Iterable[str]) -> list[str]:
    """Those of the keys that may stand in a text of PostgreSQL's: half surrogates and NUL are in none."""
    return [key for key in keys if not _UNSTORABLE.search(key)]


# ---------------------------------------------------------------- one face, two databases


class _Texts(ABC):
    """How one kind of database is asked which rows may mention an address."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    @abstractmethod
    def create_functions(self) -> bool: ...

    @abstractmethod
    def has_current_functions(self) -> bool: ...

    @abstractmethod
    def index_statement(self, column: TextColumn, *, concurrently: bool) -> str: ...

    @abstractmethod
    def drop_statement(self, name: str, *, concurrently: bool = False) -> str: ...

    @abstractmethod
    def unneeded_functions(self) -> list[str]:
        """The functions of earlier definitions with which no index is made, as DROP names them."""

    @abstractmethod
    def indexes(self, functions: Sequence[str] = ()) -> dict[str, bool]:
        """The address indexes, by name, and whether each works. ``functions``: those made with these alone."""

    @abstractmethod
    def sample(self, table: str) -> None:
        """After an index was made: let the planner know what is in it."""

    @abstractmethod
    def candidates_where(self, column: TextColumn, keys: Collection[str]) -> tuple[str, list[Any]]: ...

    @abstractmethod
    def candidates_among(self, column: TextColumn, keys_sql: str) -> tuple[str, list[Any]]: ...

    def quoted(self, name: str) -> str:
        return str(self.connection.ops.quote_name(name))

    def named(self, column: TextColumn) -> str:
        return f"{self.quoted(column.table)}.{self.quoted(column.column)}"

    def execute(self, statement: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())


#: By the driver's connection: asked once each, since a search names the schema for every column.
_schemas: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


class _IndexedTexts(_Texts):
    """PostgreSQL: GIN indexes on functions that take the addresses out of a text."""

    def create_functions(self) -> bool:
        schema = self.schema
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", [_LOCK])
            ((encoding,),) = self.rows("SELECT pg_catalog.current_setting('server_encoding')")
            if encoding != "UTF8":
                raise UnfitDatabase(f"The database is kept in {encoding}; make it with ENCODING 'UTF8'.")
            if self.has_current_functions():
                return False
            wanted, current = self._wanted(), (text_function(), json_function())
            for statement in function_statements(schema):
                cursor.execute(statement)
            for name, argument in zip(current, ("text", "jsonb"), strict=True):
                cursor.execute(f"COMMENT ON FUNCTION {schema}.{name}({argument}) IS '{wanted}'")
            # Of these very functions, which another server's tables have changed: what they index is read anew.
            for index in self.indexes(current):
                cursor.execute(f"REINDEX INDEX {schema}.{self.quoted(index)}")
        return True

    def has_current_functions(self) -> bool:
        return self._versions() == dict.fromkeys((text_function(), json_function()), self._wanted())

    def _wanted(self) -> str:
        """What is to be remembered with the functions."""
        ((server,),) = self.rows("SELECT pg_catalog.current_setting('server_version_num')::int / 10000")
        return version(self.schema, server)

    def index_statement(self, column: TextColumn, *, concurrently: bool) -> str:
        return (
            f"CREATE INDEX {self._while_others_write(column.table, concurrently)}{self.quoted(index_name(column))} "
            f"ON {self.schema}.{self.quoted(column.table)} USING gin (({self._expression(column)})) "
            f"WITH (gin_pending_list_limit = {_PENDING}) "
            f"WHERE {self._condition(column)}"
        )

    def drop_statement(self, name: str, *, concurrently: bool = False) -> str:
        how = self._while_others_write(name, concurrently)
        return f"DROP INDEX {how}IF EXISTS {self.schema}.{self.quoted(name)}"

    def _while_others_write(self, relation: str, concurrently: bool) -> str:
        """PostgreSQL cannot do that with a table in partitions, nor with its indexes: there writers wait."""
        if not concurrently or self.rows(
            "SELECT FROM pg_catalog.pg_class WHERE relname = %s AND relkind IN ('p', 'I')"
            " AND relnamespace = pg_catalog.current_schema()::regnamespace",
            [relation],
        ):
            return ""
        return "CONCURRENTLY "

    def unneeded_functions(self) -> list[str]:
        found = self.rows(
            "SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p"
            " WHERE p.pronamespace = pg_catalog.current_schema()::regnamespace AND p.proname LIKE %s"
            " AND NOT p.proname = ANY (%s) AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refobjid = p.oid"
            " AND d.refclassid = 'pg_catalog.pg_proc'::regclass)",
            [f"{FUNCTIONS}%", [text_function(), json_function()]],
        )
        return [function for (function,) in found]

    def indexes(self, functions: Sequence[str] = ()) -> dict[str, bool]:
        return dict(
            self.rows(
                "SELECT DISTINCT c.relname, i.indisvalid AND i.indisready FROM pg_catalog.pg_index i"
                " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
                " JOIN pg_catalog.pg_depend d ON d.objid = i.indexrelid"
                " AND d.refclassid = 'pg_catalog.pg_proc'::regclass"
                " JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid"
                " WHERE c.relnamespace = pg_catalog.current_schema()::regnamespace AND p.proname LIKE %s"
                " AND (%s::text[] = '{}' OR p.proname = ANY (%s))",
                [f"{FUNCTIONS}%", list(functions), list(functions)],
            )
        )

    def sample(self, table: str) -> None:
        # The planner knows nothing of an expression until its values have been sampled.
        self.execute(f"ANALYZE {self.schema}.{self.quoted(table)}")

    def candidates_where(self, column: TextColumn, keys: Collection[str]) -> tuple[str, list[Any]]:
        return self._overlap(column, "%s::text[]"), [storable(keys)]

    def candidates_among(self, column: TextColumn, keys_sql: str) -> tuple[str, list[Any]]:
        return self._overlap(column, keys_sql), []

    def _overlap(self, column: TextColumn, keys_sql: str) -> str:
        # The condition of the index is said again, else the planner cannot use it.
        condition = self._condition(column).replace("%", "%%")
        return f"({condition} AND {self._expression(column)} && {keys_sql})"

    def _expression(self, column: TextColumn) -> str:
        """What the index is made on; a search has to say the very same."""
        function, kind = (json_function(), "jsonb") if column.is_json else (text_function(), "text")
        return f"{self.schema}.{function}({self.named(column)}::{kind})"

    def _condition(self, column: TextColumn) -> str:
        """Which rows the index holds."""
        return may_mention(f"({self.named(column)}::text)", is_json=column.is_json)

    def _versions(self) -> dict[str, str]:
        """What is remembered with each of the functions there are."""
        return dict(
            self.rows(
                "SELECT proname, pg_catalog.obj_description(oid, 'pg_proc') FROM pg_catalog.pg_proc"
                " WHERE pronamespace = pg_catalog.current_schema()::regnamespace AND proname = ANY (%s)",
                [[text_function(), json_function()]],
            )
        )

    @property
    def schema(self) -> str:
        self.connection.ensure_connection()
        schema = _schemas.get(self.connection.connection)
        if schema is None:
            ((name,),) = self.rows("SELECT pg_catalog.current_schema()")
            schema = _schemas[self.connection.connection] = self.quoted(name)
        return schema


class _ScannedTexts(_Texts):
    """SQLite: an index of the rows whose text could hold an at-sign; a search reads all of those."""

    def create_functions(self) -> bool:
        return False

    def has_current_functions(self) -> bool:
        return True

    def index_statement(self, column: TextColumn, *, concurrently: bool) -> str:
        with self.connection.cursor() as cursor:
            key = str(self.connection.introspection.get_primary_key_column(cursor, column.table))
        return (
            f"CREATE INDEX {self.quoted(index_name(column))} ON {self.quoted(column.table)} "
            f"({self.quoted(key)}) WHERE {may_contain_address(self.quoted(column.column), is_json=column.is_json)}"
        )

    def drop_statement(self, name: str, *, concurrently: bool = False) -> str:
        return f"DROP INDEX IF EXISTS {self.quoted(name)}"

    def unneeded_functions(self) -> list[str]:
        return []

    def indexes(self, functions: Sequence[str] = ()) -> dict[str, bool]:
        found = self.rows("SELECT name FROM sqlite_master WHERE type = 'index' AND name GLOB %s", [f"{PREFIX}*"])
        return {name: True for (name,) in found}

    def sample(self, table: str) -> None:
        """Nothing: the index is of keys."""

    def candidates_where(self, column: TextColumn, keys: Collection[str]) -> tuple[str, list[Any]]:
        return may_contain_address(self.named(column), is_json=column.is_json).replace("%", "%%"), []

    def candidates_among(self, column: TextColumn, keys_sql: str) -> tuple[str, list[Any]]:
        return self.candidates_where(column, ())


def _texts(connection: BaseDatabaseWrapper) -> _Texts:
    return (_IndexedTexts if dialect_of(connection).finds_addresses else _ScannedTexts)(connection)
