import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.test import override_settings

from tests.purge import world
from tests.purge.expected import judging, planting
from tests.purge.put_again import Again
from tools.postgres import find_binaries


@pytest.fixture
def cast(db) -> world.World:
    """The people and accounts of the fixture world."""
    return world.build_world()


@pytest.fixture(autouse=True)
def _far_reach(request, settings, monkeypatch):
    """A furnished world has more rows in other accounts than a day's guard lets through; it is not what is tested."""
    if {"furnished", "planted"} & set(request.fixturenames):
        for name in ("PURGE_RATE_GUARD", "PURGE_RATE_GUARD_TRIAL"):
            setattr(settings, name, 1_000_000)
            monkeypatch.setenv(name, "1000000")


@pytest.fixture(scope="session")
def _furnished_again(tmp_path_factory) -> Again[world.World]:
    def make() -> world.World:
        made = world.build_world()
        world.furnish(made)
        return made

    return Again(make, tmp_path_factory.mktemp("furnished"))


@pytest.fixture
def furnished(_furnished_again: Again[world.World], db) -> world.World:
    """The fixture world with rows in every ruled column."""
    return _furnished_again()


@pytest.fixture(scope="module")
def planted(django_db_setup, django_db_blocker, tmp_path_factory):
    """The furnished world, made once; each test takes back what it did to it."""
    media = tmp_path_factory.mktemp("planted")
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(MEDIA_ROOT=media):
            furnished = planting.build()
            furnished.content = judging.contents()
        furnished.media = media
        yield furnished
        transaction.set_rollback(True)


@pytest.fixture
def database_url(transactional_db, tmp_path) -> Iterator[str]:
    """The address of the test's database, for other processes. SQLite's is in memory: it becomes a file meanwhile."""
    config = connection.settings_dict
    if connection.vendor == "postgresql":
        yield f"postgres://{config['USER']}:{config['PASSWORD']}@{config['HOST']}:{config['PORT']}/{config['NAME']}"
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return
    file = tmp_path / "worker.sqlite3"
    connection.ensure_connection()
    in_memory, name = connection.connection, config["NAME"]
    with contextlib.closing(sqlite3.connect(file)) as copy:
        in_memory.backup(copy)
    connection.connection, config["NAME"] = None, str(file)
    try:
        yield f"sqlite:///{file}"
    finally:
        connections.close_all()
        connection.connection, config["NAME"] = in_memory, name


class Backup:
    """A backup as an operator makes it and puts it back: pg_dump and pg_restore, or a copy of SQLite's file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def take(self) -> None:
        config = connection.settings_dict
        connections.close_all()
        if connection.vendor == "postgresql":
            self._run("pg_dump", "--format=custom", f"--file={self.file}", config["NAME"])
        else:
            with contextlib.closing(sqlite3.connect(config["NAME"])) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(config["NAME"], self.file)

    def put_back(self) -> None:
        config = connection.settings_dict
        connections.close_all()
        if connection.vendor == "postgresql":
            self._run(
                "pg_restore", "--clean", "--if-exists", "--exit-on-error", f"--dbname={config['NAME']}", self.file
            )
        else:
            for name in (f"{config['NAME']}-wal", f"{config['NAME']}-shm"):
                Path(name).unlink(missing_ok=True)
            # Over the old one, as cp does: it stays the file that the storage's marker names.
            shutil.copyfile(self.file, config["NAME"])

    def _run(self, program: str, *words: object) -> None:
        config = connection.settings_dict
        server = {"PGHOST": config["HOST"], "PGPORT": str(config["PORT"]), "PGUSER": config["USER"]}
        words = (str(find_binaries() / program), *(str(word) for word in words))
        done = subprocess.run(words, env={**os.environ, **server}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def backup(database_url, tmp_path) -> Backup:
    """A place for one backup of the test's database, which other processes can reach as well."""
    if connection.vendor == "postgresql" and not (find_binaries() / "pg_restore").exists():
        pytest.skip("this PostgreSQL has no pg_dump and pg_restore")
    return Backup(tmp_path / "backup")
