"""Figures 16 to 19: many light people at once, against another revision's fifty at a time and against SQL; what the
queue adds for one; what a big batch takes of memory."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import contenders
from bench.data import settle
from bench.figures import OURS as ENGINE
from bench.figures import PEAK_FLOOR, SQL, Bench, forget_queue, in_fresh_process
from bench.measuring import Result, clock, median, percentile, progress, ratio, rounds
from bench.revisions import OURS, both, turn
from bench.workers import Worker, a_worker

DRIVER = Path(__file__).with_name("batch_flow.py")
#: At scale 1.
MANY, LONG, ONE_BY_ONE = 3_000, 5_000, 100
AT_ONCE = 1_000


def scaled(number: int, scale: float, *, least: int) -> int:
    return max(least, round(number * min(1.0, scale)))


def side_by_side(against: str, *, rounds: int, sqlite: bool, scale: float) -> list[Result]:
    """16: light people in batches by this tree, and fifty at a time by another revision, each with its own worker."""
    number = scaled(MANY, scale, least=100)
    runs: dict[str, list[float]] = {OURS: [], against: []}
    with both(DRIVER, against, sqlite=sqlite) as revisions:
        for revision in revisions:
            progress(f"data for {revision.name}")
            revision.ask(build=scale)
        for n in range(rounds + 1):
            progress(f"{number} light people, round {n} of {rounds}")
            for name, found in turn(revisions, prepare="light", number=number).items():
                if n:  # the first one warms up
                    runs[name].append(found["seconds"])
    what = f"{number:,} light people in batches, queue included / fifty at a time"
    return [Result("16", what, against, ratio(runs, OURS, against), 0.2, runs=runs)]


def against_sql(bench: Bench) -> list[Result]:
    """17: the same, against SQL for a thousand people a transaction."""
    number = scaled(MANY, bench.scale, least=100)
    people: dict[str, list[int]] = {}

    def prepare() -> None:
        for name in (ENGINE, SQL):
            people[name] = bench.world.add_heavy(number, mentions=1, light=True)
        settle()

    def ours() -> float:
        with a_worker() as worker:
            return clock(lambda: worker.wait_for([contenders.submit_batch(part) for part in _parts(people[ENGINE])]))

    def written() -> None:
        for part in _parts(people[SQL]):
            contenders.hand_written(part)

    def by_hand() -> float:
        return clock(written)

    runs = rounds({ENGINE: ours, SQL: by_hand}, bench.rounds, prepare)
    forget_queue()
    what = f"{number:,} light people in batches, queue included"
    return [Result("17", what, "SQL, 1,000 a transaction", ratio(runs, ENGINE, SQL), 1.2, runs=runs)]


def _parts(people: Sequence[int]) -> list[list[int]]:
    return [list(people[start : start + AT_ONCE]) for start in range(0, len(people), AT_ONCE)]


def idle(bench: Bench) -> list[Result]:
    """18: one light person at a time, by a worker that has nothing else to do, against the same without queue."""
    number = scaled(ONE_BY_ONE, bench.scale, least=10)
    runs: dict[str, list[float]] = {"by an idle worker": [], "without queue": []}
    everybody = iter(bench.world.add_heavy(2 * number + 2, mentions=1, light=True))
    settle()
    contenders.purge([next(everybody)])
    with a_worker() as worker:
        worker.wait_for([contenders.submit([next(everybody)]).pk])
        for n in range(number):
            progress(f"person {n + 1} of {number}")
            # At any moment between two of its looks.
            time.sleep(random.uniform(0.2, 1.0))
            person = next(everybody)
            runs["by an idle worker"].append(clock(partial(_by, worker, person)))
    for _n in range(number):
        runs["without queue"].append(clock(partial(contenders.purge, [next(everybody)])))
    forget_queue()
    waited = runs["by an idle worker"]
    what = "one light person, accepted to verified by an idle worker"
    return [
        Result("18", what, "without queue", ratio(runs, "by an idle worker", "without queue"), 1.5, runs=runs),
        Result("18", f"{what}: 95th percentile / median", "", percentile(waited, 0.95) / median(waited), 2),
    ]


def _by(worker: Worker, person: int) -> None:
    worker.wait_for([contenders.submit([person]).pk])


def memory(bench: Bench) -> list[Result]:
    """19: by how much the peaks of a fresh worker and of its session with PostgreSQL grow: a big batch, and fifty."""
    runs: dict[str, list[float]] = {}
    number = scaled(LONG, bench.scale, least=500)
    for name, people in (("fifty", 50), ("many", number)):
        for n in range(bench.rounds):
            progress(f"round {n + 1}: {people} people")
            chosen = bench.world.add_heavy(people, mentions=1, light=True)
            settle()
            found = in_fresh_process("purge", contenders.submit_batch(chosen))
            runs.setdefault(f"worker, {name}", []).append(max(found[1], PEAK_FLOOR))
            runs.setdefault(f"session, {name}", []).append(max(found[2], PEAK_FLOOR))
    forget_queue()
    return [
        Result(
            "19",
            f"extra peak memory of {who}, batch of {number:,} / of 50",
            "batch of 50",
            ratio(runs, f"{who}, many", f"{who}, fifty"),
            1.5,
            runs={key: values for key, values in runs.items() if key.startswith(who)},
            note="MiB",
        )
        for who in (("worker", "session") if bench.on_postgres else ("worker",))
    ]
