"""What can be said of an error without repeating a value: its class, and the names of what in the database refused.

A database's message quotes the row that it refused, and with it somebody's address: only names of tables, columns and
constraints are read, from where the driver gives them or from SQLite's few fixed sentences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: As in "UNIQUE constraint failed: some_table.account_id, some_table.email_key".
_SQLITE = re.compile(r"^(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed(?:: ([A-Za-z_][\w., ]{0,120}))?$")


#: As in "cannot delete from table "some_table" because …", "permission denied for table some_table".
_POSTGRESQL = re.compile(r'\b(?:table|relation) "?([A-Za-z_]\w{0,62})"?(?: |$)')
#: States in which a database stays until somebody changes it: a table is published and has no replica identity, a right
#: is missing. Trying again does not help.
_LASTING = frozenset({"55000", "42501"})


@dataclass(frozen=True)
class Failure:
    """``error``: the class; ``state``: PostgreSQL's five letters; ``constraint``, ``table``: names, where known.
    ``lasts``: trying again does not help."""

    error: str
    state: str = ""
    constraint: str = ""
    table: str = ""
    lasts: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """For the ledger: what is known besides the class."""
        known = {"state": self.state, "constraint": self.constraint, "table": self.table}
        return {name: value for name, value in known.items() if value}

    def __str__(self) -> str:
        return " ".join([self.error, *(f"{name}={value}" for name, value in self.facts.items())])


def failure_of(error: BaseException) -> Failure:
    """Of an exception, and of the driver's behind it."""
    cause = error.__cause__
    diagnosis = getattr(cause, "diag", None)
    if diagnosis is not None:
        state = _name(getattr(cause, "sqlstate", None))
        lasts = state in _LASTING
        named = _POSTGRESQL.search(str(diagnosis.message_primary or "")) if lasts else None
        return Failure(
            # The driver's class says more than Django's, which is that of a lost connection too.
            error=type(cause if lasts else error).__name__,
            state=state,
            constraint=_name(diagnosis.constraint_name),
            table=_name(diagnosis.table_name or (named.group(1) if named else "")),
            lasts=lasts,
        )
    found = _SQLITE.match(str(error)) if cause is not None else None
    if found is None:
        return Failure(error=type(error).__name__)
    kind, place = found.group(1).lower(), (found.group(2) or "").strip()
    return Failure(error=type(error).__name__, constraint=f"{kind} {place}".strip())


def _name(value: Any) -> str:
    return str(value or "")[:120]
