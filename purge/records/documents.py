"""JSON objects that stand in a text, whole or among other words: ``failed for {"name": "Ann Archer", "mail": …}``.

What is said of a person there is found like in a JSON value (:mod:`purge.records.whose`), by its place in the text, so
that the rest stays as it was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from purge.addresses.rewriting import marker_for
from purge.records.tables import Span
from purge.records.whose import Gone, goes, is_agent, is_header, tells

_BEGINNING: Final = re.compile(r'\{\s*"')
_TOKEN: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+)')
#: So many beginnings of objects in a text may be none.
MOST_FAILED: Final = 100


class Cut(NamedTuple):
    """From where to where in a text, and what is written there instead: never longer than it was."""

    start: int
    end: int
    new: str


class Property(NamedTuple):
    """Its name, and from where to where its value stands."""

    name: str
    start: int
    end: int


class _Open:
    """An object or array that has not ended yet."""

    def __init__(self, start: int, value: dict[str, Any] | list[Any]) -> None:
        self.start = start
        self.value = value
        self.properties: list[Property] = []
        self.name: str | None = None


def cuts_in_objects(text: str, gone: Gone) -> Iterator[Cut]:
    """What a text says in JSON objects that are about one of the people."""
    for properties, places in objects_in(text):
        if is_agent(properties, gone) or tells(properties, gone):
            for place in places:
                if goes(place.name):
                    yield from _emptied(text, place)


def header_values(text: str) -> list[Span]:
    """Where the values of properties stand that are called like headers of messages: ``"from": "Ann <ann@x.org>"``."""
    return [
        Span(place.start, place.end)
        for _properties, places in objects_in(text)
        for place in places
        if is_header(place.name)
    ]


def _emptied(text: str, place: Property) -> Iterator[Cut]:
    length = place.end - place.start
    match text[place.start]:
        case '"' if length > 2:
            yield Cut(place.start + 1, place.end - 1, marker_for(length - 2))
        case "{":
            yield Cut(place.start, place.end, "{}")
        case "[":
            yield Cut(place.start, place.end, "[]")
        case sign if sign.isdigit() or sign == "-":
            yield Cut(place.start, place.end, "null" if length >= len("null") else "0")


def objects_in(text: str) -> Iterator[tuple[dict[str, Any], list[Property]]]:
    """All objects, each with the places of what its properties hold."""
    decoder, place, failed = json.JSONDecoder(), 0, 0
    while failed < MOST_FAILED and (beginning := _BEGINNING.search(text, place)):
        try:
            _value, end = decoder.raw_decode(text, beginning.start())
        except (ValueError, RecursionError):
            place, failed = beginning.start() + 1, failed + 1
            continue
        yield from _objects_of(text, beginning.start(), end)
        place = end


def _objects_of(text: str, start: int, end: int) -> Iterator[tuple[dict[str, Any], list[Property]]]:
    """The objects of a document that was read already, those within others first."""
    opened: list[_Open] = []
    while start < end and (token := _TOKEN.match(text, start, end)):
        start = token.end()
        sign = token[1]
        if sign in "{[":
            opened.append(_Open(token.start(1), {} if sign == "{" else []))
        elif sign in "}]":
            done = opened.pop()
            if isinstance(done.value, dict):
                yield done.value, done.properties
            if opened:
                _put(opened[-1], done.value, done.start, start)
        elif sign not in ",:":
            innermost, value = opened[-1], json.loads(sign)
            if isinstance(innermost.value, dict) and innermost.name is None:
                innermost.name = value
            else:
                _put(innermost, value, token.start(1), start)


def _put(container: _Open, value: Any, start: int, end: int) -> None:
    if isinstance(container.value, list):
        container.value.append(value)
        return
    assert container.name is not None
    container.value[container.name] = value
    container.properties.append(Property(container.name, start, end))
    container.name = None
