"""The ways in which an older database comes back: a file put back, dumps restored, a moment in the WAL, a standby that
was cut off."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection, connections

from tests.drills.drill import Cast, Outcome, command, journal_in, prepare, run_drill
from tests.drills.servers import Copy, Primary, as_default, copied, run

#: The database of a drill's server, and how every drill begins, as a dump.
LMS, BEGINNING = "lms", "beginning"
TO_A_SERVER = ("new database", "--clean", "--data-only", "point in time", "standby cut off")
DUMPED = TO_A_SERVER[:3]


# ---------------------------------------------------------------- SQLite


def put_a_file_back(folder: Path, migrated: Path, number: int, *, patient: bool = False) -> Outcome:
    """``migrated``: a file with all tables."""
    database, backup = folder / "lms.sqlite3", folder / "backup.sqlite3"
    shutil.copyfile(migrated, database)

    def checkpoint() -> None:
        connections.close_all()
        with contextlib.closing(sqlite3.connect(database)) as opened:
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def put_back() -> None:
        connections.close_all()
        for name in (f"{database}-wal", f"{database}-shm"):
            Path(name).unlink(missing_ok=True)
        shutil.copyfile(backup, database)

    def dump() -> bytes:
        """The bytes of the file, free pages too, once it was written anew."""
        command("purge_compact", "--json")
        checkpoint()
        return database.read_bytes()

    with as_default(NAME=str(database)), journal_in(folder):
        cast = prepare(number)
        checkpoint()
        shutil.copyfile(database, backup)
        return run_drill("file put back", cast, put_back, dump, patient=patient)


# ---------------------------------------------------------------- PostgreSQL


@dataclass
class Site:
    """A server with a database that is ready for drills, and a base backup of it.

    ``media``: where its files and logs are, one folder for each drill.
    """

    server: Primary
    folder: Path
    base: Path
    cast: Cast
    number: int
    moment: str
    streaming: Copy
    used: list[str] = field(default_factory=list)


@contextmanager
def site(folder: Path, template: str, number: int) -> Iterator[Site]:
    """``template``: the name of a database of the present server with all tables and nothing in them."""
    usual = connection.settings_dict
    with ExitStack() as stack:
        server = stack.enter_context(Primary())
        dump = folder / "tables"
        run("pg_dump", "--format=custom", f"--file={dump}", template, port=usual["PORT"])
        run("pg_restore", f"--dbname={LMS}", dump, port=server.port)
        with as_default(PORT=server.port, NAME=LMS), journal_in(folder):
            cast = prepare(number)
        run("pg_dump", "--format=custom", f"--file={server.folder / BEGINNING}", LMS, port=server.port)
        base = server.copy(server.folder / "base")
        standby = copied(base, server.folder / "standby", server)
        stack.callback(standby.stop, "immediate")
        standby.stands_by(server)
        moment = str(server.asked("SELECT clock_timestamp()"))
        yield Site(server, folder, base, cast, number, moment, standby)


def drill_of_server(site: Site, way: str, *, patient: bool = False) -> Outcome:
    """A drill of one of :data:`TO_A_SERVER`. Each begins with the same people in the same database."""
    server = site.server
    with ExitStack() as stack:
        if site.used:
            # The database of the drill before, as it was: not made anew, which would be another one to its server.
            back_to_the_beginning(site)
        site.used.append(way)
        folder = site.folder / f"drill-{len(site.used)}"
        shutil.copytree(site.folder / "media", folder / "media", dirs_exist_ok=True)
        stack.enter_context(journal_in(folder))
        stack.enter_context(as_default(PORT=server.port, NAME=LMS))
        dump = server.folder / "backup"
        if way in DUMPED:
            dump.unlink(missing_ok=True)
            run("pg_dump", "--format=custom", f"--file={dump}", LMS, port=server.port)
        put_back = _ways(site, way, dump, stack)
        return run_drill(way, site.cast, put_back, _dump_of_the_default, patient=patient)


def back_to_the_beginning(site: Site) -> None:
    dump = site.server.folder / BEGINNING
    run("pg_restore", "--clean", "--if-exists", f"--dbname={LMS}", dump, port=site.server.port)


def _ways(site: Site, way: str, dump: Path, stack: ExitStack) -> Callable[[], None]:
    server = site.server

    def becomes_default(port: int, name: str = LMS) -> None:
        stack.enter_context(as_default(PORT=port, NAME=name))

    def new_database() -> None:
        server.asked("CREATE DATABASE restored")
        run("pg_restore", "--exit-on-error", "--dbname=restored", dump, port=server.port)
        becomes_default(server.port, "restored")

    def clean() -> None:
        connections.close_all()
        run("pg_restore", "--clean", "--if-exists", "--exit-on-error", f"--dbname={LMS}", dump, port=server.port)

    def data_only() -> None:
        with connection.cursor() as cursor:
            tables = ", ".join(map(connection.ops.quote_name, connection.introspection.table_names(cursor)))
            cursor.execute(f"TRUNCATE {tables} CASCADE")
        connections.close_all()
        run(
            "pg_restore",
            "--data-only",
            "--disable-triggers",
            "--exit-on-error",
            f"--dbname={LMS}",
            dump,
            port=server.port,
        )

    def point_in_time() -> None:
        server.archived_until_now()
        restored = copied(site.base, server.folder / "restored", server)
        stack.callback(restored.stop, "immediate")
        restored.restored_to(site.moment, server.archive)
        becomes_default(restored.port)

    def standby() -> None:
        site.streaming.is_promoted()
        becomes_default(site.streaming.port)

    if way == "standby cut off":
        site.streaming.is_cut_off(server)
    found = dict(zip(TO_A_SERVER, (new_database, clean, data_only, point_in_time, standby), strict=True))
    return found[way]


def _dump_of_the_default() -> bytes:
    """All rows as text, with the address in a row of whatever table."""
    usual = connection.settings_dict
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rows.sql"
        run("pg_dump", f"--file={target}", usual["NAME"], port=int(usual["PORT"]))
        return target.read_bytes()
