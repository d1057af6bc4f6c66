"""What could not be erased, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from purge.choices import FilesStay

#: What a person has to mend goes before what ends by itself.
_ORDER: Final = (FilesStay.REFUSED, FilesStay.ON_HOLD, FilesStay.LOCKED)


@dataclass(frozen=True)
class Stays:
    """``names``: of the files that stay, or the folder; in memory alone. ``until``: when the last lock ends.
    ``right``: the one that is missing."""

    why: FilesStay
    names: frozenset[str] = field(repr=False)
    until: datetime | None = None
    right: str = ""


def together(all_of_them: Iterable[Stays | None]) -> Stays | None:
    """What stays of several, as one; None: nothing does."""
    found = [each for each in all_of_them if each is not None]
    if not found:
        return None
    first = min(found, key=lambda each: _ORDER.index(each.why))
    dates = [each.until for each in found if each.until is not None]
    return Stays(
        first.why,
        frozenset().union(*(each.names for each in found)),
        max(dates) if dates and first.why == FilesStay.LOCKED else None,
        first.right,
    )
