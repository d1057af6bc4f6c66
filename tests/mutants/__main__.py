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
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.own_database import own_database

if TYPE_CHECKING:
    from tests.mutants.mutant import Mutant, Verdict

HERE = Path(__file__).resolve().parent
JUDGED = HERE.parents[1] / "var" / "mutants.jsonl"
#: Processes, each with a world of its own.
JUDGES = 2


def main() -> int:
    words = argparse.ArgumentParser(prog="./test --mutants", description=__doc__)
    words.add_argument("--only", default="", help="mutants whose name holds these words")
    words.add_argument("--group", default="", help="rule, consequence, route or proof")
    words.add_argument("--every", type=int, default=1, help="each n-th mutant alone")
    words.add_argument("--resume", action="store_true", help="keep what the last run judged")
    words.add_argument("--judge", type=int, default=None, help=argparse.SUPPRESS)
    chosen = words.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DATABASE_URL"] = "sqlite:///var/mutants.sqlite3"
    import django

    django.setup()
    logging.disable(logging.CRITICAL)
    return summon(chosen) if chosen.judge is None else in_a_world_of_its_own(chosen)


def summon(chosen: argparse.Namespace) -> int:
    """Start the judges, wait for them, and put their verdicts together."""
    from tests.mutants import results
    from tests.mutants.mutant import Verdict

    begun = time.monotonic()
    JUDGED.parent.mkdir(exist_ok=True)
    if not chosen.resume:
        JUDGED.unlink(missing_ok=True)
    before = sum(each["seconds"] for each in read_judged().values()) / JUDGES
    command = [sys.executable, "-u", "-m", "tests.mutants", *sys.argv[1:]]
    judges = [subprocess.Popen([*command, "--judge", str(number)]) for number in range(JUDGES)]
    codes = [judge.wait() for judge in judges]
    if any(codes):
        print("A judge has given up: see above. --resume goes on where they were.", file=sys.stderr)
        return 1
    everything, mutants = everything_and(chosen)
    judged = read_judged()
    verdicts = [Verdict(mutant, **judged[name_of(mutant)]) for mutant in mutants]
    report = results.Report(verdicts, time.monotonic() - begun + before)
    if len(mutants) == len(everything):
        (HERE / "results.md").write_text(report.markdown())
        (HERE / "results.json").write_text(json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n")
    print(report.closing())
    return 0 if report.passed else 1


def everything_and(chosen: argparse.Namespace) -> tuple[list[Mutant], list[Mutant]]:
    """All mutants, and those that are asked for."""
    from tests.mutants.leftovers import proof_mutants
    from tests.mutants.routes import route_mutants
    from tests.mutants.rules import consequence_mutants, rule_mutants

    everything = [*rule_mutants(), *consequence_mutants(), *route_mutants(), *proof_mutants()]
    asked = [m for m in everything if chosen.only in m.name and chosen.group in ("", m.group)][:: chosen.every]
    return everything, asked


def in_a_world_of_its_own(chosen: argparse.Namespace) -> int:
    # The planted world has more rows in other accounts than a day's guard lets through.
    reach = {"PURGE_RATE_GUARD": 1_000_000, "PURGE_RATE_GUARD_TRIAL": 1_000_000}
    with own_database("mutants", transaction=False, **reach):
        return judge(chosen)


def judge(chosen: argparse.Namespace) -> int:
    """Each JUDGES-th of the mutants; the first judge sees first that nothing is noticed where nothing is changed."""
    from tests.mutants.judge import Court, Template
    from tests.mutants.mutant import Mutant
    from tests.purge.expected import judging, planting
    from tests.purge.expected.routes import ROUTES

    world = planting.build()
    world.content = judging.contents()
    court = Court(world, Template().fresh)
    whole = Mutant("none", "nothing is changed", nullcontext, tuple(ROUTES))
    for mutant in (whole, Mutant("none", "nothing is changed in the proof", nullcontext)) if not chosen.judge else ():
        if noticed := court.judge(mutant).noticed:
            print(f"Without any mutant: {noticed}", file=sys.stderr)
            return 1
    judged = read_judged()
    _everything, mutants = everything_and(chosen)
    for number, mutant in list(enumerate(mutants, start=1))[chosen.judge :: JUDGES]:
        if name_of(mutant) in judged:
            continue
        verdict = court.judge(mutant)
        note(verdict)
        state = f"noticed by {verdict.by}: {verdict.noticed[:90]}" if verdict.noticed else "SURVIVED"
        print(f"{number}/{len(mutants)} {verdict.seconds:.1f} s  {mutant.group}  {mutant.name}  {state}", flush=True)
    return 0


def name_of(mutant: Mutant) -> str:
    return f"{mutant.group} {mutant.name}"


def read_judged() -> dict[str, dict[str, Any]]:
    """Group and name → verdict, of the last run."""
    lines = JUDGED.read_text().splitlines() if JUDGED.exists() else []
    return {each.pop("mutant"): each for each in map(json.loads, lines)}


def note(verdict: Verdict) -> None:
    facts = {"noticed": verdict.noticed, "by": verdict.by, "seconds": verdict.seconds}
    with JUDGED.open("a") as file:
        file.write(json.dumps({"mutant": name_of(verdict.mutant), **facts}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
