"""A step: one rule's query, and the rows that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import Q
from django.utils.translation import gettext as _

from purge.routes.scope import Scope
from purge.rules.registry import ModelEntry, PersonColumn

#: Rows named one by one on a page (what stops, what somebody has to mend).
MOST_NAMED = 200


class Measured(NamedTuple):
    """What one step would change: rows, how many of them are of the account that asked, and some rows whose change has
    a consequence, by its dotted path."""

    rows: int
    own: int
    consequences: dict[str, list[int]]


ADDRESSES = "#addresses"
FILES = "#files"


@dataclass(frozen=True)
class Step:
    """One step of a plan: a reference to the people, or a model's addresses, or a model's stored files."""

    entry: ModelEntry
    column: PersonColumn | None = None
    suffix: str = ""

    @property
    def key(self) -> str:
        return self.column.key if self.column else f"{self.entry.rules.model}{self.suffix}"

    @property
    def by_key(self) -> bool:
        """Whether its rows are found by a key: a statement takes as many as fit the time, and never more than planned.

        Else rows are read one by one, and only what stands in them says whether they are treated.
        """
        return self.column is not None

    @property
    def reads_all(self) -> bool:
        """Whether only reading every row says that nothing is to be done, which a plan does not ask for."""
        return self.suffix == FILES or (self.suffix == ADDRESSES and connection.vendor == "sqlite")

    def stays_done(self, *, last_pass: bool) -> bool:
        """Whether a step that was done is not asked again: what was written meanwhile is the verification's to find.

        Reading every text once more would keep every other writer of SQLite waiting.
        """
        return self.suffix == FILES or (last_pass and self.reads_all)

    @property
    def noun(self) -> str:
        """What administrators call the rows, in the reader's language."""
        return _(self.entry.rules.noun)

    @property
    def words(self) -> str:
        """What an administrator reads while it runs."""
        noun = self.noun
        if self.suffix == ADDRESSES:
            return _("Addresses taken out of %(noun)s") % {"noun": noun}
        if self.suffix == FILES:
            return _("Stored files of %(noun)s") % {"noun": noun}
        assert self.column is not None
        return str(self.column.rule.progress) % {"noun": noun, "column": self.column.field.verbose_name}


# ---------------------------------------------------------------- queries


def person_condition(column: PersonColumn, people: Iterable[int]) -> Q:
    """The rows that this column ties to one of the people."""
    return column.rule.rows_of(column.field.name, people)


def earlier_removals(step: Step) -> list[PersonColumn]:
    """Rules of the same model that take whole rows before this step: those rows count there, not here."""
    removals = step.entry.removals
    return removals[: removals.index(step.column)] if step.column in removals else removals


def person_rows(step: Step, scope: Scope) -> models.QuerySet[Any]:
    """The rows a person step would change, each counted once in the plan."""
    assert step.column is not None
    rows = step.entry.model._base_manager.filter(person_condition(step.column, scope.people))
    for column in earlier_removals(step):
        rows = rows.exclude(pk__in=step.entry.model._base_manager.filter(person_condition(column, scope.people)))
    return rows
