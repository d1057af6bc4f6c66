"""The engine of this revision beside another's: whole purges of light and of heavy people, without pages and queue."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Result, progress, ratio
from bench.revisions import OURS, both, turn

DRIVER = Path(__file__).with_name("engine_flow.py")
#: How much slower than the other revision a move of code may make a purge.
MOST = 1.03
#: How much longer verification and pass may take than the first release's, which looked for less.
MOST_VERIFIED, MOST_PASSED = 1.5, 3.0
KINDS = ("light", "heavy")
PEOPLE = 50
LABELS = {
    "light": f"whole purge of {PEOPLE} light people",
    "heavy": f"whole purge of {PEOPLE} heavy people",
    "verified": "verification of a heavy purge",
    "passed": "a pass over every text",
}


def side_by_side(against: str, *, rounds: int, sqlite: bool, scale: float) -> list[Result]:
    """Fifty light people and fifty heavy ones, erased by this tree and by a revision of this repository."""
    runs: dict[str, dict[str, list[float]]] = {name: {OURS: [], against: []} for name in (*KINDS, "verified", "passed")}
    with both(DRIVER, against, sqlite=sqlite) as revisions:
        for revision in revisions:
            progress(f"data for {revision.name}")
            revision.ask(build=scale)
        for kind in KINDS:
            for n in range(rounds + 1):
                progress(f"{kind} people, round {n} of {rounds}")
                for name, found in turn(revisions, prepare=kind, number=PEOPLE).items():
                    if not n:  # the first one warms up
                        continue
                    runs[kind][name].append(found["seconds"])
                    for part in ("verified", "passed") if kind == "heavy" else ():
                        runs[part][name].append(found[part])
    goals = {"light": MOST, "heavy": MOST, "verified": MOST_VERIFIED, "passed": MOST_PASSED}
    return [
        Result(
            "engine",
            LABELS[name],
            against,
            ratio(of_each, OURS, against),
            goals[name],
            runs=of_each,
        )
        for name, of_each in runs.items()
    ]
