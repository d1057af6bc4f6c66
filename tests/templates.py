"""Databases that are made once for a run: every worker and every test that wants one of its own gets a copy.

Migrations take most of ten seconds, a copy some milliseconds. Nobody writes into a template. On PostgreSQL they are
there as long as the server, which ./test keeps from one run to the next.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

from django.core.management import call_command
from django.db import connection, connections, transaction

from tools.environment import one_at_a_time
from tools.suite import MIGRATED


@contextmanager
def as_default(name: str) -> Iterator[None]:
    """The database of this name is the default one within the block."""
    usual = connections["default"]
    connections["default"] = type(usual)({**usual.settings_dict, "NAME": name}, alias="default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual


def elsewhere(statement: str) -> None:
    """On the server, over a connection of its own: the test's may be in a transaction."""
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement)


@contextmanager
def copy_of(template: str, path: Path) -> Iterator[str]:
    """The name of a copy that lives as long as the block. ``path``: where SQLite keeps it."""
    if connection.vendor == "postgresql":
        name = f"copy_{uuid4().hex[:12]}"
        elsewhere(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield name
        elsewhere(f'DROP DATABASE "{name}" WITH (FORCE)')
        return
    shutil.copyfile(template, path)
    yield str(path)
    path.unlink(missing_ok=True)


class Templates:
    """The templates of one run. ``folder`` is the same for all workers of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "templates"

    def get(self, name: str, make: Callable[[], None]) -> str:
        """The template's name (SQLite: its path). Whoever asks first lets ``make`` fill it, as the default database."""
        database = f"template_{name}" if connection.vendor == "postgresql" else str(self.folder / f"{name}.sqlite3")
        with one_at_a_time(self.folder):
            if not self._is_made(name):
                if connection.vendor == "postgresql":
                    elsewhere(f'DROP DATABASE IF EXISTS "{database}"')  # of somebody who was stopped half-way
                    elsewhere(f'CREATE DATABASE "{database}" TEMPLATE "template0"')
                with as_default(database):
                    make()
                if connection.vendor == "postgresql":
                    elsewhere(f'ALTER DATABASE "{database}" IS_TEMPLATE true')
                else:
                    (self.folder / f"{name}.made").touch()
        return database

    def _is_made(self, name: str) -> bool:
        if connection.vendor != "postgresql":
            return (self.folder / f"{name}.made").exists()
        with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("SELECT 1 FROM pg_database WHERE datistemplate AND datname = %s", [f"template_{name}"])
            return cursor.fetchone() is not None


def migrate() -> None:
    """What the template holds. An installation's own number is not in it: each copy gets one when it is migrated."""
    from purge.models import Installation

    migrated = Path(os.environ.get(MIGRATED, ""))
    if connection.vendor == "sqlite" and migrated.is_file():
        connection.ensure_connection()
        with contextlib.closing(sqlite3.connect(migrated)) as filled:
            filled.backup(connection.connection)
    call_command("migrate", verbosity=0, interactive=False)
    Installation.objects.all().delete()


@contextmanager
def begun_from(template: str) -> Iterator[None]:
    """Test databases that Django creates within the block begin as copies of the template; what is new is migrated."""
    if connection.vendor == "postgresql":
        with mock.patch.dict(connection.settings_dict["TEST"], {"TEMPLATE": template}):
            yield
        return
    create = connection.creation._create_test_db
    kept = contextlib.ExitStack()  # a database in memory is there as long as somebody is connected to it

    def create_and_fill(*args: Any, **options: Any) -> str:
        name = create(*args, **options)
        copy = kept.enter_context(contextlib.closing(sqlite3.connect(name, uri=name.startswith("file:"))))
        with contextlib.closing(sqlite3.connect(template)) as filled:
            filled.backup(copy)
        return name

    with kept, mock.patch.object(connection.creation, "_create_test_db", create_and_fill):
        yield


def statements_that_empty(operations: Any, style: Any, tables: list[str], **options: Any) -> list[str]:
    """For PostgreSQL's ``sql_flush``: rows are deleted where there are any.

    Django's own TRUNCATE makes the files of some hundred tables and indexes anew, for the rows of a few.
    """
    names = {table: operations.quote_name(table) for table in tables}
    if not names:
        return []
    with operations.connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"(SELECT '{table}' FROM {name} LIMIT 1)" for table, name in names.items()))
        filled = [table for (table,) in cursor.fetchall()]
    # Foreign keys are not looked at: at the end nothing is left that could point at anything.
    return ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {names[table]}" for table in filled)]


class FirstRows:
    """The rows that migrations leave (content types, permissions, the installation's number), of one database.

    Whoever empties it puts them back: to have Django work them out anew, and the address indexes with them, takes
    longer than most tests.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                if rows := cursor.fetchall():
                    self._rows[table] = rows

    def put_back(self, *args: Any, **options: Any) -> None:
        """In the place of ``emit_post_migrate_signal``, and of its arguments."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in self._rows.items():
                row = f"({', '.join(['%s'] * len(rows[0]))})"
                cursor.execute(
                    f"INSERT INTO {connection.ops.quote_name(table)} VALUES {', '.join([row] * len(rows))}",
                    [value for each in rows for value in each],
                )
