"""What of a database can hold something of a person, or copy it: by name, for whoever asks whether a rule knows of it.

A view holds nothing: its rows are those of its tables. Nor does a column that is generated from others of its row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Holds(StrEnum):
    """What holds rows. SQLite's virtual tables are tables."""

    TABLE = "table"
    MATERIALIZED = "materialized view"
    FOREIGN = "foreign table"
    #: SQLite: without row numbers, by which a purge deletes.
    UNNUMBERED = "table without rowid"


class Acts(StrEnum):
    """What does something by itself when a row is changed or deleted."""

    TRIGGER = "trigger"
    RULE = "rule"
    CASCADE = "constraint"


@dataclass(frozen=True)
class Place:
    """Something with rows. ``name``: of another schema with that before it. ``columns``: those that have room for a
    text and are not generated; ``parents``: the places whose piece it is (partitions, heirs): read and treated with
    them, but for its own columns. ``refreshable``: a materialized view that this role may make anew. ``hides``: row
    security keeps rows from this role, without a word."""

    name: str
    holds: Holds
    columns: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    refreshable: bool = True
    hides: bool = False


@dataclass(frozen=True, order=True)
class Automatic:
    """``table``: on whose rows it acts. ``name``: of a foreign key with its own table before it."""

    acts: Acts
    name: str
    table: str


@dataclass(frozen=True)
class Survey:
    """``large_objects``: whether there are any."""

    places: tuple[Place, ...] = ()
    automatic: tuple[Automatic, ...] = ()
    large_objects: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, Place]:
        return {place.name: place for place in self.places}

    def is_piece_of(self, place: Place, tables: Iterable[str]) -> bool:
        """Whether a place is a piece, in however many steps, of one of these tables."""
        known, todo, seen = set(tables), list(place.parents), set[str]()
        while todo:
            name = todo.pop()
            if name in known:
                return True
            if name not in seen:
                seen.add(name)
                todo += self.by_name[name].parents if name in self.by_name else ()
        return False
