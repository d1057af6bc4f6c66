"""Whom a restored backup brought back: the people of requests that only the purge log knows, found in this database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from purge.host import get_host
from purge.journal import chains
from purge.journal.chains import ChainLine, Position
from purge.journal.lines import ACCEPTED, LATE, LET_GO, OUTCOMES

#: Chain and number of a line.
_At = tuple[str, int]


def brought_back(references: Iterable[str], names: Iterable[str]) -> dict[str, list[int]]:
    """Request ID → numbers of the users here whom it had in its scope, by number and public id alike.

    Numbers are given out anew after a restore: a number alone is nobody. ``names``: the chains to read. Raises OSError.
    """
    written, confirmed = _lines(set(references), names)
    found: dict[str, list[int]] = {}
    for reference, (_number, place) in confirmed.items():
        going = _people(written, place)
        present = {person.id: person.public_id for person in get_host().people(sorted(going))}
        found[reference] = sorted(row for row, public_id in going.items() if present.get(row) == public_id)
    return found


def _lines(
    wanted: set[str], names: Iterable[str]
) -> tuple[dict[_At, dict[str, Any]], dict[str, tuple[int, _At | None]]]:
    """The lines that were written ahead, and for each request which of them its latest outcome confirms."""
    written: dict[_At, dict[str, Any]] = {}
    confirmed: dict[str, tuple[int, _At | None]] = {}
    for name in names:
        size = chains.size_of(name)
        if size is None:
            continue
        for _position, item in chains.read(name, Position(), size, settled=False):
            if not isinstance(item, ChainLine) or item.data.get("request") not in wanted:
                continue
            if item.event in (ACCEPTED, LATE, LET_GO):
                written[name, item.seq] = item.data
            elif item.event in OUTCOMES:
                reference, number = str(item.data["request"]), int(item.data.get("n", 0))
                if number >= confirmed.get(reference, (0, None))[0]:
                    confirmed[reference] = number, _place(item.data.get("confirms"))
    return written, confirmed


def _people(written: dict[_At, dict[str, Any]], place: _At | None) -> dict[int, str]:
    """Number → public id of everybody in scope, from the last line that is true back to the first."""
    steps = []
    while place is not None and place in written:
        line = written.pop(place)
        steps.append(line)
        place = _place(line.get("changes"))
    going: dict[int, str] = {}
    for line in reversed(steps):
        for row, public_id, *_more in line.get("people", ()):
            if line["event"] == LET_GO:
                going.pop(row, None)
            else:
                going[row] = public_id
    return going


def _place(value: Any) -> _At | None:
    return (str(value[0]), int(value[1])) if value else None
