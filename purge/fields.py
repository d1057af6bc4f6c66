"""Columns that take whatever people type."""

from __future__ import annotations

import re
from typing import Any

from django.db import models

# PostgreSQL's jsonb has no NUL, and neither database a half of a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: Any) -> Any:
    """The same JSON value with U+FFFD in place of characters that no database stores, in keys and values."""
    match value:
        case str():
            return _UNSTORABLE.sub("�", value)
        case dict():
            return {storable(key): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value


class Unreadable(Exception):
    """A stored value that cannot be read here, because the key to it is missing. The text says what to do."""


class Opaque:
    """Of a field whose stored values say nothing to the database (encrypted ones): no index is made of them, a purge
    looks at every row that has a value, and the proof reads them by this method. In Python its values are plain."""

    def readable(self, stored: Any) -> str:
        """What a stored value says, as text. Raises :class:`Unreadable`."""
        raise NotImplementedError


class SafeJSONField(models.JSONField):
    """A JSONField whose insert never fails for a character: NUL and lone surrogates become U+FFFD."""

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(storable(value))

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        """An emptied form field, and ``null`` typed into it, mean "nothing", which a column without NULL has a word
        for: its default."""
        super().save_form_data(instance, self.get_default() if data is None and not self.null else data)
