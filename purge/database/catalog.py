"""The database's own catalogue: every table, column and foreign key, whether a model knows it or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

ColumnType = Literal["text", "json", "uuid", "integer", "binary", "other"]


class Column(NamedTuple):
    """``width``: the most characters a text column takes; None: no limit."""

    table: str
    name: str
    type: ColumnType
    width: int | None = None


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

    @cached_property
    def tables(self) -> dict[str, list[Column]]:
        tables: dict[str, list[Column]] = {}
        for column in self.columns:
            tables.setdefault(column.table, []).append(column)
        return tables

    def keys_to(self, table: str) -> list[ForeignKey]:
        """The foreign keys that point at this table, by table and column."""
        return [key for key in self.foreign_keys if key.to_table == table]
