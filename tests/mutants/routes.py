"""Mutants of the route table: each cell the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from functools import partial
from typing import Any
from unittest import mock

from purge.choices import Notify
from purge.routes import policy
from tests.mutants.mutant import Mutant

#: By which run of the expected routes a line of the table is judged.
JUDGED_BY = {"ims_enterprise": "ims_enterprise and ims_trial", "ims_trial": "ims_enterprise and ims_trial"}
#: The table as it is printed, by hand: route, then its cells in the order of the columns.
PRINTED = "printed table"
TABLE = {
    "ui_enterprise": (True, True, False, False, True, True, "initiator"),
    "ui_trial": (True, True, False, False, True, True, "initiator"),
    "other_enterprise": (False, False, False, False, True, True, "initiator"),
    "other_trial": (False, False, False, False, True, True, "initiator"),
    "ims_enterprise": (False, False, False, False, False, False, "administrators"),
    "ims_trial": (False, True, True, True, False, True, None),
}


def printed_differs() -> str:
    """What is printed for a route and is not what the specification's table says."""
    for route, line in policy.policies().items():
        cells = tuple(value for name, value in line.as_json().items() if name != "route")
        if cells != TABLE[str(route.value)]:
            return f"{route.value} is printed as {cells}"
    return ""


def route_mutants() -> Iterator[Mutant]:
    names = [field.name for field in fields(policy.Policy) if field.name != "route"]
    for number, line in enumerate(policy._TABLE):
        for position, name in enumerate(names, start=1):
            route = str(line[0].value)
            routes = (JUDGED_BY.get(route, route), PRINTED)
            flipped = other(line[position])
            yield Mutant("route", f"{route}.{name}: {flipped}", partial(with_cell, number, position, flipped), routes)


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return None if value is not None else Notify.INITIATOR


def with_cell(number: int, position: int, value: Any) -> AbstractContextManager[object]:
    line = policy._TABLE[number]
    changed = (*line[:position], value, *line[position + 1 :])
    return mock.patch.object(policy, "_TABLE", (*policy._TABLE[:number], changed, *policy._TABLE[number + 1 :]))
