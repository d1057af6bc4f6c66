"""Which columns can hold an address or a login, and how their values are read."""

from __future__ import annotations

import io
import json
import re
from typing import Any, Final

from purge.addresses import (
    Shape,
    emails_in,
    emails_in_value,
    identity_key,
)
from purge.addresses.tokens import SHORTEST_ID
from purge.database.catalog import Catalog, Column
from purge.fields import Unreadable
from purge.host import get_host
from purge.proof.decoding.rows import coded_addresses
from purge.proof.guesses import LOGINS, OWN_TABLES
from purge.proof.opening.charsets import texts_of
from purge.proof.report import CouldNotLook
from purge.rules.registry import get_registry

#: The shortest address that a column must have room for.
SHORTEST_ADDRESS = 6
#: How PostgreSQL writes bytes that are part of something else.
_BYTES: Final = re.compile(r"\\\\?x((?:[0-9a-f]{2})+)")


def addresses_in(column: Column, value: Any) -> set[str]:
    """All addresses in a stored value, whatever the column is."""
    if value is None:
        return set()
    text = readable(column, value)
    if column.type == "binary" and not is_decoded(column):
        return emails_in(text) | coded_addresses(text)
    if is_decoded(column):
        return emails_in(text)
    shape = shape_of(column)
    found = set().union(*(emails_in_value(each, shape) for each in readings_of(column, text)))
    if column.expression:
        for written in _BYTES.findall(str(text)):
            found |= emails_in(text_of_bytes(bytes.fromhex(written)))
    # Of a sealed value nobody else looks for what stands in another code.
    return found | coded_addresses(text) if (column.table, column.name) in get_registry().opaque else found


def readable(column: Column, value: Any) -> Any:
    """A stored value as somebody can read it: as it stands, opened, or decoded."""
    if (column.table, column.name) in get_registry().opaque:
        return opened(column, value)
    decoder = get_registry().decoders.get((column.table, column.name))
    if decoder is not None:
        return decoder(value)
    return text_of_bytes(value) if column.type == "binary" else value


def text_of_bytes(value: Any) -> str:
    """Bytes as the texts that they may be."""
    if isinstance(value, str):
        return value
    stored = bytes(value)
    texts = [*texts_of(io.BytesIO(stored))]
    if b"\0" in stored:
        # Of no text only: what is no letter then cuts an address, as a length before it does.
        texts.append(stored.decode("utf-8", "replace").replace("\ufffd", " "))
    return "\n".join(texts)


def is_decoded(column: Column) -> bool:
    """Whether a column is read by a decoder, which says nothing of what it holds."""
    place = (column.table, column.name)
    return place in get_registry().decoders and place not in get_registry().opaque


def opened(column: Column, value: Any) -> str:
    """What a value says that the database cannot read. Raises :class:`CouldNotLook` where its key is missing."""
    try:
        return get_registry().opaque[column.table, column.name](value)
    except Unreadable:
        raise CouldNotLook(f"a value of {column.table}.{column.name} cannot be read: its key is missing") from None


def may_be_id(key: str, value: str) -> bool:
    """Whether a word of a column for logins may be a Unique User ID. A short one may where it is the whole value: in a
    filter it may be any number."""
    return len(key) >= SHORTEST_ID or key == identity_key(value)


def readings_of(column: Column, value: Any) -> list[Any]:
    """A stored value as it stands, and as JSON where it is that."""
    if isinstance(value, str) and (column.type == "json" or value[:1] in "[{"):
        try:
            return [json.loads(value), value]
        except ValueError:
            return [value]
    return [value]


def shape_of(column: Column) -> Shape:
    """What a column holds, as far as somebody has said: an address, a list, a text."""
    entry = get_registry().by_table.get(column.table)
    lines = entry.columns.values() if entry is not None else ()
    return next((line.shape for line in lines if line.column == column.name), Shape.TEXT)


def patrolled_columns(catalog: Catalog) -> list[Column]:
    """The columns that a patrol reads: all that have room for an address, but those that people sign in with. Numbers,
    moments, truth and the like have none."""
    identity = get_host().identity_columns()
    return [
        column for column in catalog.columns if _holds_addresses(column) and (column.table, column.name) not in identity
    ]


def login_columns(catalog: Catalog) -> list[Column]:
    """The columns that hold what somebody signs in with at another system, or a filter that may name them by it."""
    identity = get_host().identity_columns()
    return [column for column in LOGINS.columns(catalog) if (column.table, column.name) not in identity]


def _holds_addresses(column: Column) -> bool:
    if column.table in OWN_TABLES or column.type not in ("text", "json", "binary"):
        return False
    return column.width is None or column.width >= SHORTEST_ADDRESS


def is_ruled(table: str, column: str) -> bool:
    """Whether the rules name this column at all (not what they do to it)."""
    entry = get_registry().by_table.get(table)
    return entry is not None and any(line.column == column for line in entry.columns.values())


def takes_addresses(table: str, column: str) -> bool:
    """Whether a treatment could take an address out; of a view that is made anew it is that."""
    entry = get_registry().by_table.get(table)
    if table in get_registry().refreshed_tables:
        return True
    return entry is not None and any(line.column == column for line in entry.addresses)
