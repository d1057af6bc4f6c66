"""A PostgreSQL of one's own with an archive of its WAL, and its copies: restored to a moment, or promoted standbys."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connections

from tools.postgres import Server, Throwaway, find_binaries

PATIENCE = 30.0


class Primary(Throwaway):
    """The server that is backed up. Every piece of its WAL is archived."""

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def _initdb(self) -> None:
        super()._initdb()
        self.archive.mkdir()
        if self.account is not None:
            os.chown(self.archive, self.account.uid, self.account.gid)
        self.configure(archive_mode="on", archive_command=f"cp %p {self.archive}/%f")

    def configure(self, **settings: str) -> None:
        configure(self.data, **settings)

    def copy(self, folder: Path) -> Path:
        """A base backup in ``folder``, as pg_basebackup makes it."""
        run("pg_basebackup", "-D", folder / "data", "-X", "stream", "-c", "fast", "--no-sync", port=self.port)
        (folder / "data").chmod(0o700)
        self._give_away(folder)
        return folder

    def archived_until_now(self) -> None:
        """Wait until everything that has happened is in the archive."""
        wal = self.asked("SELECT pg_walfile_name(pg_switch_wal())")
        until(lambda: (self.archive / str(wal)).exists())

    def asked(self, statement: str, database: str = "postgres") -> Any:
        return asked(self.port, statement, database)

    def _give_away(self, folder: Path) -> None:
        if self.account is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.account.uid, self.account.gid)


class Copy(Server):
    """A server that begins with a base backup."""

    settings = Throwaway.settings

    def __init__(self, folder: Path, *, binaries: Path) -> None:
        super().__init__(folder, binaries=binaries)
        # Its settings came along: it archives nothing over its original's archive.
        configure(self.data, archive_mode="off")

    def asked(self, statement: str, database: str = "postgres") -> Any:
        return asked(self.port, statement, database)

    def restored_to(self, moment: str, archive: Path) -> None:
        """Start it, as it was at this moment."""
        configure(
            self.data,
            restore_command=f"cp {archive}/%f %p",
            recovery_target_time=moment,
            recovery_target_action="promote",
        )
        self._signal("recovery.signal")
        self.start()
        self._is_promoted()

    def stands_by(self, primary: Primary) -> None:
        """Start it as a standby, and wait until it streams."""
        configure(self.data, primary_conninfo=f"host=127.0.0.1 port={primary.port} user=postgres")
        self._signal("standby.signal")
        self.start()
        until(lambda: primary.asked("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1)
        here = primary.asked("SELECT pg_current_wal_lsn()")
        until(lambda: self.asked(f"SELECT pg_last_wal_replay_lsn() >= '{here}'"))

    def is_cut_off(self, primary: Primary) -> None:
        """From now on nothing reaches it."""
        self.asked("ALTER SYSTEM SET primary_conninfo = ''")
        self.asked("SELECT pg_reload_conf()")
        until(lambda: primary.asked("SELECT count(*) FROM pg_stat_replication") == 0)

    def is_promoted(self) -> None:
        self.asked("SELECT pg_promote(wait => true)")
        self._is_promoted()

    def _is_promoted(self) -> None:
        until(lambda: self.asked("SELECT NOT pg_is_in_recovery()"))

    def _signal(self, name: str) -> None:
        (self.data / name).touch()
        if self.account is not None:
            os.chown(self.data / name, self.account.uid, self.account.gid)


def configure(data: Path, **settings: str) -> None:
    with (data / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def asked(port: int, statement: str, database: str) -> Any:
    with psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", dbname=database, autocommit=True, connect_timeout=10
    ) as there:
        done = there.execute(statement)  # type: ignore[call-overload]
        row = done.fetchone() if done.description else None
        return row[0] if row else None


def until(happened: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if happened():
                return
        except psycopg.OperationalError:
            pass
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def run(program: str, *words: object, port: int) -> None:
    """A program of PostgreSQL's, on a server of 127.0.0.1."""
    options = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
    done = subprocess.run(
        [str(find_binaries() / program), *options, *map(str, words)],
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def has_backup_programs() -> bool:
    return all((find_binaries() / name).exists() for name in ("pg_dump", "pg_restore", "pg_basebackup"))


def copied(base: Path, folder: Path, server: Primary) -> Copy:
    """A server of its own from a base backup that others begin with too."""
    shutil.copytree(base, folder)
    server._give_away(folder)
    return Copy(folder, binaries=server._binaries)


@contextmanager
def as_default(**settings: Any) -> Iterator[None]:
    """The default database has these settings within the block."""
    usual = connections["default"]
    connections["default"] = type(usual)({**usual.settings_dict, **settings}, alias="default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual
