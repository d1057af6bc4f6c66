"""The database's own catalogue: every table, column and foreign key, whether a model knows it or not.

Of every schema that may be read, materialized views among them. Rows of foreign tables are another database's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

ColumnType = Literal["text", "json", "uuid", "integer", "binary", "other"]


class Column(NamedTuple):
    """``table``: the name alone; of another schema quoted, with that, as a statement says it. ``width``: the most
    characters a text column takes; None: no limit. ``expression``: what makes a JSON document of a value that is none
    (a list, a word index, a row in a row), as text; '': it is read by its name."""

    table: str
    name: str
    type: ColumnType
    width: int | None = None
    expression: str = ""

    @property
    def is_near(self) -> bool:
        """Whether its table is of the schema that the product's own are in."""
        return not self.table.startswith('"')


def called(name: str) -> str:
    """How a statement says a table or view that people call "table" or "schema.table"."""
    schema, dot, rest = name.partition(".")
    return f'"{schema}"."{rest}"' if dot else name


class ForeignKey(NamedTuple):
    table: str
    column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class Catalog:
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...]
    primary_keys: dict[str, str]
    address_indexed: frozenset[tuple[str, str]]
    #: The numbers of large objects, which no table holds.
    large_objects: tuple[int, ...] = ()

    @cached_property
    def tables(self) -> dict[str, list[Column]]:
        tables: dict[str, list[Column]] = {}
        for column in self.columns:
            tables.setdefault(column.table, []).append(column)
        return tables

    def keys_to(self, table: str) -> list[ForeignKey]:
        """The foreign keys that point at this table, by table and column."""
        return [key for key in self.foreign_keys if key.to_table == table]
