"""By which rules a purge was done: sixteen characters that change with what is declared, and with nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from django.db import models
from django.utils.functional import Promise

from purge.rules.declarations import Now
from purge.rules.registry import Registry, get_registry

#: What a declaration says to its readers: another wording erases nothing more or less.
_WORDS = frozenset({"reason", "closed"})


def rules_fingerprint(registry: Registry | None = None) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of all declarations, in the order of their names.

    The same in every process, language and order of the apps: words for people are no part of it.
    """
    return _fingerprint_of(registry or get_registry())


@lru_cache(maxsize=2)
def _fingerprint_of(rules: Registry) -> str:
    declared = {
        "models": {
            label: {
                "table": entry.table,
                "account": entry.rules.account,
                "staff": entry.rules.staff_is_everybodys,
                "columns": {name: _plain(column.rule) for name, column in entry.columns.items()},
            }
            for label, entry in rules.entries.items()
        },
        "exempt": {table: _plain(exempt.decoded_by) for table, exempt in rules.exempt.items()},
        "consequences": sorted(each.path for each in rules.consequences.values()),
    }
    text = json.dumps(declared, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """A declaration as JSON. A function is its dotted path, an object of a class the name of the class."""
    if is_dataclass(value) and not isinstance(value, type):
        options = {each.name: _plain(getattr(value, each.name)) for each in fields(value) if each.name not in _WORDS}
        return {"is": type(value).__name__, **options}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, Promise):
        return None  # words, in the reader's language
    if isinstance(value, bool | int | float | str | None):
        # An enumeration's member is its value.
        return value.value if isinstance(value, models.Choices) else value
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return "now" if isinstance(value, Now) else type(value).__qualname__
