"""IRIs in a statement of xAPI's from which an address was taken: they have to stay IRIs, or no record store reads it.

``https://lms.example/u/[erased]`` is none, since brackets stand in an IRI only percent-encoded.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from purge.addresses import MARKERS

#: The properties that hold an IRI by the specification. The names of extensions are IRIs too.
_IRIS: Final = frozenset(("id", "type", "moreInfo", "usageType", "fileUrl", "homePage", "openid", "mbox"))
_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+\Z")
_MARKER: Final = re.compile("|".join(map(re.escape, MARKERS)))


def with_iris(value: Any) -> Any:
    """A JSON value in which the IRIs of statements are such again; changed in place, and returned."""
    todo = [(value, False)]
    while todo:
        item, within = todo.pop()
        if isinstance(item, list):
            todo += [(each, within) for each in item]
        elif isinstance(item, dict):
            within = within or ("actor" in item and "object" in item)
            if within:
                _mend(item)
            todo += [(each, within) for each in item.values()]
    return value


def _mend(properties: dict[str, Any]) -> None:
    for name, item in list(properties.items()):
        if name in _IRIS and isinstance(item, str):
            properties[name] = _iri(item)
        elif name == "extensions" and isinstance(item, dict) and any(_iri(key) != key for key in item):
            properties[name] = {_iri(key): each for key, each in item.items()}


def _iri(text: str) -> str:
    if not _IRI.match(text):
        return text
    return _MARKER.sub(lambda marker: quote(marker.group()), text)
