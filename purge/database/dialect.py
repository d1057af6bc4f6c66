"""What the two databases say differently: the one seam through which everything else asks.

Facts and statements, nothing of requests or rules. Whoever writes SQL that only one of them knows adds a method here
and says it in both languages, :mod:`~purge.database.postgresql` and :mod:`~purge.database.sqlite`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from purge.database.catalog import Catalog
from purge.database.chunk_delete import Deleted
from purge.database.horizon import Holder
from purge.database.looking.copies import Copy
from purge.database.looking.survey import Survey
from purge.database.rewriting import Rewriting
from purge.database.statistics import Forgotten

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

Identity = dict[str, Any]


class Listed(NamedTuple):
    """Values that a statement holds once, in its head. ``kind``: their type in PostgreSQL, such as ``bigint``."""

    name: str
    kind: str
    values: Sequence[Any]


class Dialect(ABC):
    """One connection's database. Made by :func:`purge.database.dialect_of`, as often as anybody likes."""

    #: Whether functions and indexes of the database find the rows that mention an address; else texts are looked at.
    finds_addresses: ClassVar[bool]
    #: Whether a condition can be a regular expression.
    knows_patterns: ClassVar[bool]
    #: Whether the error about a row that points at nothing names the table. Else it is looked for before.
    names_broken_keys: ClassVar[bool]
    #: Whether the space of deleted rows is freed table by table. Else all at once, with the write-ahead log.
    vacuums_tables: ClassVar[bool]

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def quoted(self, name: str) -> str:
        return str(self.connection.ops.quote_name(name))

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def execute(self, statement: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)

    # ---------------------------------------------------------------- conditions

    @abstractmethod
    def any_of(self, name: str, values: Any) -> tuple[str, Any]:
        """The condition that an expression is one of the values, and its one parameter."""

    @abstractmethod
    def still_any_of(self, name: str, values: Any) -> tuple[str, Any]:
        """The same, asked of rows that something else has found: no index is used for it."""

    @abstractmethod
    def begins(self, name: str, text: str, parameter: str) -> tuple[str, list[Any]]:
        """The condition that an expression begins with a text, written so that an index serves it; and the parameters.
        The expression stands before each of them. ``parameter``: how the text is said."""

    @abstractmethod
    def head(self, *lists: Listed) -> tuple[str, list[Any]]:
        """A statement's beginning that holds lists of values once, for :meth:`among`; and its parameters."""

    @abstractmethod
    def among(self, name: str, kind: str) -> str:
        """``= …``: one of the values of a list in the statement's head."""

    # ---------------------------------------------------------------- transactions

    @abstractmethod
    def bound_chunk(self, *, piece: bool) -> None:
        """Say at a chunk's begin how long it may wait and run. ``piece``: it deletes nobody, so its commit need not
        wait for the disk, and its foreign keys are checked by each statement: who watches the time sees the checks."""

    @abstractmethod
    def commit_without_flushing(self) -> None:
        """What a transaction says whose commit a power cut may take back."""

    @abstractmethod
    def check_foreign_keys(self) -> None:
        """Check now what is to be checked at the commit."""

    @abstractmethod
    def small_reads(self) -> AbstractContextManager[None]:
        """Many look-ups of few rows; not a transaction on SQLite, where it would keep writers waiting."""

    @abstractmethod
    def lock(self, number: int, *, shared: bool) -> None:
        """A lock of the transaction by an agreed number. SQLite has one writer at a time anyway."""

    @abstractmethod
    def may_pass(self, error: Exception) -> bool:
        """Whether doing a transaction again may help: a deadlock, a lock that was waited for, a lost race."""

    @abstractmethod
    def gave_way(self, error: Exception) -> bool:
        """Whether it gave up, to let others go first, a lock that it would have had by waiting (``bound_chunk``)."""

    @abstractmethod
    def data_version(self) -> int | None:
        """A number that changes with the first commit of anybody else; None where it costs more than it saves."""

    # ---------------------------------------------------------------- looking

    @abstractmethod
    def read_catalog(self) -> Catalog:
        """The catalogue as it is now (five queries on PostgreSQL, a few on SQLite)."""

    @abstractmethod
    def survey(self) -> Survey:
        """What of the database can hold or copy something, by name, as it is now: one query, where pages ask it at each
        look. (On SQLite three more after the schema has changed.)"""

    @abstractmethod
    def large_object(self, number: int, start: int, length: int) -> bytes:
        """A piece of a large object; b"" behind its end."""

    @abstractmethod
    def refresh(self, view: str) -> None:
        """Make a materialized view anew, by its name as a :class:`~purge.database.looking.survey.Place` has it, and its
        statistics; nothing where there is none. Gives up where somebody keeps it busy."""

    @abstractmethod
    def tables_in_pieces(self) -> frozenset[str]:
        """The tables of the schema that have partitions, or from which others inherit. One look at the catalogue."""

    @abstractmethod
    def identity(self) -> Identity:
        """Words and numbers that stay for as long as the database is where it is (:mod:`purge.database.identity`)."""

    @abstractmethod
    def server(self) -> dict[str, str]:
        """What a failover, a recovery to a point in time or a move to another server changes; empty where there is no
        server, without what it does not show."""

    @abstractmethod
    def copies(self) -> list[Copy]:
        """Who else gets the contents of this database, as far as it tells; of a file nobody knows who copies it."""

    @abstractmethod
    def logs_values(self) -> bool:
        """Whether the server writes the values of statements into its own log."""

    @abstractmethod
    def size(self) -> tuple[float, float]:
        """Rows as the statistics have it (0 where nobody counts), and bytes."""

    @abstractmethod
    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a long query, a batch in memory at a time."""

    @abstractmethod
    def offer_function(self, name: str, function: Callable[[Any], Any]) -> None:
        """Let statements call a function of Python's with one argument, where the database has none of its own."""

    # ---------------------------------------------------------------- deleting, and the space of what was deleted

    @abstractmethod
    def delete_rows(
        self,
        table: str,
        column: str,
        values: Sequence[int],
        *,
        limit: int,
        returning: Sequence[str] = (),
        in_pieces: bool,
    ) -> Deleted:
        """Delete at most ``limit`` rows of a table whose column is one of the values, by their physical address.

        ``in_pieces``: the table has partitions (see :meth:`tables_in_pieces`). Wrong, it only costs time: the condition
        is part of every statement that deletes. Raises :class:`~purge.database.chunk_delete.MoreRowsThanPlanned`.
        """

    @abstractmethod
    def vacuum(self, table: str) -> None:
        """Let the space of a table's deleted rows be used again. Not within a transaction."""

    @abstractmethod
    def analyze(self, table: str) -> None:
        """Let the planner learn anew what is in a table. Not within a transaction."""

    @abstractmethod
    def forget_statistics(self, tables: Sequence[str], indexes: Iterable[int] = ()) -> Forgotten:
        """Take away what the planner remembers of rows that are gone, and ``analyze`` has not renewed; of the
        ``indexes`` with these numbers in any case. Not within a transaction."""

    @abstractmethod
    def horizon(self) -> int | None:
        """The number of the next transaction: what is deleted now has a lower one. None where there are no numbers."""

    @abstractmethod
    def holders(self, mark: int, *, of_a_copy: bool = False) -> list[Holder]:
        """Who may still need rows that were deleted before the transaction of this number: they stay meanwhile.

        ``of_a_copy``: stay when a table is written anew, which takes notice of more than giving up space does.
        """

    @abstractmethod
    def bounded_waits(self, seconds: float) -> AbstractContextManager[None]:
        """No lock is waited for longer, as far as that can be said outside of a transaction."""

    @abstractmethod
    def rewriting(self) -> Rewriting | None:
        """Who writes tables anew, one by one; None where that is the whole file's matter."""

    @abstractmethod
    def rewrite_file(self) -> bool:
        """Write the whole file anew, where there is one; whether nothing old is left. Not within a transaction."""

    @abstractmethod
    def truncate_log(self) -> bool:
        """Whether all of the write-ahead log is in the file now, and the log empty. The server sees to it: True."""
