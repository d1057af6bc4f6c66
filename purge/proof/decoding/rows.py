"""Addresses that stand in a stored text in another code, or joined to a word: what no index and no function of the
database finds. Read by the proof's own decoding (:mod:`purge.proof.decoding.codes`), which the treatments do not use.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from django.db import connection

from purge.addresses import emails_in
from purge.database import dialect_of
from purge.database.catalog import Catalog, Column
from purge.proof.decoding.codes import plain_texts
from purge.proof.reading import stream
from purge.rules.registry import get_registry

#: What a text holds that is worth decoding, as PostgreSQL and Python understand it alike. A run of base64, an encoded
#: word, or an at-sign with anything near it that may hide a part of the address.
_CODED: Final = r"[A-Za-z0-9+/_-]{16}|=\?[A-Za-z]|commat;|u\{0*40\}"
_JOINED: Final = (
    r"['_\"<>][^\s@]{1,80}@|@[^\s@]{0,80}['_\"<>&%\\]|(?:^|\s)-[^\s@]{1,64}@|[&%\\][^\s@]{1,80}@|@[^\s@]{1,200}[.-][A-Z]"
    r"|[^\x01-\x7f][^\s@]{0,64}@|@[^\s@]{0,200}[^\x01-\x7f]|\n[ \t]"
    r"|@[^\s@]{1,200}\.(?:png|jpe?g|gif|csv|txt|pdf|docx?|xlsx?|html?|eml|ics|vcf)"
)


_IS_CODED, _IS_JOINED = re.compile(_CODED), re.compile(_JOINED)
#: Columns that are read in one statement.
TOGETHER: Final = 60


def coded_addresses(value: Any) -> set[str]:
    """The keys of all addresses that a stored value mentions in another code."""
    found: set[str] = set()
    for text in _strings(value):
        if _IS_CODED.search(text) or ("@" in text and _IS_JOINED.search(text)):
            found.update(*map(emails_in, plain_texts(text)))
    return found


def coded_texts(catalog: Catalog, columns: Sequence[Column]) -> Iterator[tuple[Column, Any, set[str]]]:
    """(column, primary key, addresses in another code) of every row of the columns that has some, streamed: many
    columns in one statement, since on a small database statements are what takes the time."""
    decoders = get_registry().decoders
    by_type: dict[str, list[Column]] = defaultdict(list)
    for column in columns:
        if (column.table, column.name) not in decoders:
            by_type[_type_of_key(catalog, column)].append(column)
    for alike in by_type.values():
        for start in range(0, len(alike), TOGETHER):
            some = alike[start : start + TOGETHER]
            parts = [_worth_decoding(catalog, column, number) for number, column in enumerate(some)]
            for number, pk, value in cast("Iterator[tuple[int, Any, Any]]", stream(" UNION ALL ".join(parts))):
                if found := coded_addresses(value):
                    yield some[number], pk, found


def _type_of_key(catalog: Catalog, column: Column) -> str:
    """Primary keys of one statement have one type."""
    name = catalog.primary_keys.get(column.table, column.name)
    return next(each.type for each in catalog.tables[column.table] if each.name == name)


def _worth_decoding(catalog: Catalog, column: Column, number: int) -> str:
    quote = connection.ops.quote_name
    pk, name = quote(catalog.primary_keys.get(column.table, column.name)), quote(column.name)
    text, worth_it = name, f"{name} IS NOT NULL"
    if dialect_of(connection).knows_patterns:
        text = f"{name}::text"
        joined = _JOINED.replace("'", "''")
        worth_it = f"{text} ~ '{_CODED}' OR (position('@' in {text}) > 0 AND {text} ~ '{joined}')"
    return f"SELECT {number}, {pk}, {text} FROM {quote(column.table)} WHERE {worth_it}"


def _strings(value: Any) -> Iterator[str]:
    """The texts of a value, which may be JSON."""
    if isinstance(value, str) and value[:1] in '[{"':
        try:
            value = json.loads(value)
        except ValueError:
            yield value
            return
    todo = [value]
    while todo:
        match todo.pop():
            case str() as text:
                yield text
            case dict() as properties:
                todo += properties.keys()
                todo += properties.values()
            case list() as items:
                todo += items
