"""The engine of this revision beside another's: whole purges of light and of heavy people, without pages and queue."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Result, progress, ratio
from bench.revisions import OURS, both, turn

DRIVER = Path(__file__).with_name("engine_flow.py")
#: How much slower than the other revision a move of code may make a purge.
MOST = 1.03
KINDS = ("light", "heavy")
PEOPLE = 50


def side_by_side(against: str, *, rounds: int, sqlite: bool, scale: float) -> list[Result]:
    """Fifty light people and fifty heavy ones, erased by this tree and by a revision of this repository."""
    runs: dict[str, dict[str, list[float]]] = {kind: {OURS: [], against: []} for kind in KINDS}
    with both(DRIVER, against, sqlite=sqlite) as revisions:
        for revision in revisions:
            progress(f"data for {revision.name}")
            revision.ask(build=scale)
        for kind in KINDS:
            for n in range(rounds + 1):
                progress(f"{kind} people, round {n} of {rounds}")
                for name, found in turn(revisions, prepare=kind, number=PEOPLE).items():
                    if n:  # the first one warms up
                        runs[kind][name].append(found["seconds"])
    return [
        Result(
            "engine",
            f"whole purge of {PEOPLE} {kind} people",
            against,
            ratio(of_each, OURS, against),
            MOST,
            runs=of_each,
        )
        for kind, of_each in runs.items()
    ]
