"""A world that takes seconds to make is made once for a database; each later test gets its rows and files again."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import connection, transaction

Made = TypeVar("Made")
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class _Kept(Generic[Made]):
    made: Made
    rows: Rows
    before: dict[str, int]


class Again(Generic[Made]):
    """``make`` builds it, in the database and in MEDIA_ROOT; ``folder`` is where its files are kept meanwhile."""

    def __init__(self, make: Callable[[], Made], folder: Path) -> None:
        self._make, self._folder = make, folder
        self._kept: dict[str, _Kept[Made]] = {}

    def __call__(self) -> Made:
        name = str(connection.settings_dict["NAME"])
        before = _rows()
        kept = self._kept.get(name)
        if kept is None:
            made = self._make()
            rows = {table: _without(rows, before.get(table, [])) for table, rows in _rows().items()}
            shutil.copytree(settings.MEDIA_ROOT, self._folder / str(len(self._kept)))
            numbers = {table: len(each) for table, each in before.items()}
            self._kept[name] = _Kept(
                copy.deepcopy(made), {table: each for table, each in rows.items() if each}, numbers
            )
            return made
        if {table: len(each) for table, each in before.items()} != kept.before:
            # Somebody was there first, who may have the same numbers.
            return self._make()
        # One transaction, at whose end foreign keys are checked.
        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in kept.rows.items():
                values = ", ".join(["%s"] * len(rows[0]))
                cursor.executemany(f"INSERT INTO {connection.ops.quote_name(table)} VALUES ({values})", rows)
        shutil.copytree(self._folder / str(list(self._kept).index(name)), settings.MEDIA_ROOT, dirs_exist_ok=True)
        return copy.deepcopy(kept.made)


def _rows() -> Rows:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    found: Rows = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = cursor.fetchall()
    return found


def _without(rows: list[tuple[Any, ...]], earlier: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """New ones; ``make`` changes none of those that were there."""
    return [row for row in rows if row not in earlier]
