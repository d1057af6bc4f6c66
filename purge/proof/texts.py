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
from purge.addresses.sql import may_mention
from purge.choices import IdentifierKind, Verdict
from purge.database.catalog import Catalog, Column, read_catalog
from purge.hashing import FOLDED, SEARCHED, asked_digests, form_of, hasher
from purge.models import PurgeRequest, SuppressionHash
from purge.proof.columns import addresses_in, login_columns, patrolled_columns
from purge.proof.files import mentions_in_files
from purge.proof.judge import Judge, Sought
from purge.proof.probe import BYTES_A_ROW
from purge.proof.reading import filled, stream, values_of
from purge.proof.report import Hit, Report, check_key, check_storage
from purge.rules.registry import get_registry

# ---------------------------------------------------------------- tier two


def is_small() -> bool:
    """Whether the database is so small that every request is patrolled at once."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT coalesce(sum(greatest(reltuples, 0)), 0), sum(pg_relation_size(oid)) FROM pg_catalog.pg_class "
                "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            )
            rows, size = cursor.fetchone()
            # Statistics may not have been gathered yet: the files tell the size then.
            return bool(max(rows, float(size or 0) / BYTES_A_ROW) < settings.PURGE_PATROL_AT_ONCE_ROWS)
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return bool(cursor.fetchone()[0] / BYTES_A_ROW < settings.PURGE_PATROL_AT_ONCE_ROWS)


def patrol_one(purge_request: PurgeRequest) -> Report:
    """A patrol for one request."""
    hits = tuple(hit for hit in patrol([purge_request]) if hit.owner is None)
    return Report(Verdict.RESIDUE if hits else Verdict.CLEAN, hits, patrolled=True)


def patrol(requests: Sequence[PurgeRequest]) -> Iterator[Hit]:
    """One pass over every text and JSON column of every table: the places where a purged address or login stands.

    Yields a hit per request concerned, also where it is somebody else's now (``owner``). Raises
    :class:`CouldNotLook` as :func:`verify` does.
    """
    check_key(requests)
    check_storage()
    addresses, logins = _address_hashes(requests), _login_hashes(requests)
    catalog = read_catalog(connection)
    judge = Judge(requests)
    if addresses:
        for column in patrolled_columns(catalog):
            yield from _patrol_column(catalog, column, addresses, judge)
        hash_of = hasher(IdentifierKind.EMAIL)
        for mention in mentions_in_files(judge.cleaned(requests)):
            for key in sorted(mention.keys):
                yield from judge.file_hits(mention, key, addresses.get(hash_of(key), []))
    if logins:
        for column in login_columns(catalog):
            yield from _patrol_logins(catalog, column, logins, judge)


def look_at_place(purge_request: PurgeRequest, table: str, name: str, row: str) -> Iterator[Hit]:
    """What of a request stands in one column of one row now. Nothing where table, column or row are gone."""
    check_key([purge_request])
    catalog = read_catalog(connection)
    judge = Judge([purge_request])
    place = next((column for column in catalog.tables.get(table, ()) if column.name == name), None)
    if place is None or not row.isdigit():
        return
    pk = int(row)
    addresses, of_address = _address_hashes([purge_request]), hasher(IdentifierKind.EMAIL)
    for mention in mentions_in_files(lambda _path: Q(pk=pk)):
        if (mention.table, mention.column) == (table, name):
            for key in sorted(mention.keys):
                yield from judge.file_hits(mention, key, addresses.get(of_address(key), []))
    if place in patrolled_columns(catalog):
        for value in values_of(catalog, place, {pk}).values():
            for key in sorted(addresses_in(place, value)):
                yield from judge.hits(place, pk, key, addresses.get(of_address(key), []), value)
    if place in login_columns(catalog):
        logins = _login_hashes([purge_request])
        for value in values_of(catalog, place, {pk}).values():
            for key, sought in _logins_met(value, logins):
                yield from judge.hits(place, pk, key, sought)


def _address_hashes(requests: Sequence[PurgeRequest]) -> dict[str, list[Sought]]:
    """Digest of what is met in texts → the requests that look for it, and where."""
    found: dict[str, list[Sought]] = defaultdict(list)
    for digest, _form, sought in _hashes(requests, IdentifierKind.EMAIL, form__in=(FOLDED, SEARCHED)):
        found[digest].append(sought)
    return found


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


def _logins_met(value: str, hashes: dict[tuple[str, str], list[Sought]]) -> Iterator[tuple[str, list[Sought]]]:
    """Each login that a value names and that is looked for."""
    for login in sorted(login_words(value)):
        sought = [each for form in asked_digests(IdentifierKind.LOGIN, [login]) for each in hashes.get(form, ())]
        if sought:
            yield login, sought


def _patrol_column(catalog: Catalog, column: Column, hashes: dict[str, list[Sought]], judge: Judge) -> Iterator[Hit]:
    suspects: list[tuple[Any, str]] = []
    hash_of = hasher(IdentifierKind.EMAIL)
    for pk, found in _texts(catalog, column):
        suspects += [(pk, key) for key in found if hash_of(key) in hashes]
    values = values_of(catalog, column, {pk for pk, _key in suspects})
    for pk, key in suspects:
        if pk in values and key in addresses_in(column, values[pk]):
            yield from judge.hits(column, pk, key, hashes[hash_of(key)], values[pk])


def _patrol_logins(
    catalog: Catalog, column: Column, hashes: dict[tuple[str, str], list[Sought]], judge: Judge
) -> Iterator[Hit]:
    for pk, value in stream(filled(catalog, column)):
        for key, sought in _logins_met(value, hashes):
            yield from judge.hits(column, pk, key, sought)


def _texts(catalog: Catalog, column: Column) -> Iterator[tuple[Any, Iterable[str]]]:
    """(primary key, addresses) of every row of a column that may mention one, streamed; a superset."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    name, table = quote(column.name), quote(column.table)
    on_postgres = connection.vendor == "postgresql"
    if on_postgres and (column.table, column.name) not in get_registry().decoders:
        function = "purge_emails_in_json" if column.type == "json" else "purge_emails_in"
        kind = "jsonb" if column.type == "json" else "text"
        call = f"{function}({'to_jsonb' if column.type == 'json' else ''}({name})::{kind})"
        # OFFSET 0: else the function is called for the condition and again for the result.
        worth_it = may_mention(f"({name}::text)")
        texts = f"SELECT {pk}, {call} AS found FROM {table} WHERE {name} IS NOT NULL AND {worth_it} OFFSET 0"
        sql = f"SELECT * FROM ({texts}) t WHERE found <> '{{}}'"
        yield from stream(sql)
        return
    where = f"{name} IS NOT NULL"
    if not on_postgres and (column.table, column.name) not in get_registry().decoders:
        where = may_contain_address(name)
    for row_pk, value in stream(f"SELECT {pk}, {name} FROM {table} WHERE {where}"):
        found = addresses_in(column, value)
        if found:
            yield row_pk, found
