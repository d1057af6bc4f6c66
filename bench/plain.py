"""The plain flow of this revision beside another's: the same machine, interpreter and database server, turn by turn."""

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

from bench.measuring import Result, progress, ratio

ROOT = Path(__file__).resolve().parent.parent
DRIVER = Path(__file__).with_name("plain_flow.py")
OURS = "this revision"
#: How much slower than the other revision the plain flow may be.
MOST = 1.2
#: People of one request: somebody on their own, and a month's fifty.
SIZES = (1, 50)
#: As the product has them when nobody has set anything; the benchmark's own settings turn these off.
AS_IT_COMES = {"PURGE_RATE_GUARD": "200", "PURGE_PATROL_AT_ONCE_ROWS": "200000"}


class Revision:
    """A process that does the plain flow with one tree's code, on a database of its own."""

    def __init__(self, name: str, tree: Path, database: str, files: Path) -> None:
        self.name = name
        environ = {
            **os.environ,
            **AS_IT_COMES,
            "PYTHONPATH": str(tree),
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "DATABASE_URL": database,
            "BENCH_FILES": str(files),
            "ALLOWED_HOSTS": "testserver",
        }
        # -P: or the folder of the driver would be searched before the tree.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(DRIVER)],
            cwd=tree,
            env=environ,
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


def side_by_side(against: str, *, rounds: int, sqlite: bool) -> list[Result]:
    """Accepted and completed, for one person and for fifty, of this tree and of a revision of this repository."""
    files = Path(os.environ["BENCH_FILES"])
    runs: dict[tuple[int, str], dict[str, list[float]]] = {
        (size, what): {OURS: [], against: []} for size in SIZES for what in ("accepted", "completed")
    }
    with ExitStack() as stack:
        revisions: list[Revision] = []
        for name, tree in ((OURS, ROOT), (against, checked_out(against, files))):
            progress(f"a database for {name}")
            folder = files / f"plain-{len(revisions)}"
            folder.mkdir()
            database = stack.enter_context(_database(f"plain_{len(revisions)}", folder, sqlite=sqlite))
            revision = Revision(name, tree, database, folder)
            stack.callback(revision.close)
            revisions.append(revision)
        for size in SIZES:
            for turn in range(rounds + 1):
                progress(f"{size} of {SIZES[-1]} people, round {turn} of {rounds}")
                for name, found in _turn(revisions, size).items():
                    for what in ("accepted", "completed") if turn else ():  # the first one warms up
                        runs[size, what][name].append(found[what])
    return [
        Result(
            "plain",
            f"the plain flow of {size}: {what}",
            against,
            ratio(of_each, OURS, against),
            MOST,
            runs=of_each,
        )
        for (size, what), of_each in runs.items()
    ]


def _turn(revisions: list[Revision], size: int) -> Mapping[str, Mapping[str, float]]:
    """Each revision once, in an order of chance; nobody works while the other is measured."""
    for revision in revisions:
        revision.ask(prepare=size)
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
