"""The patrol: one pass over every text of every table, for several requests together, comparing keyed hashes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q

from purge.addresses import (
    login_words,
)
from purge.addresses.index import (
    may_contain_address,
)
from purge.addresses.sql import json_function, may_mention, text_function
from purge.addresses.tokens import id_token, is_token
from purge.choices import IdentifierKind, Verdict
from purge.database import dialect_of
from purge.database.catalog import Catalog, Column
from purge.hashing import FOLDED, SEARCHED, asked_digests, form_of, hasher
from purge.models import IdentifierSet, PurgeRequest, SuppressionHash
from purge.proof.columns import addresses_in, login_columns, may_be_id, patrolled_columns
from purge.proof.decoding.rows import coded_addresses, coded_texts
from purge.proof.files import FileMention, mentions_in_files
from purge.proof.judge import Judge, Sought
from purge.proof.probe import BYTES_A_ROW
from purge.proof.reading import filled, stream, values_of
from purge.proof.report import Hit, Report, check_key, check_storage
from purge.routes.searched_for import TOKEN, hashes_in
from purge.rules.registry import get_registry

# ---------------------------------------------------------------- tier two


def is_small() -> bool:
    """Whether the database is so small that every request is patrolled at once."""
    rows, size = dialect_of(connection).size()
    # Statistics may not have been gathered yet: the files tell the size then.
    return bool(max(rows, size / BYTES_A_ROW) < settings.PURGE_PATROL_AT_ONCE_ROWS)


def patrol_one(purge_request: PurgeRequest) -> Report:
    """A patrol for one request."""
    unopened: list[FileMention] = []
    hits = tuple(hit for hit in patrol([purge_request], unopened) if hit.owner is None)
    return Report(Verdict.RESIDUE if hits else Verdict.CLEAN, hits, patrolled=True, unopened=tuple(unopened))


def patrol(requests: Sequence[PurgeRequest], unopened: list[FileMention] | None = None) -> Iterator[Hit]:
    """One pass over every text and JSON column of every table: the places where a purged address or login stands.

    Yields a hit per request concerned, also where it is somebody else's now (``owner``). ``unopened``: the stored files
    that could not be opened are put into it. Raises :class:`CouldNotLook` as :func:`verify` does.
    """
    check_key(requests)
    check_storage()
    wanted, logins = _wanted(requests), _login_hashes(requests)
    catalog = dialect_of(connection).read_catalog()
    judge = Judge(requests)
    if wanted:
        for column in patrolled_columns(catalog):
            yield from _patrol_column(catalog, column, wanted, judge)
        yield from _patrol_codes(catalog, wanted, judge)
        for mention in mentions_in_files(judge.cleaned(requests)):
            if unopened is not None and mention.unopened:
                unopened.append(mention)
            for key in sorted(mention.keys):
                yield from judge.file_hits(mention, key, wanted.who(key))
    if wanted or logins:
        for column in login_columns(catalog):
            yield from _patrol_logins(catalog, column, logins, wanted, judge)


def look_at_place(purge_request: PurgeRequest, table: str, name: str, row: str) -> Iterator[Hit]:
    """What of a request stands in one column of one row now. Nothing where table, column or row are gone."""
    check_key([purge_request])
    catalog = dialect_of(connection).read_catalog()
    judge = Judge([purge_request])
    place = next((column for column in catalog.tables.get(table, ()) if column.name == name), None)
    if place is None or not row.isdigit():
        return
    pk = int(row)
    wanted = _wanted([purge_request])
    for mention in mentions_in_files(lambda _path: Q(pk=pk)):
        if (mention.table, mention.column) == (table, name):
            for key in sorted(mention.keys):
                yield from judge.file_hits(mention, key, wanted.who(key))
    if place in patrolled_columns(catalog):
        for value in values_of(catalog, place, {pk}).values():
            for key in sorted(addresses_in(place, value) | coded_addresses(value)):
                yield from judge.hits(place, pk, key, wanted.who(key), value)
    if place in login_columns(catalog):
        logins = _login_hashes([purge_request])
        for value in values_of(catalog, place, {pk}).values():
            for key, sought in _logins_met(value, logins, wanted):
                yield from judge.hits(place, pk, key, sought)


class Wanted:
    """What is looked for in texts: keyed hashes of addresses, and of tokens (:mod:`purge.addresses.tokens`)."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[Sought]] = defaultdict(list)
        self.tokens: dict[str, list[Sought]] = defaultdict(list)
        self._of_address, self._of_token = hasher(IdentifierKind.EMAIL), hasher(TOKEN)

    def __bool__(self) -> bool:
        return bool(self.addresses or self.tokens)

    def who(self, key: str) -> list[Sought]:
        """The requests that look for what was met, and where."""
        if is_token(key):
            return self.tokens.get(self._of_token(key), [])
        return self.addresses.get(self._of_address(key), [])


def _wanted(requests: Sequence[PurgeRequest]) -> Wanted:
    wanted = Wanted()
    for digest, _form, sought in _hashes(requests, IdentifierKind.EMAIL, form__in=(FOLDED, SEARCHED)):
        wanted.addresses[digest].append(sought)
    by_id = {purge_request.pk: purge_request for purge_request in requests}
    sets = IdentifierSet.objects.filter(request__in=by_id)
    for request_id, own, everywhere, there in sets.values_list("request_id", "account_id", "everywhere", "there"):
        for stored, account_id in ((everywhere, None), (there, own)):
            for digest in hashes_in(stored):
                wanted.tokens[digest].append(Sought(by_id[request_id], TOKEN, account_id, account_id is None))
    return wanted


def _login_hashes(requests: Sequence[PurgeRequest]) -> dict[tuple[str, str], list[Sought]]:
    """(normal form, digest) of a login → the requests that look for it, and where."""
    found: dict[tuple[str, str], list[Sought]] = defaultdict(list)
    for digest, form, sought in _hashes(requests, IdentifierKind.LOGIN):
        found[form_of(form), digest].append(sought)
    return found


def _hashes(requests: Sequence[PurgeRequest], kind: str, **filters: Any) -> Iterator[tuple[str, str, Sought]]:
    by_id = {purge_request.pk: purge_request for purge_request in requests}
    stored = SuppressionHash.objects.filter(request__in=by_id, kind=kind, taken_out=True, **filters)
    columns = ("request_id", "digest", "form", "only_account_id", "match")
    for request_id, digest, form, account_id, match in stored.values_list(*columns):
        yield digest, form, Sought(by_id[request_id], kind, account_id, match)


def _logins_met(
    value: str, hashes: dict[tuple[str, str], list[Sought]], wanted: Wanted
) -> Iterator[tuple[str, list[Sought]]]:
    """Each login that a value names and that is looked for; a Unique User ID, as the token that it is."""
    for login in sorted(login_words(value)):
        sought = [each for form in asked_digests(IdentifierKind.LOGIN, [login]) for each in hashes.get(form, ())]
        if sought:
            yield login, sought
        if may_be_id(login, value) and (sought := wanted.who(id_token(login))):
            yield id_token(login), sought


def _patrol_column(catalog: Catalog, column: Column, wanted: Wanted, judge: Judge) -> Iterator[Hit]:
    suspects: list[tuple[Any, str]] = []
    for pk, found in _texts(catalog, column):
        suspects += [(pk, key) for key in found if wanted.who(key)]
    values = values_of(catalog, column, {pk for pk, _key in suspects})
    for pk, key in suspects:
        if pk in values and key in addresses_in(column, values[pk]):
            yield from judge.hits(column, pk, key, wanted.who(key), values[pk])


def _patrol_codes(catalog: Catalog, wanted: Wanted, judge: Judge) -> Iterator[Hit]:
    """What stands in the texts in another code."""
    suspects: dict[Column, list[tuple[Any, str]]] = defaultdict(list)
    for column, pk, found in coded_texts(catalog, patrolled_columns(catalog)):
        suspects[column] += [(pk, key) for key in sorted(found) if wanted.who(key)]
    for column, met in suspects.items():
        values = values_of(catalog, column, {pk for pk, _key in met})
        for pk, key in met:
            if pk in values and key in coded_addresses(values[pk]):
                yield from judge.hits(column, pk, key, wanted.who(key), values[pk])


def _patrol_logins(
    catalog: Catalog, column: Column, hashes: dict[tuple[str, str], list[Sought]], wanted: Wanted, judge: Judge
) -> Iterator[Hit]:
    for pk, value in stream(filled(catalog, column)):
        for key, sought in _logins_met(value, hashes, wanted):
            yield from judge.hits(column, pk, key, sought)


def _texts(catalog: Catalog, column: Column) -> Iterator[tuple[Any, Iterable[str]]]:
    """(primary key, addresses) of every row of a column that may mention one, streamed; a superset."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    name, table = quote(column.name), quote(column.table)
    plain = (column.table, column.name) not in get_registry().decoders
    finds_addresses = dialect_of(connection).finds_addresses
    if plain and finds_addresses:
        function = json_function() if column.type == "json" else text_function()
        kind = "jsonb" if column.type == "json" else "text"
        call = f"{function}({'to_jsonb' if column.type == 'json' else ''}({name})::{kind})"
        # OFFSET 0: else the function is called for the condition and again for the result.
        worth_it = may_mention(f"({name}::text)", is_json=column.type == "json")
        texts = f"SELECT {pk}, {call} AS found FROM {table} WHERE {name} IS NOT NULL AND {worth_it} OFFSET 0"
        sql = f"SELECT * FROM ({texts}) t WHERE found <> '{{}}'"
        yield from stream(sql)
        return
    where = f"{name} IS NOT NULL"
    if plain and not finds_addresses:
        # SQLite's columns of JSON are texts.
        where = f"({may_contain_address(name)} OR substr({name}, 1, 1) IN ('{{', '['))"
    for row_pk, value in stream(f"SELECT {pk}, {name} FROM {table} WHERE {where}"):
        found = addresses_in(column, value)
        if found:
            yield row_pk, found
