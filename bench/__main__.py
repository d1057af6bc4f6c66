"""``python -m bench``: measure the purge against what else there is, and against its goals."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.server import database, set_up
from bench.table import AT_THE_END, AT_TWO_SIZES, FIGURES, POSTGRES_ONLY, SIDE_BY_SIDE, figure

SMALL, LARGE = 1.0, 4.0


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 1 when a median misses its goal."""
    options = parse(argv)
    with database("sqlite" if options.sqlite else "postgresql"):
        set_up()
        return measure(options)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure purges on a database of their own, made for the run and thrown away after it. "
        "bench/README.md says what each figure means. Exits with 1 when a median misses its goal.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--postgres", action="store_true", help="on PostgreSQL (the default)")
    which.add_argument("--sqlite", action="store_true", help="on SQLite")
    parser.add_argument("--against", metavar="REV", help="measure beside this revision, turn by turn")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this figure; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements to FILE, a chart beside it")
    parser.add_argument("--scale", type=float, default=1.0, help="make the data set smaller (0.05) or bigger (2)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (5)")
    parser.add_argument("--list", action="store_true", help="list the figures' names and stop")
    options = parser.parse_args(argv)
    if options.list:
        print("\n".join(f"{name:14} {entry.label}" for name, entry in FIGURES.items()))
        raise SystemExit(0)
    unknown = [name for name in options.only if name not in FIGURES]
    if unknown:
        parser.error(f"there is no figure {unknown[0]}; there are: {', '.join(FIGURES)}")
    if (lonely := [name for name in SIDE_BY_SIDE if name in options.only]) and not options.against:
        parser.error(f"{lonely[0]} needs --against REV, the revision to compare with")
    if options.scale <= 0 or options.rounds < 1:
        parser.error("--scale and --rounds must be above 0")
    return options


def chosen(only: list[str], *, sqlite: bool, size: float) -> list[str]:
    """The names of the figures to run at a size, in order."""
    left_out = (*SIDE_BY_SIDE, *(POSTGRES_ONLY if sqlite else ()))
    names = [name for name in FIGURES if (not only or name in only) and name not in left_out]
    if size == LARGE:
        return [name for name in names if name in (*AT_TWO_SIZES, *AT_THE_END)]
    return [name for name in names if name not in AT_THE_END]


def measure(options: argparse.Namespace) -> int:
    """Run the figures at one size, then those that compare two at four times the data; report."""
    from bench import batches, chart, engines, plain, report
    from bench.data import tidy
    from bench.figures import Bench
    from bench.measuring import Result, progress, report_each, stage

    results: list[Result] = []
    facts: dict[str, Any] = {"scale": options.scale, "rounds": options.rounds, "rows": {}}
    beside: dict[str, Callable[[], list[Result]]] = {
        "plain": lambda: plain.side_by_side(options.against, rounds=options.rounds, sqlite=options.sqlite),
        "engine": lambda: engines.side_by_side(
            options.against, rounds=options.rounds, sqlite=options.sqlite, scale=options.scale
        ),
        "batches": lambda: batches.side_by_side(
            options.against, rounds=options.rounds, sqlite=options.sqlite, scale=options.scale
        ),
    }
    for name in SIDE_BY_SIDE if options.against else ():
        if not options.only or name in options.only:
            stage(name)
            found = beside[name]()
            report_each(found)
            results += found
    bench = Bench(rounds=options.rounds)
    for size, more in ((SMALL, SMALL), (LARGE, LARGE - SMALL)):
        names = chosen(options.only, sqlite=options.sqlite, size=size)
        if not names:
            continue
        stage(f"data at {size * options.scale:g}×")
        bench.build(more * options.scale, progress)
        facts["rows"][f"{size:g}"] = report.row_count()
        for name in names:
            stage(name)
            tidy()  # no figure works among what the one before has left
            found = figure(name)(bench)
            report_each(found)
            results += found
    stage("done")
    print(report.table(results), flush=True)
    if options.json:
        content = report.as_json(results, **facts)
        report.write_json(options.json, content)
        options.json.with_suffix(".svg").write_text(chart.svg(content))
    return 1 if report.missed(results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
