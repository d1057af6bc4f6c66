"""The engine of one revision, at the command of another process: ``bench.engines`` starts one for each.

Run by path with a revision's tree as the only place to import from, so the data builder and the purge are that
revision's own. Commands come as lines of JSON, answers go back the same way.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from unittest import mock

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django first

from bench import contenders  # noqa: E402
from bench.data import settle, tidy  # noqa: E402
from bench.figures import Bench, forget_queue  # noqa: E402
from bench.measuring import clock  # noqa: E402
from purge.models import PurgeRequest  # noqa: E402

# The first release had no rooms.
HAS_ROOMS = find_spec("purge.proof") is not None
probe, texts = (import_module(f"purge.{'proof.' + room if HAS_ROOMS else 'verifier'}") for room in ("probe", "texts"))


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
        """Seconds of the whole purge, from its acceptance to *completed*; of the verification in it; and of a pass over
        every text afterwards."""
        with timed_verification() as verified:
            seconds = clock(lambda: contenders.purge(self.people))
        purge_request = PurgeRequest.objects.latest("pk")
        passed = clock(lambda: no_hits(list(texts.patrol([purge_request]))))
        forget_queue()
        return {"seconds": seconds, "verified": sum(verified), "passed": passed}


@contextmanager
def timed_verification() -> Iterator[list[float]]:
    seconds: list[float] = []
    real = probe.verify

    def timed(purge_request: PurgeRequest) -> Any:
        answers: list[Any] = []
        seconds.append(clock(lambda: answers.append(real(purge_request))))
        return answers[0]

    with mock.patch.object(probe, "verify", timed):
        yield seconds


def no_hits(hits: list[Any]) -> None:
    if hits:
        raise RuntimeError(f"the purge left something in {hits[0].table}.{hits[0].column}")


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
