"""Measuring and comparing: seconds, ratios of medians, peak memory."""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Result:
    """One line of the report. ``ratio``: of the medians, or a number with ``unit``. ``goal``: most or least allowed."""

    figure: str
    what: str
    contender: str
    value: float
    goal: float | None = None
    at: Literal["most", "least"] = "most"
    unit: str = "×"
    #: Seconds (or what is measured) of each run, by contender.
    runs: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None for a figure that is reported without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at == "most" else self.value >= self.goal

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def clock(action: Callable[[], Any]) -> float:
    """Seconds an action takes; garbage is collected before, not meanwhile."""
    gc.collect()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def rounds(
    contenders: Mapping[str, Callable[[], float]], number: int, prepare: Callable[[], Any] | None = None
) -> dict[str, list[float]]:
    """Each contender's measurements. In every round each runs once, in an order of chance; ``prepare`` comes before."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(number):
        names = list(contenders)
        random.shuffle(names)
        if prepare is not None:
            progress(f"round {turn + 1} of {number}: writing rows")
            prepare()
        for name in names:
            progress(f"round {turn + 1} of {number}: {name}")
            found[name].append(contenders[name]())
    return found


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(runs: Mapping[str, Sequence[float]], over: str, under: str) -> float:
    return median(runs[over]) / max(median(runs[under]), 1e-9)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


_stage = ""
_started = time.monotonic()


def stage(name: str) -> None:
    """Begin a figure: the progress line names it from now on."""
    global _stage
    _stage = name
    progress("")


def progress(text: str) -> None:
    """One line that is written over, on a terminal; nothing else where there is none but at each figure."""
    line = (
        f"[{time.monotonic() - _started:5.0f} s] {_stage}: {text}"
        if text
        else f"[{time.monotonic() - _started:5.0f} s] {_stage}"
    )
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line[:110]}")
    elif not text:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()


def report_each(results: Sequence[Result]) -> None:
    """What a figure has shown, as soon as it has."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    for result in results:
        medians = ", ".join(f"{name} {median(values):.4g}" for name, values in result.runs.items())
        sys.stderr.write(f"        {result.figure} {result.what}: {result.value:.3g} {result.unit} ({medians})\n")
