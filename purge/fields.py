"""Columns that take whatever people type."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _

#: What a form takes of JSON: characters, levels, digits of a number. Settings need a fraction of each; what is beyond
#: costs every reader of the row, or is refused by one database and not by the other.
MOST_JSON: Final = 100_000
DEEPEST_JSON: Final = 20
MOST_DIGITS: Final = 30

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


class BoundedJSON(forms.JSONField):
    """JSON as people type it: no larger, deeper or with longer numbers than both databases and Python bear well."""

    default_error_messages = {
        "too_long": _("This is too long: at most 100,000 characters."),
        "too_deep": _("This is nested too deeply: at most 20 levels."),
        "number": _("A number has too many digits, or is none: at most 30 digits."),
    }

    def to_python(self, value: Any) -> Any:
        if self.disabled or not isinstance(value, str) or value in self.empty_values:
            return super().to_python(value)
        if len(value) > MOST_JSON:
            raise ValidationError(self.error_messages["too_long"], code="too_long")
        # Before it is read: each level of a list costs Python one of its own.
        if _depth(value) > DEEPEST_JSON:
            raise ValidationError(self.error_messages["too_deep"], code="too_deep")
        try:
            return storable(
                json.loads(
                    value,
                    cls=self.decoder,
                    parse_int=self._integer,
                    parse_float=self._float,
                    parse_constant=self._refuse_number,
                )
            )
        except json.JSONDecodeError:
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What is shown again must be writable as text."""
        if self.disabled:
            return initial
        try:
            return self.to_python(data) if data is not None else None
        except ValidationError:
            return InvalidJSONInput(storable(str(data)[:MOST_JSON]))

    def _integer(self, digits: str) -> int:
        return int(digits) if len(digits) <= MOST_DIGITS else self._refuse_number(digits)

    def _float(self, digits: str) -> float:
        number = float(digits) if len(digits) <= MOST_DIGITS else self._refuse_number(digits)
        return number if abs(number) < float("inf") else self._refuse_number(digits)

    def _refuse_number(self, digits: str) -> NoReturn:
        raise ValidationError(self.error_messages["number"], code="number")


class TextLines(BoundedJSON):
    """A list of texts as people write it, one per line. What has another shape is JSON, shown and typed."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        if self.disabled or not isinstance(value, str):
            return super().to_python(value)
        text = value.strip()
        if text in ("", "null"):
            return self._of_lines([])
        if text[0] in "[{":
            return super().to_python(text)
        if len(value) > MOST_JSON:
            raise ValidationError(self.error_messages["too_long"], code="too_long")
        return storable(self._of_lines([line.strip() for line in text.splitlines() if line.strip()]))

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        lines = self._as_lines(value) if value else []
        shown = "\n".join(lines) if all(isinstance(line, str) for line in lines) else ""
        # Only what is read as it was.
        if not value or (shown and shown.strip()[0] not in "[{" and self._reads_as(shown, value)):
            return shown
        return super().prepare_value(value)

    def _reads_as(self, text: str, value: Any) -> bool:
        try:
            return bool(self.to_python(text) == value)
        except ValidationError:
            return False

    def _of_lines(self, lines: list[str]) -> Any:
        return lines

    def _as_lines(self, value: Any) -> list[Any]:
        return value if isinstance(value, list) else []


class PairLines(TextLines):
    """A table of texts by name as people write it, "name = text" per line."""

    default_error_messages = {"pair": _("Write one pair per line, with “=” between the two.")}

    def _of_lines(self, lines: list[str]) -> Any:
        pairs = {name.strip(): text.strip() for name, _sign, text in (line.partition("=") for line in lines)}
        if not all(pairs) or not all(pairs.values()):
            raise ValidationError(self.error_messages["pair"], code="pair")
        return pairs

    def _as_lines(self, value: Any) -> list[Any]:
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            return []
        return [f"{name} = {text}" for name, text in value.items()]


def _depth(text: str) -> int:
    """How many lists and objects are open at most at once; what stands in quotation marks opens none."""
    deepest = open_now = 0
    for sign in _OPENING.findall(_QUOTED.sub("", text)):
        open_now += 1 if sign in "[{" else -1
        deepest = max(deepest, open_now)
    return deepest


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_OPENING = re.compile(r"[\[\]{}]")


class SafeJSONField(models.JSONField):
    """A JSONField whose insert never fails for a character: NUL and lone surrogates become U+FFFD."""

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(storable(value))

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": BoundedJSON, **kwargs})

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        """An emptied form field, and ``null`` typed into it, mean "nothing", which a column without NULL has a word
        for: its default."""
        super().save_form_data(instance, self.get_default() if data is None and not self.null else data)
