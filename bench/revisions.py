"""Another revision beside this one: its tree checked out, and a process of each with a database of its own.

Both run on the same machine, interpreter and database server, turn by turn, in an order of chance.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.measuring import progress

ROOT = Path(__file__).resolve().parent.parent
OURS = "this revision"


class Revision:
    """A process that runs a driver with one tree's code, on a database of its own.

    ``driver``: a program that prints a line of JSON when it is ready, and one for each that it reads.
    """

    def __init__(
        self, name: str, tree: Path, driver: Path, database: str, files: Path, environ: Mapping[str, str]
    ) -> None:
        self.name = name
        environment = {
            **os.environ,
            **environ,
            "PYTHONPATH": str(tree),
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "DATABASE_URL": database,
            "BENCH_FILES": str(files),
            "ALLOWED_HOSTS": "localhost",
        }
        # -P: or the folder of the driver would be searched before the tree.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(driver)],
            cwd=tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} ended: see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def both(
    driver: Path, against: str, *, sqlite: bool, environ: Mapping[str, str] | None = None
) -> Iterator[list[Revision]]:
    """This tree and a revision of this repository, each with an empty database and the same environment."""
    files = Path(os.environ["BENCH_FILES"]) / driver.stem
    files.mkdir()
    with ExitStack() as stack:
        revisions: list[Revision] = []
        for name, tree in ((OURS, ROOT), (against, checked_out(against, files))):
            progress(f"a database for {name}")
            folder = files / str(len(revisions))
            folder.mkdir()
            database = stack.enter_context(_database(f"{driver.stem}_{len(revisions)}", folder, sqlite=sqlite))
            revision = Revision(name, tree, driver, database, folder, environ or {})
            stack.callback(revision.close)
            revisions.append(revision)
        yield revisions


def turn(revisions: list[Revision], **prepare: Any) -> Mapping[str, Mapping[str, float]]:
    """Each revision once, in an order of chance, all prepared before; nobody works while the other is measured."""
    for revision in revisions:
        revision.ask(**prepare)
    return {revision.name: revision.ask() for revision in random.sample(revisions, len(revisions))}


def checked_out(revision: str, folder: Path) -> Path:
    """A tree of this repository as it was."""
    tree = folder / "other-revision"
    git = ["git", "-c", "advice.detachedHead=false"]
    subprocess.run([*git, "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(tree)], check=True)
    subprocess.run([*git, "-C", str(tree), "checkout", "--quiet", revision], check=True)
    return tree


@contextmanager
def _database(name: str, folder: Path, *, sqlite: bool) -> Iterator[str]:
    """The address of an empty database on the benchmark's own server."""
    if sqlite:
        yield f"sqlite:///{folder}/lms.sqlite3"
        return
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
