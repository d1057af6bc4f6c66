"""A database as an earlier release left it, with rows, that is then upgraded.

The steps before an upgrade are those of an operator: the old tables are there, the new code runs ``migrate``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from tests.templates import as_default, copy_of
from tests.upgrade.drawn import DrawnStates

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

    def __init__(self, apps: Any) -> None:
        self._apps = apps

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


def step_by_step() -> MigrationExecutor:
    """Runs the migrations of every release, not the one of each app that stands for all in a new installation."""
    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    return executor


@pytest.fixture(scope="session")
def _first_release(templates, django_db_setup, django_db_blocker) -> str:
    """The name of a database of the first release that is only ever copied."""
    with django_db_blocker.unblock():
        return templates.get("first_release", lambda: step_by_step().migrate(list(FIRST_RELEASE)))


@pytest.fixture(scope="session")
def _first_models(_first_release, django_db_blocker) -> Any:
    """The models of the first release."""
    with django_db_blocker.unblock():
        return step_by_step().loader.project_state(list(FIRST_RELEASE)).apps


@pytest.fixture(scope="session")
def _drawn_states() -> DrawnStates:
    return DrawnStates()


@pytest.fixture
def old_database(
    _first_release, _first_models, _drawn_states, tmp_path, django_db_blocker, monkeypatch
) -> Iterator[OldDatabase]:
    """An empty database of the first release. Not for tests that ask for ``db``: it takes that one's place."""
    monkeypatch.setattr(Migration, "apply", lambda *args: _drawn_states.apply(*args))
    with (
        django_db_blocker.unblock(),
        copy_of(_first_release, tmp_path / "old.sqlite3") as name,
        as_default(name),
    ):
        yield OldDatabase(_first_models)
