"""The plain flow of this revision beside another's."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Result, progress, ratio
from bench.revisions import OURS, both, turn

DRIVER = Path(__file__).with_name("plain_flow.py")
#: How much slower than the other revision the plain flow may be.
MOST = 1.2
#: People of one request: somebody on their own, and a month's fifty.
SIZES = (1, 50)
#: As the product has them when nobody has set anything; the benchmark's own settings turn these off.
AS_IT_COMES = {"PURGE_RATE_GUARD": "200", "PURGE_RATE_GUARD_TRIAL": "20", "PURGE_PATROL_AT_ONCE_ROWS": "200000"}


def side_by_side(against: str, *, rounds: int, sqlite: bool) -> list[Result]:
    """Accepted and completed, for one person and for fifty, of this tree and of a revision of this repository."""
    runs: dict[tuple[int, str], dict[str, list[float]]] = {
        (size, what): {OURS: [], against: []} for size in SIZES for what in ("accepted", "completed")
    }
    with both(DRIVER, against, sqlite=sqlite, environ=AS_IT_COMES) as revisions:
        for size in SIZES:
            for n in range(rounds + 1):
                progress(f"{size} of {SIZES[-1]} people, round {n} of {rounds}")
                for name, found in turn(revisions, prepare=size).items():
                    for what in ("accepted", "completed") if n else ():  # the first one warms up
                        runs[size, what][name].append(found[what])
    return [
        Result(
            "plain",
            f"the plain flow of {size}: {what}",
            against,
            ratio(of_each, OURS, against),
            MOST,
            runs=of_each,
        )
        for (size, what), of_each in runs.items()
    ]
