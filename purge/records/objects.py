"""JSON objects that are about a person: with the identifier go the name and what else stands beside it.

Whom an object is about :mod:`purge.records.whose` says. ``{"name": "Safety", "contact": "ann@x.org"}`` is about no
person: there the address alone goes. A string is a text like any other (:mod:`purge.records.texts`).

An agent of xAPI's has to stay one, or nobody can read the statement any more: it becomes :data:`ERASED_ACCOUNT`, the
same for everybody. Its statement, and how often something was done, stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, Final

from purge.addresses import ERASED, changed_json
from purge.records.beside import without_names
from purge.records.statements import with_iris
from purge.records.texts import redact_text
from purge.records.whose import Gone, goes, is_account, is_agent, is_header, tells

#: Whom an xAPI agent is that was somebody who is erased.
ERASED_ACCOUNT: Final = {"homePage": "https://erased.invalid/", "name": ERASED}
_HEADER: Final = "To: "


def redact_objects(
    value: Any,
    keys: Collection[str],
    *,
    spared: Collection[str],
    homes: Collection[str],
    written: Collection[str] = (),
) -> Any:
    """A copy of the JSON value without the people of the keys: first their objects, then what the strings say.

    The same object when there is nobody to take out. ``homes``: host names of home pages on which an ID or login among
    the keys is theirs (:meth:`purge.host.Host.home_pages`). ``written``: the addresses in other writings than the keys.
    """
    gone = Gone(keys, spared, homes, written)
    about = {id(each): treat for each, treat in _about(value, gone)}
    text = partial(redact_text, keys=keys, spared=spared, written=written)
    rest = changed_json(_treated(value, about) if about else value, text)
    return rest if rest is value else with_iris(rest)


def _about(value: Any, gone: Gone) -> Iterator[tuple[dict[str, Any], Any]]:
    """The objects that are about one of them, and what becomes of each."""
    todo = [value]
    while todo:
        match todo.pop():
            case dict() as properties:
                todo += properties.values()
                if is_agent(properties, gone):
                    yield properties, _erased_agent
                elif is_account(properties, gone):
                    yield properties, _erased_account
                elif tells(properties, gone):
                    yield properties, _emptied
                elif any(map(is_header, properties)):
                    yield properties, partial(_without_names, gone=gone)
            case list() as items:
                todo += items


def _treated(value: Any, about: dict[int, Any]) -> Any:
    """A copy; those of the objects that are known by their number are what their treatment makes of them."""
    top = [value]
    todo: list[Any] = [top]
    while todo:
        container = todo.pop()
        for place, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, dict | list):
                treat = about.get(id(item))
                container[place] = item.copy() if treat is None else treat(item)
                todo.append(container[place])
    return top[0]


# ---------------------------------------------------------------- what becomes of it


def _erased_agent(agent: dict[str, Any]) -> dict[str, Any]:
    """The members of a group stay, and are looked at in their turn."""
    kept = {name: item for name, item in agent.items() if name in ("objectType", "member")}
    return {**kept, "account": dict(ERASED_ACCOUNT)}


def _erased_account(_account: dict[str, Any]) -> dict[str, Any]:
    return dict(ERASED_ACCOUNT)


def _emptied(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: _empty(item) if goes(name) else item for name, item in properties.items()}


def _without_names(properties: dict[str, Any], gone: Gone) -> dict[str, Any]:
    """Beside an address in a property that is called like a header of a message stands whose it is."""
    return {name: _as_header(item, gone) if is_header(name) else item for name, item in properties.items()}


def _as_header(item: Any, gone: Gone) -> Any:
    if isinstance(item, list):
        return [_as_header(each, gone) if isinstance(each, str) else each for each in item]
    if not isinstance(item, str):
        return item
    return without_names(f"{_HEADER}{item}", gone.keys, spared=gone.spared).removeprefix(_HEADER)


def _empty(item: Any) -> Any:
    match item:
        case str():
            return ERASED if item else item
        case list():
            return []
        case dict():
            return {}
        case bool() | None:
            return item
        case _number:
            return None
