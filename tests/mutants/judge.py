"""Runs a mutant in a world of its own, and says what was noticed first."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import IO
from unittest import mock

from django.conf import settings
from django.db import connection

from purge.choices import Status
from purge.sandbox.parent import Answer, Sandbox
from purge.services import PurgeRefused
from purge.upkeep import paused
from tests.mutants import dumps, leftovers, routes
from tests.mutants.mutant import Mutant, Verdict
from tests.purge import world as w
from tests.purge.expected import judging
from tests.purge.expected.routes import ROUTES

#: Enters a world as it was planted, and takes back on leaving whatever was done to it.
Fresh = Callable[[], AbstractContextManager[object]]


class Court:
    """``world``: planted. ``fresh``: see :data:`Fresh`."""

    def __init__(self, world: SimpleNamespace, fresh: Fresh) -> None:
        self.world, self.fresh = world, fresh
        with fresh():
            self.before = judging.look_with_accounts()
        self._unchanged = dumps.Unchanged(self._dump_after)

    def judge(self, mutant: Mutant) -> Verdict:
        begun = time.monotonic()
        noticed, by = "", ""
        for by in mutant.routes or ("leftovers",):
            noticed = self._noticed(mutant, by)
            if noticed:
                break
        if not noticed:
            noticed = self._changed(mutant)
            by = "dump"
        return Verdict(mutant, noticed, by if noticed else "", time.monotonic() - begun)

    def _noticed(self, mutant: Mutant, by: str) -> str:
        with self.fresh():
            paused.forget()
            try:
                if by == "leftovers":
                    with mock.patch.object(Sandbox, "read", _read_here):
                        return leftovers.noticed(self.world, mutant.applied)
                with mutant.applied():
                    return routes.printed_differs() if by == routes.PRINTED else self.differs(by)
            finally:
                paused.forget()

    def _changed(self, mutant: Mutant) -> str:
        """What a mutant that no expectation noticed has changed in the database as a whole; '' for nothing."""
        for route in mutant.routes:
            if route in ROUTES and (changed := list(self._unchanged.differences(route, self._with(mutant, route)))):
                return f"{route}: {', '.join(changed[:3])}"
        return ""

    def _with(self, mutant: Mutant, route: str) -> dumps.Dump:
        with self.fresh():
            paused.forget()
            with mutant.applied():
                self.differs(route)
            return dumps.dump()

    def _dump_after(self, route: str) -> dumps.Dump:
        return self._with(Mutant("none", "nothing is changed", nullcontext), route)

    def differs(self, route: str) -> str:
        """The first thing that a purge by this route does, and must not, or does not and must; '' for none."""
        expected = ROUTES[route]
        try:
            with quick():
                purge_request = expected.begin(self.world)
                self.world.accepted_at = purge_request.accepted_at
                w.run_to_end(purge_request)
        except PurgeRefused as refusal:
            return f"refused ({refusal.code})"
        if purge_request.status != Status.COMPLETED:
            where = sorted(
                {f"{table}.{column}" for table, column in purge_request.residues.values_list("table", "column")}
            )
            return f"{purge_request.status} {purge_request.error_class} {', '.join(where[:3])}".strip()
        must = judging.expected(self.before, self.world, expected, purge_request.reference)
        return next(iter(judging.differences(must, judging.look())), "")


@contextmanager
def quick() -> Iterator[None]:
    """One transaction instead of many, no second look after the proof has found something, and files that are read in
    this process: a child for each purge would take longer than all else."""
    with (
        mock.patch.object(Sandbox, "read", _read_here),
        mock.patch("purge.run.sweep.WHOLE_SECONDS", 60.0),
        mock.patch("purge.run.engine.MAX_RERUNS", 0),
    ):
        yield


def _read_here(self: Sandbox, content: IO[bytes]) -> Answer:
    return Answer(list(importlib.import_module(self._program[-1]).read(content.read())))


def survivors(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if not verdict.noticed]


class Template:
    """The planted world kept in memory: put back in milliseconds. SQLite alone."""

    def __init__(self) -> None:
        connection.ensure_connection()
        self.database = sqlite3.connect(":memory:")
        connection.connection.backup(self.database)
        self.media = Path(settings.MEDIA_ROOT)
        self.files = self.media.with_name("template")
        shutil.copytree(self.media, self.files)

    @contextmanager
    def fresh(self) -> Iterator[None]:
        self.database.backup(connection.connection)
        shutil.rmtree(self.media, ignore_errors=True)
        shutil.copytree(self.files, self.media)
        shutil.rmtree(Path(settings.PURGE_JOURNAL).parent, ignore_errors=True)
        yield
