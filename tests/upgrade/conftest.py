"""A database as an earlier release left it, with rows, that is then upgraded.

The steps before an upgrade are those of an operator: the old tables are there, the new code runs ``migrate``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

#: The last migration of each app in the release that is upgraded from.
FIRST_RELEASE = (
    ("admin", "0003_logentry_add_action_flag_choices"),
    ("auth", "0012_alter_user_first_name_max_length"),
    ("connectors", "0001_initial"),
    ("contenttypes", "0002_remove_content_type_name"),
    ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ("learning", "0001_initial"),
    ("messaging", "0001_initial"),
    ("purge", "0003_compacted_at"),
    ("users", "0003_search_by_beginning"),
)


class OldDatabase:
    """The database of an earlier release; the default connection while the test runs."""

    def __init__(self) -> None:
        state = MigrationExecutor(connection).loader.project_state(list(FIRST_RELEASE))
        self._apps = state.apps

    def model(self, name: str) -> Any:
        """A model as it was: ``model("users.User").objects.create(…)``. Its services and defaults are not there."""
        return self._apps.get_model(name)

    def account(self, **fields: Any) -> Any:
        """A row of an account; everything that a row needs and the test does not care for is filled in."""
        unique = uuid4().hex
        return self.model("users.Account").objects.create(
            **{"name": f"Company {unique[:6]}", "subdomain": f"company-{unique}", "kind": "enterprise", **fields}
        )

    def user(self, account: Any, email: str, *, key: str, **fields: Any) -> Any:
        """A row of a user. ``key``: the normal form of the address as that release stored it."""
        return self.model("users.User").objects.create(
            **{"account": account, "name": "Somebody", "email": email, "email_key": key, "password": "!", **fields}
        )

    def upgrade(self) -> None:
        """Run ``migrate``, as an operator does. May be called again after it was interrupted."""
        call_command("migrate", verbosity=0, interactive=False)


@pytest.fixture(scope="session")
def _first_release(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[str]:
    """The name of a database of the first release that is only ever copied."""
    with django_db_blocker.unblock(), _database(tmp_path_factory.mktemp("upgrade") / "first.sqlite3") as name:
        with _as_default(name):
            MigrationExecutor(connection).migrate(list(FIRST_RELEASE))
        yield name


@pytest.fixture
def old_database(_first_release, tmp_path, django_db_blocker) -> Iterator[OldDatabase]:
    """An empty database of the first release. Not for tests that ask for ``db``: it takes that one's place."""
    path = tmp_path / "old.sqlite3"
    with django_db_blocker.unblock(), _database(path, copied_from=_first_release) as name, _as_default(name):
        yield OldDatabase()


@contextmanager
def _database(path: Path, copied_from: str = "") -> Iterator[str]:
    """A database that lives as long as the block; its name. ``path``: where SQLite keeps it."""
    if connection.vendor == "postgresql":
        name = f"upgrade_{uuid4().hex[:12]}"
        _elsewhere(f'CREATE DATABASE "{name}" TEMPLATE "{copied_from or "template0"}"')
        yield name
        _elsewhere(f'DROP DATABASE "{name}" WITH (FORCE)')
        return
    if copied_from:
        shutil.copyfile(copied_from, path)
    yield str(path)
    path.unlink(missing_ok=True)


def _elsewhere(statement: str) -> None:
    """Over a connection of its own: the test's may be in a transaction."""
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement)


@contextmanager
def _as_default(name: str) -> Iterator[None]:
    """The database of this name is the default one within the block."""
    usual = connections["default"]
    connections["default"] = type(usual)({**usual.settings_dict, "NAME": name}, alias="default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual
