"""`./test --fuzz`: python -m tests.fuzz [--minutes 10] [--seed N] [--only ROUTE …]

Made-up inputs to every page and every form field: some to each URL in turn, from one seed, then from the next, until
every URL was asked 200 inputs, each the only one of its name, and the time is up. ``DB=pg`` before it: on PostgreSQL.
Writes ``tests/fuzz/results.DATABASE.json``, and into it what was asked later of some; fails when anything broke. An
input that broke something is added to ``KNOWN`` of :mod:`tests.fuzz.inputs`, so that it is typed in every run from then
on.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

from tests.own_database import own_database

HERE = Path(__file__).resolve().parent
PARTS = 24
#: Inputs that every URL is asked at least.
ENOUGH = 200


def main() -> int:
    words = argparse.ArgumentParser(prog="./test --fuzz", description=__doc__)
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--seed", type=int, default=int(time.time()))
    words.add_argument(
        "--only", nargs="+", default=[], metavar="ROUTE", help="these URLs, such as came since the last run"
    )
    chosen = words.parse_args()
    with own_database("fuzz") as database:
        return fuzz(chosen, database)


def fuzz(chosen: argparse.Namespace, database: str) -> int:
    from tests.fuzz import inputs, run
    from tests.fuzz.asking import Asker
    from tests.fuzz.pages import Site

    begun = time.monotonic()
    seeds: list[int] = []
    parts = 0
    seen: set[str] = set()
    kinds: set[str] = set()
    with run.quietly():
        asker = Asker(Site())
        if chosen.only:
            asker.site.urls = [url for url in asker.site.urls if url.route in chosen.only]
        parts_of_a_turn = 1 if chosen.only else PARTS
        whole = False
        while not whole or time.monotonic() - begun < chosen.minutes * 60:
            # One seed is a turn through all URLs; a turn has parts, so that what is found is said soon.
            turn, part = divmod(parts, parts_of_a_turn)
            parts += 1
            seed = chosen.seed + turn
            seeds = [*seeds, seed] if not part else seeds
            before = set(asker.found)
            rng = random.Random(seed * PARTS + part)
            typed = [*inputs.KNOWN, *inputs.made_up(seed, 125)]
            rng.shuffle(typed)
            pages = run.pages_of(asker, every=parts_of_a_turn, begin=part, turn=turn)
            seen |= {page.url.route for page in pages}
            if turn and not whole:
                # First every URL gets its share; then all of them get more, for as long as there is time.
                pages = [page for page in pages if asker.inputs.get(page.url.route, 0) < ENOUGH]
            run.urls(asker, pages, typed, asked=33, sent=30, led=2)
            sheets = run.sheets_of(asker, pages)
            kinds |= set(run.fields(asker, sheets, rng.sample(typed, 40), rng=rng, rounds=2))
            run.raw(asker, inputs.gathered(inputs.bodies, seed * PARTS + part, 10))
            run.headers(asker, rng.sample(typed, 10))
            whole = len(seen) == len(asker.site.urls) and min(asker.inputs.get(route, 0) for route in seen) >= ENOUGH
            for where in set(asker.found) - before:
                print(f"seed {seed}:\n{asker.found[where]}\n", flush=True)
            print(f"{time.monotonic() - begun:.0f} s, seed {seed}, {asker.requests} requests", flush=True)
    report = {
        "database": database,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "seeds": [seeds[0], seeds[-1]],
        "turns": round(parts / parts_of_a_turn, 1),
        "urls": len(seen),
        "every_url": whole,
        "kinds_of_fields": len(kinds),
        "requests": asker.requests,
        "inputs": sum(asker.inputs.values()),
        "fewest_inputs_of_a_url": min(asker.inputs[route] for route in seen),
        "broken": sorted(asker.found),
    }
    print(json.dumps(report, indent=1))
    written = HERE / f"results.{database}.json"
    if chosen.only:
        last = json.loads(written.read_text())
        report = {**last, "later": [*last.get("later", []), {**report, "routes": sorted(seen)}]}
    if chosen.minutes >= 10 or chosen.only:
        written.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if asker.found else 0


if __name__ == "__main__":
    sys.exit(main())
