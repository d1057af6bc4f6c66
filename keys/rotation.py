"""Encrypting anew: what lies under an earlier key, or under none, gets the key in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models

from keys.encryption import decrypt, encrypt, needs_rotation
from keys.fields import Encrypted

#: Takes a stored text and returns it under the key in use, the very same object where it is already.
Reseal = Callable[[str], str]
#: What apps keep encrypted elsewhere than in a column of its own (within JSON, say), by a name for the operator.
_also: dict[str, Callable[[Reseal], int]] = {}

#: Rows that are read together.
PIECE = 500


@dataclass(frozen=True)
class Place:
    """An encrypted column: names of the database, quoted where they are used."""

    table: str
    column: str
    key: str

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"


def places(models_in: Any = None) -> list[Place]:
    """All encrypted columns. ``models_in``: those of these models (of a migration) instead of the installed ones."""
    found = []
    for model in apps.get_models(include_auto_created=True) if models_in is None else models_in:
        if not model._meta.proxy:
            found += [place(model, field) for field in model._meta.local_fields if isinstance(field, Encrypted)]
    return found


def place(model: type[models.Model], field: Any) -> Place:
    return Place(model._meta.db_table, field.column, str(model._meta.pk.column))


def also_rotate(name: str, function: Callable[[Reseal], int]) -> None:
    """Declare a further place, in ``AppConfig.ready``. ``function``: replaces what :data:`Reseal` changes; how many."""
    _also[name] = function


def other_places() -> Mapping[str, Callable[[Reseal], int]]:
    return _also


def reseal(stored: str) -> str:
    """A :data:`Reseal`. Raises :class:`keys.encryption.SecretUnreadable` for a text that no key reads."""
    return encrypt(decrypt(stored)) if needs_rotation(stored) else stored


def rotate(where: Place, *, only_count: bool = False) -> int:
    """Encrypt the values of a column with the key in use, where they are not yet; how many.

    Each value is replaced only if it is still what was read, so it may run beside everything else, be broken off and
    be run again. Raises :class:`keys.encryption.SecretUnreadable` for a value that no key reads.
    """
    changed = 0
    for pk, stored in _values(where):
        if (new := reseal(stored)) is not stored:
            changed += 1 if only_count else replace(where, pk, stored, new)
    return changed


def lay_open(where: Place) -> int:
    """Put plain values in the place of the encrypted ones: the way back of a migration."""
    return sum(replace(where, pk, stored, decrypt(stored)) for pk, stored in _values(where))


def _values(where: Place) -> Iterator[tuple[Any, str]]:
    """(primary key, stored value) of the filled rows, in order of the key, a piece in memory at a time."""
    quote = connection.ops.quote_name
    after: Any = None
    while True:
        beyond = "" if after is None else f"AND {quote(where.key)} > %s"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {quote(where.key)}, {quote(where.column)} FROM {quote(where.table)} "  # noqa: S608 - our names
                f"WHERE {quote(where.column)} <> '' {beyond} ORDER BY {quote(where.key)} LIMIT {PIECE}",
                [] if after is None else [after],
            )
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < PIECE:
            return
        after = rows[-1][0]


def replace(where: Place, pk: Any, old: str, new: str) -> int:
    """Replace a stored value if nobody has meanwhile: 1 or 0."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(where.table)} SET {quote(where.column)} = %s "  # noqa: S608 - our names
            f"WHERE {quote(where.key)} = %s AND {quote(where.column)} = %s",
            [new, pk, old],
        )
        return int(cursor.rowcount)
