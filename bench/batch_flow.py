"""Many light people by one revision, in batches where it has them and fifty at a time where it has not, at the command
of another process: ``bench.batches`` starts one for each.

Run by path with a revision's tree as the only place to import from, beside what is imported by path here; the worker is
the revision's own too. Commands come as lines of JSON, answers go back the same way.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django first

from bench import contenders  # noqa: E402
from bench.data import settle, tidy  # noqa: E402
from bench.figures import Bench, forget_queue  # noqa: E402
from bench.measuring import clock  # noqa: E402
from purge import services  # noqa: E402

AT_ONCE, SELECTED = 1_000, 50
TREE = Path.cwd()


def _here(name: str) -> Any:
    """A module beside this file: the other revision may not have it."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


workers = _here("workers")
workers.ROOT = TREE


class Batches:
    """A data set, the people whom the next turn purges, and the worker that does it."""

    def __init__(self) -> None:
        self.bench = Bench(rounds=1)
        self.people: list[int] = []
        self.worker: Any = None

    def build(self, scale: float) -> dict[str, Any]:
        self.bench.build(scale, lambda _text: None)
        tidy(full=True)
        return {}

    def prepare(self, _kind: str, number: int) -> dict[str, Any]:
        """People who are written and left to settle, and a worker that waits for work."""
        self.people = self.bench.world.add_heavy(number, mentions=1, light=True)
        settle()
        self.worker = workers.Worker()
        return {}

    def purge(self) -> dict[str, Any]:
        """Seconds from the first acceptance to the last request's verification."""
        try:
            return {"seconds": clock(self._all)}
        finally:
            self.worker.stop()
            forget_queue()

    def _all(self) -> None:
        size = AT_ONCE if hasattr(services, "purge_submit_batch") else SELECTED
        parts = [self.people[start : start + size] for start in range(0, len(self.people), size)]
        self.worker.wait_for([self._submit(part) for part in parts])

    def _submit(self, people: list[int]) -> int:
        if hasattr(services, "purge_submit_batch"):
            return contenders.submit_batch(people)
        return contenders.submit(people).pk


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("createcachetable")
    batches = Batches()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if "build" in command:
            done = batches.build(command["build"])
        elif "prepare" in command:
            done = batches.prepare(command["prepare"], command["number"])
        else:
            done = batches.purge()
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
