"""The engine of one revision, at the command of another process: ``bench.engines`` starts one for each.

Run by path with a revision's tree as the only place to import from, so the data builder and the purge are that
revision's own. Commands come as lines of JSON, answers go back the same way.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django first

from bench import contenders  # noqa: E402
from bench.data import settle, tidy  # noqa: E402
from bench.figures import Bench, forget_queue  # noqa: E402
from bench.measuring import clock  # noqa: E402


class Engine:
    """A data set, and the people whom the next turn purges."""

    def __init__(self) -> None:
        self.bench = Bench(rounds=1)
        self.people: list[int] = []

    def build(self, scale: float) -> dict[str, Any]:
        """Write the data set; everything has run once afterwards."""
        self.bench.build(scale, lambda _text: None)
        tidy(full=True)
        return {}

    def prepare(self, kind: str, number: int) -> dict[str, Any]:
        """Choose people who were not purged yet; heavy ones are written and left to settle."""
        world = self.bench.world
        self.people = world.take_light(number) if kind == "light" else world.add_heavy(number)
        if kind == "heavy":
            settle()
        return {}

    def purge(self) -> dict[str, Any]:
        """Seconds of the whole purge, from its acceptance to *completed*."""
        seconds = clock(lambda: contenders.purge(self.people))
        forget_queue()
        return {"seconds": seconds}


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("createcachetable")
    engine = Engine()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if "build" in command:
            done = engine.build(command["build"])
        elif "prepare" in command:
            done = engine.prepare(command["prepare"], command["number"])
        else:
            done = engine.purge()
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
