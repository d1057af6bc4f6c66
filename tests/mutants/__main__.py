"""`./test --mutants`: python -m tests.mutants [--only WORDS] [--group GROUP] [--every N] [--resume]

``--only``: those whose name holds the words; ``--every``: each n-th, to try. The complete run writes its results to
``tests/mutants/results.md`` and ``results.json``; it fails when a mutant survives that is not listed as "no change".
``--resume``: goes on where the last run was broken off, or judges alone what came since; ``var/mutants.jsonl`` has what
was judged.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.mutants.mutant import Verdict

HERE = Path(__file__).resolve().parent
JUDGED = HERE.parents[1] / "var" / "mutants.jsonl"


def main() -> int:
    words = argparse.ArgumentParser(prog="./test --mutants", description=__doc__)
    words.add_argument("--only", default="", help="mutants whose name holds these words")
    words.add_argument("--group", default="", help="rule, consequence, route or proof")
    words.add_argument("--every", type=int, default=1, help="each n-th mutant alone")
    words.add_argument("--resume", action="store_true", help="keep what the last run judged")
    chosen = words.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DATABASE_URL"] = "sqlite:///var/mutants.sqlite3"
    import django

    django.setup()
    logging.disable(logging.CRITICAL)
    from django.db import connection
    from django.test.utils import override_settings, setup_test_environment

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        media, journal = Path(folder) / "media", Path(folder) / "journal" / "purge.jsonl"
        media.mkdir()
        # The planted world has more rows in other accounts than a day's guard lets through.
        reach = {"PURGE_RATE_GUARD": 1_000_000, "PURGE_RATE_GUARD_TRIAL": 1_000_000}
        with override_settings(MEDIA_ROOT=media, PURGE_JOURNAL=journal, **reach):
            return run(chosen)


def run(chosen: argparse.Namespace) -> int:
    from tests.mutants import results
    from tests.mutants.judge import Court, Template
    from tests.mutants.leftovers import proof_mutants
    from tests.mutants.mutant import Mutant, Verdict
    from tests.mutants.routes import route_mutants
    from tests.mutants.rules import consequence_mutants, rule_mutants
    from tests.purge.expected import judging, planting
    from tests.purge.expected.routes import ROUTES

    begun = time.monotonic()
    world = planting.build()
    world.content = judging.contents()
    court = Court(world, Template().fresh)
    whole = Mutant("none", "nothing is changed", lambda: __import__("contextlib").nullcontext(), tuple(ROUTES))
    for mutant in (whole, Mutant("none", "nothing is changed in the proof", whole.applied)):
        if noticed := court.judge(mutant).noticed:
            print(f"Without any mutant: {noticed}", file=sys.stderr)
            return 1
    everything = [*rule_mutants(), *consequence_mutants(), *route_mutants(), *proof_mutants()]
    mutants = [m for m in everything if chosen.only in m.name and chosen.group in ("", m.group)][:: chosen.every]
    judged = read_judged() if chosen.resume else {}
    if not chosen.resume:
        JUDGED.parent.mkdir(exist_ok=True)
        JUDGED.unlink(missing_ok=True)
    verdicts = []
    for number, mutant in enumerate(mutants, start=1):
        if (before := judged.get(f"{mutant.group} {mutant.name}")) is not None:
            verdicts.append(Verdict(mutant, **before))
            continue
        verdict = court.judge(mutant)
        verdicts.append(verdict)
        note(verdict)
        state = f"noticed by {verdict.by}: {verdict.noticed[:90]}" if verdict.noticed else "SURVIVED"
        print(f"{number}/{len(mutants)} {verdict.seconds:.1f} s  {mutant.group}  {mutant.name}  {state}", flush=True)
    before = sum(each["seconds"] for each in judged.values())
    report = results.Report(verdicts, time.monotonic() - begun + before)
    if len(mutants) == len(everything):
        (HERE / "results.md").write_text(report.markdown())
        (HERE / "results.json").write_text(json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n")
    print(report.closing())
    return 0 if report.passed else 1


def read_judged() -> dict[str, dict[str, Any]]:
    """Group and name → verdict, of the last run."""
    lines = JUDGED.read_text().splitlines() if JUDGED.exists() else []
    return {each.pop("mutant"): each for each in map(json.loads, lines)}


def note(verdict: Verdict) -> None:
    mutant, noticed = f"{verdict.mutant.group} {verdict.mutant.name}", verdict.noticed
    with JUDGED.open("a") as file:
        file.write(
            json.dumps({"mutant": mutant, "noticed": noticed, "by": verdict.by, "seconds": verdict.seconds}) + "\n"
        )


if __name__ == "__main__":
    sys.exit(main())
