"""PostgreSQL's large objects: bytes that no table's row holds. Read a piece at a time, as texts."""

from __future__ import annotations

from typing import IO, Final, cast

from django.db import connection

from purge.addresses import emails_in
from purge.database import dialect_of
from purge.database.catalog import Column
from purge.proof.decoding.rows import coded_addresses
from purge.proof.opening.charsets import texts_of

#: As what a residue names one, by its number.
PLACE: Final = Column("pg_largeobject", "data", "binary")


def addresses_in(number: int) -> set[str]:
    """The keys of all addresses that one mentions."""
    found: set[str] = set()
    for text in texts_of(cast("IO[bytes]", _Opened(number))):
        found |= emails_in(text) | coded_addresses(text)
    return found


class _Opened:
    def __init__(self, number: int) -> None:
        self.number, self.place = number, 0

    def read(self, length: int) -> bytes:
        piece = dialect_of(connection).large_object(self.number, self.place, length)
        self.place += len(piece)
        return piece
