"""`./test --fuzz`: python -m tests.fuzz [--minutes 10] [--seed N]

Made-up inputs to every page and every form field, from one seed after the other, until the time is up. ``DB=pg`` before
it: on PostgreSQL. Writes ``tests/fuzz/results.DATABASE.json``; fails when anything broke. A seed that found something
is added to ``SEEDS`` of the test, so that it is found in every run from then on.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    words = argparse.ArgumentParser(prog="./test --fuzz", description=__doc__)
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--seed", type=int, default=int(time.time()))
    chosen = words.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DATABASE_URL"] = "sqlite:///var/fuzz.sqlite3"
    server = None
    if os.environ.get("DB") == "pg":
        from tools.postgres import Throwaway

        server = Throwaway().start()
        os.environ["DATABASE_URL"] = server.url
    try:
        return begin(chosen)
    finally:
        if server is not None:
            server.stop()


def begin(chosen: argparse.Namespace) -> int:
    import django

    django.setup()
    from django.db import connection, transaction
    from django.test.utils import override_settings, setup_test_environment

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            media, journal = Path(folder) / "media", Path(folder) / "journal" / "purge.jsonl"
            media.mkdir()
            with override_settings(MEDIA_ROOT=media, PURGE_JOURNAL=journal), transaction.atomic():
                return fuzz(chosen, connection.vendor)
    finally:
        connection.close()


def fuzz(chosen: argparse.Namespace, database: str) -> int:
    from tests.fuzz import inputs, run
    from tests.fuzz.asking import Asker
    from tests.fuzz.pages import Site

    begun = time.monotonic()
    seeds: list[int] = []
    seen: set[str] = set()
    kinds: set[str] = set()
    with run.quietly():
        asker = Asker(Site())
        while time.monotonic() - begun < chosen.minutes * 60:
            seed = chosen.seed + len(seeds)
            seeds.append(seed)
            before = set(asker.found)
            rng = random.Random(seed)
            typed = [*inputs.KNOWN, *inputs.made_up(seed, 125)]
            rng.shuffle(typed)
            pages = run.pages_of(asker, every=24, begin=len(seeds))
            run.urls(asker, pages, typed, asked=110, sent=90, led=10)
            sheets = run.sheets_of(asker, pages)
            kinds |= set(run.fields(asker, sheets, typed, rng=rng, rounds=4))
            run.raw(asker, inputs.gathered(inputs.bodies, seed, 50))
            seen |= {page.url.route for page in pages}
            for where in set(asker.found) - before:
                print(f"seed {seed}:\n{asker.found[where]}\n", flush=True)
            print(f"{time.monotonic() - begun:.0f} s, seed {seed}, {asker.requests} requests", flush=True)
        whole = len(seen) == len(asker.site.urls)
    report = {
        "database": database,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "seeds": [seeds[0], seeds[-1]],
        "urls": len(seen),
        "every_url": whole,
        "kinds_of_fields": len(kinds),
        "requests": asker.requests,
        "inputs": sum(asker.inputs.values()),
        "broken": sorted(asker.found),
    }
    print(json.dumps(report, indent=1))
    if chosen.minutes >= 10:
        (HERE / f"results.{database}.json").write_text(json.dumps(report, indent=1) + "\n")
    return 1 if asker.found else 0


if __name__ == "__main__":
    sys.exit(main())
