"""The states of the models between the operations of migrations, drawn once.

Every upgrade of a test goes from the same release to the code of today: the same operations, each between the same two
states. Django draws the classes of all models that a changed one is related to anew for each of them, which is most of
what an upgrade of a few rows costs. What happens to the database is left to Django.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.db.migrations import Migration, RunPython
from django.db.migrations.state import ProjectState
from django.db.transaction import atomic

#: A migration, and the columns of all models when it begins.
Key = tuple[str, str, frozenset[tuple[tuple[str, str], tuple[str, ...]]]]


class DrawnStates:
    """Stands in for ``Migration.apply``."""

    def __init__(self) -> None:
        self._states: dict[Key, list[ProjectState]] = {}

    def apply(self, migration: Migration, state: ProjectState, schema_editor: Any) -> ProjectState:
        states = self._drawn(migration, state)
        for (before, after), operation in zip(pairwise(states), migration.operations, strict=True):
            own_transaction = operation.atomic or (migration.atomic and operation.atomic is not False)
            if not schema_editor.atomic_migration and own_transaction:
                with atomic(schema_editor.connection.alias):
                    operation.database_forwards(migration.app_label, schema_editor, before, after)
            else:
                operation.database_forwards(migration.app_label, schema_editor, before, after)
            if isinstance(operation, RunPython):
                before.is_delayed = False  # it had the classes of all models drawn; they are complete now
        # Whoever gets the last state changes it: the command takes the models of today into it.
        return states[-1].clone()

    def _drawn(self, migration: Migration, state: ProjectState) -> list[ProjectState]:
        columns = frozenset((key, tuple(model.fields)) for key, model in state.models.items())
        key = (migration.app_label, migration.name, columns)
        if key not in self._states:
            states = [state.clone()]
            for operation in migration.operations:
                states.append(states[-1].clone())
                operation.state_forwards(migration.app_label, states[-1])
            self._states[key] = states
        return self._states[key]
