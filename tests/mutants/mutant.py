"""What a mutant is, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """``group``: rule, consequence, route, proof. ``applied``: makes the change for as long as it is entered.

    ``routes``: by which it is judged, in order; the first that notices it is enough. Empty: by the leftovers.
    """

    group: str
    name: str
    applied: Callable[[], AbstractContextManager[object]]
    routes: Sequence[str] = ()


@dataclass(frozen=True)
class Verdict:
    """``noticed``: the first thing that was not as it must be; empty: the mutant has survived."""

    mutant: Mutant
    noticed: str
    by: str = ""
    seconds: float = 0.0
