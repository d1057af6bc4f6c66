"""Looking whether anything is left: from the database's own catalogue, never from the treatments.

The verifier may know which account a row belongs to (a path that the rules declare) and which columns people sign in
with; what a purge *does* to a column it must not know, or it would share the blind spots of what it checks.

Two tiers: :func:`verify` probes indexed places at once; :func:`patrol` passes over every text of every table, for
several requests together, comparing keyed hashes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Q

from purge.address_index import (
    NAMES_ONE,
    TextColumn,
    candidates_among,
    candidates_where,
    looking_for_few_rows,
    may_hold,
    seeking,
    storable,
)
from purge.addresses import (
    Shape,
    cannot_mention,
    emails_in,
    emails_in_value,
    identity_key,
    login_words,
    names,
    others_in_value,
)
from purge.addresses.sql import may_mention
from purge.catalog import Catalog, Column, read_catalog
from purge.choices import Fate, IdentifierKind, Role, Verdict
from purge.file_proof import FileMention, Where, mentions_in_files, mentions_in_unread_files
from purge.hashing import FOLDED, SEARCHED, HashKeyMissing, asked_digests, fingerprint, form_of, hasher
from purge.host import Holder, get_host
from purge.models import Identifier, PurgeRequest, Subject, SuppressionHash
from purge.opaque import OPAQUE
from purge.ownership import owner_in
from purge.policy import policy_for
from purge.registry import get_registry, person_model
from purge.row_names import row_name
from purge.scope import DOOMED_ROLES, current_key, owner_of, searched
from purge.storage_marker import COPY, UNREACHABLE, AnotherStorage, require_storage

#: The engine's own tables hold ids and, while a request is open, what it captured.
OWN_TABLES = frozenset(model._meta.db_table for model in (Identifier, Subject, SuppressionHash))
#: The shortest address that a column must have room for.
SHORTEST_ADDRESS = 6
#: Rows named for one place; more would say nothing new.
MOST_HITS = 50
PEOPLE_PREFIX = "people"
#: How the names of columns end that hold logins, or filters in which logins stand.
LOGIN_ENDINGS = ("login", "user_name", "username", "manager_filter", "filter_value")
#: SQLite takes at most 500 parts in one compound statement.
MOST_PARTS = 400
#: Roughly, with its share of the page, when only a file's size is known.
BYTES_A_ROW = 400


@dataclass(frozen=True)
class Hit:
    """Where something was found. ``ruled``: a treatment could take it out.

    ``key``, the address or login (``kind``) that was met, and ``pk``, the row's primary key, stay in memory; ``row`` is
    what the row may be called. ``matched``: see :class:`Identifier`. ``owner``: somebody whose it is now, so that it is
    no residue.
    """

    table: str
    column: str
    row: str
    ruled: bool
    account_id: int | None = None
    key: str = field(default="", repr=False)
    request_id: int = 0
    pk: Any = field(default=None, repr=False)
    kind: str = ""
    matched: bool = False
    owner: Holder | None = None


@dataclass(frozen=True)
class Report:
    """What a verification found. ``patrolled``: every text was read, not only the indexed places."""

    verdict: Verdict
    hits: tuple[Hit, ...] = ()
    patrolled: bool = False
    reason: str = ""

    @property
    def treatable(self) -> bool:
        """Whether running the plan again could help."""
        return any(hit.ruled for hit in self.hits)


class CouldNotLook(Exception):
    """A verification that cannot be made says so; nothing completes."""


# ---------------------------------------------------------------- tier one


def verify(request: PurgeRequest) -> Report:
    """Probe every key, e-mail column, indexed text and file prefix for the people and addresses of a request.

    And every stored text file that the purge has not read.

    Raises :class:`CouldNotLook` when the hash key is missing or is not the one that made the request's hashes.
    """
    check_key([request])
    check_storage()
    with looking_for_few_rows(connection):
        hits = list(_probe(request, read_catalog(connection)))
    hits += [*_files(request), *_unread_files(request), *_missing_survivors(request)]
    hits = [hit for hit in hits if hit.owner is None]
    return Report(Verdict.RESIDUE if hits else Verdict.CLEAN, tuple(hits))


def _probe(request: PurgeRequest, catalog: Catalog) -> Iterator[Hit]:
    doomed = request.subjects.filter(role__in=DOOMED_ROLES, fate__in=(Fate.ERASED, Fate.GONE))
    yield from _references(catalog, list(doomed.values_list("person_id", flat=True)))
    yield from _public_ids(request, catalog)
    yield from _known_addresses(request, catalog)
    yield from _known_logins(request, catalog)


def check_key(requests: Iterable[PurgeRequest]) -> None:
    """Raise :class:`CouldNotLook` unless the present hash key made the hashes of these requests."""
    try:
        present = fingerprint()
    except HashKeyMissing:
        raise CouldNotLook("the hash key is missing") from None
    if any(request.key_fingerprint != present for request in requests):
        raise CouldNotLook("the hash key is not the one that made the hashes")


def check_storage() -> None:
    """Raise :class:`CouldNotLook` unless the files that this process sees are the database's."""
    try:
        require_storage()
    except AnotherStorage as trouble:
        raise CouldNotLook(_UNSEEN[trouble.kind]) from None


#: In a report of a verification; the others do not occur where something was accepted.
_UNSEEN = defaultdict(
    lambda: "this worker sees another file storage than the web",
    {COPY: "this database is a copy that shares its original's file storage", UNREACHABLE: "the file storage is away"},
)


def referring_tables(catalog: Catalog, person_table: str, ids: Sequence[int]) -> Iterator[str]:
    """Tables with a foreign key that still points at one of the people."""
    for key in catalog.keys_to(person_table):
        if (key.table != person_table and _find(catalog, key.table, key.column, ids, limit=1)) or (
            key.table == person_table and _outside(key.column, ids)
        ):
            yield key.table


def _outside(column: str, ids: Sequence[int]) -> bool:
    """Whether somebody who stays points at somebody who goes (a manager)."""
    rows = person_model()._base_manager.filter(**{f"{column}__in": ids}).exclude(pk__in=ids)
    return rows.exists()


def _references(catalog: Catalog, ids: Sequence[int]) -> Iterator[Hit]:
    if not ids:
        return
    person_table = person_model()._meta.db_table
    keyed = {(key.table, key.column) for key in catalog.foreign_keys}
    places = [(key.table, key.column) for key in catalog.keys_to(person_table)]
    places += [
        (column.table, column.name)
        for column in catalog.columns
        if column.type == "integer"
        and column.table not in OWN_TABLES
        and (column.table, column.name) not in keyed
        and (column.name in ("user_id", "person_id") or column.name.endswith(("_user_id", "_person_id")))
    ]
    for table, name in _occupied(places, ids):
        for row in _find(catalog, table, name, ids):
            yield Hit(table, name, row, ruled=is_ruled(table, name))
    yield from _generic_references(catalog, ids)


def _occupied(places: Sequence[tuple[str, str]], values: Sequence[Any]) -> list[tuple[str, str]]:
    """Those of the (table, column) places in which one of the values stands: one statement for all of them."""
    quote = connection.ops.quote_name
    found: list[tuple[str, str]] = []
    for start in range(0, len(places), MOST_PARTS):
        some = places[start : start + MOST_PARTS]
        listed: Any
        if connection.vendor == "postgresql":
            kind = "bigint" if isinstance(values[0], int) else "uuid"
            head, listed = f"WITH wanted (listed) AS (SELECT %s::{kind}[])", list(values)
            among = f"= ANY((SELECT listed FROM wanted)::{kind}[])"
        else:
            head, listed = "WITH wanted AS MATERIALIZED (SELECT value FROM json_each(%s))", json.dumps(list(values))
            among = "IN (SELECT value FROM wanted)"
        parts = [
            f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {quote(table)} WHERE {quote(column)} {among})"
            for number, (table, column) in enumerate(some)
        ]
        with connection.cursor() as cursor:
            cursor.execute(f"{head} {' UNION ALL '.join(parts)}", [listed])
            found += [some[number] for (number,) in cursor.fetchall()]
    return found


def _generic_references(catalog: Catalog, ids: Sequence[int]) -> Iterator[Hit]:
    """Rows that name a person by content type and object id, as the admin log does."""
    model = person_model()
    names = [m._meta.model_name for m in (model, *model.__subclasses__()) if m._meta.concrete_model is model]
    quote = connection.ops.quote_name
    for key in catalog.keys_to("django_content_type"):
        for column in catalog.tables[key.table]:
            if column.name != "object_id":
                continue
            marks = ", ".join(["%s"] * len(names))
            of_people = f"SELECT id FROM django_content_type WHERE app_label = %s AND model IN ({marks})"
            sql = (
                f"SELECT {quote(catalog.primary_keys[key.table])} FROM {quote(key.table)} "
                f"WHERE {quote(key.column)} IN ({of_people}) "
                f"AND CAST({quote(column.name)} AS text) IN ({', '.join(['%s'] * len(ids))}) LIMIT {MOST_HITS}"
            )
            with connection.cursor() as cursor:
                cursor.execute(sql, [model._meta.app_label, *names, *(str(person_id) for person_id in ids)])
                for (row,) in cursor.fetchall():
                    yield Hit(key.table, column.name, row_name(key.table, row), ruled=is_ruled(key.table, column.name))


def _find(catalog: Catalog, table: str, column: str, values: Sequence[Any], limit: int = MOST_HITS) -> list[str]:
    """Names of rows whose column is one of the values."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(table, column))
    listed: Any
    if connection.vendor == "postgresql":
        where, listed = f"{quote(column)} = ANY(%s)", list(values)
    else:
        where, listed = f"{quote(column)} IN (SELECT value FROM json_each(%s))", json.dumps(list(values))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {pk} FROM {quote(table)} WHERE {where} LIMIT %s", [listed, limit])
        return [row_name(table, row[0]) for row in cursor.fetchall()]


def _public_ids(request: PurgeRequest, catalog: Catalog) -> Iterator[Hit]:
    """The opaque ids under which files and outside references know a person."""
    values = _erased_public_ids(request)
    if not values:
        return
    from uuid import UUID

    native = connection.features.has_native_uuid_field
    wanted = [UUID(value) if native else UUID(value).hex for value in values]
    places = [
        (column.table, column.name)
        for column in catalog.columns
        if column.type == "uuid"
        and column.table not in OWN_TABLES
        and any(word in column.name for word in ("public_id", "user", "person", "owner"))
    ]
    for table, name in _occupied(places, wanted):
        for row in _find(catalog, table, name, wanted):
            yield Hit(table, name, row, ruled=is_ruled(table, name))


def _erased_public_ids(request: PurgeRequest) -> list[str]:
    erased = request.subjects.filter(fate__in=(Fate.ERASED, Fate.GONE)).values("person_id")
    return list(
        request.identifiers.filter(kind=IdentifierKind.PUBLIC_ID, person_id__in=erased).values_list("value", flat=True)
    )


def _captured(request: PurgeRequest, kind: str) -> dict[str, list[Sought]]:
    """What an open request looks for: search keys of addresses, or logins; and where it looks for each."""
    sought: dict[str, list[Sought]] = defaultdict(list)
    captured = request.identifiers.filter(kind=kind).values_list("value", "form", "account_id", "match")
    for value, form, account_id, match in captured:
        identity = current_key(value, form)
        for key in searched([identity]) if kind == IdentifierKind.EMAIL else [identity]:
            sought[key].append(Sought(request, kind, account_id, match, identity))
    return sought


def _known_addresses(request: PurgeRequest, catalog: Catalog) -> Iterator[Hit]:
    """Addresses of an open request in e-mail columns and, on PostgreSQL, in all text that has an address index."""
    sought = _captured(request, IdentifierKind.EMAIL)
    keys = frozenset(sought)
    if not keys:
        return
    judge = Judge([request])
    columns = patrolled_columns(catalog)
    mentioning = _mentioning([column for column in columns if _is_indexed(catalog, column)], keys)
    for column in columns:
        indexed = _is_indexed(catalog, column)
        if column in mentioning or (not indexed and "mail" in column.name):
            for pk, value in _rows_with(catalog, column, keys, indexed=indexed):
                for key in sorted(addresses_in(column, value) & keys):
                    yield from judge.hits(column, pk, key, sought[key], value)


def _known_logins(request: PurgeRequest, catalog: Catalog) -> Iterator[Hit]:
    """Logins of an open request in the columns that people write them into: settings, of which there are few."""
    sought = _captured(request, IdentifierKind.LOGIN)
    if not sought:
        return
    judge = Judge([request])
    for column in login_columns(catalog):
        for pk, value in stream(filled(catalog, column)):
            for key in sorted(login_words(value) & sought.keys()):
                yield from judge.hits(column, pk, key, sought[key])


def _is_indexed(catalog: Catalog, column: Column) -> bool:
    return (column.table, column.name) in catalog.address_indexed


def _mentioning(columns: Sequence[Column], keys: Iterable[str]) -> set[Column]:
    """Those of the columns with an address index in which that finds one of the addresses: one statement."""
    if not columns:
        return set()
    quote = connection.ops.quote_name
    parts = []
    for number, column in enumerate(columns):
        text = TextColumn(column.table, column.name, column.type == "json")
        where, _none = candidates_among(connection, text, "(SELECT listed FROM wanted)::text[]")
        # Counted, not asked for the first one: that the planner may look for by reading the table.
        parts.append(f"SELECT {number} FROM {quote(column.table)} WHERE {where} HAVING count(*) > 0")
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted (listed) AS (SELECT %s::text[]) {' UNION ALL '.join(parts)}", [storable(sorted(keys))]
        )
        return {columns[number] for (number,) in cursor.fetchall()}


def _rows_with(catalog: Catalog, column: Column, keys: frozenset[str], *, indexed: bool) -> Iterator[tuple[Any, Any]]:
    """(primary key, value) of the rows whose value mentions one of the keys."""
    quote = connection.ops.quote_name
    text = TextColumn(column.table, column.name, column.type == "json")
    encoded = (column.table, column.name) in OPAQUE
    if indexed or connection.vendor != "postgresql":
        where, params = candidates_where(connection, text, sorted(keys))
    else:
        where, params = _no_index_where(column)
    if connection.vendor == "sqlite" and not encoded:
        where = f"{where} AND {NAMES_ONE}({quote(column.name)})"
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    with seeking(keys), connection.cursor() as cursor:
        cursor.execute(f"SELECT {pk}, {quote(column.name)} FROM {quote(column.table)} WHERE {where}", params)
        rows = cursor.fetchall()
    for row_pk, value in rows:
        if not encoded and isinstance(value, str) and cannot_mention(value, keys):
            continue
        if addresses_in(column, value) & keys:
            yield row_pk, value


def _no_index_where(column: Column) -> tuple[str, list[Any]]:
    return f"CAST({connection.ops.quote_name(column.name)} AS text) LIKE '%%@%%'", []


def addresses_in(column: Column, value: Any) -> set[str]:
    """All addresses in a stored value, whatever the column is."""
    decoder = OPAQUE.get((column.table, column.name))
    if value is None:
        return set()
    if decoder is not None:
        return emails_in(decoder(value))
    shape = shape_of(column)
    return set().union(*(emails_in_value(each, shape) for each in readings_of(column, value)))


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


def files_under(public_id: str) -> Iterator[str]:
    """Names of all files stored under a person's prefix, at any depth."""
    for folder in folders_under(public_id):
        for name in default_storage.listdir(folder)[1]:
            yield f"{folder}/{name}"


def folders_under(public_id: str) -> Iterator[str]:
    """A person's folder and all in it, outer ones first; none where a storage knows objects only and holds none."""
    folders = [f"{PEOPLE_PREFIX}/{public_id}"]
    while folders:
        folder = folders.pop()
        try:
            inner, names = default_storage.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if inner or names or default_storage.exists(folder):
            yield folder
        folders += [f"{folder}/{name}" for name in inner if name]


def _files(request: PurgeRequest) -> Iterator[Hit]:
    for public_id in _erased_public_ids(request):
        for number, _name in enumerate(files_under(public_id), start=1):
            yield Hit("files", PEOPLE_PREFIX, str(number), ruled=True)
        if default_storage.exists(f"{PEOPLE_PREFIX}/{public_id}"):
            yield Hit("files", "folder", "0", ruled=True)
    for file in request.files.all():
        yield Hit("files", "erase", str(file.pk), ruled=True)


def _unread_files(request: PurgeRequest) -> Iterator[Hit]:
    sought = _captured(request, IdentifierKind.EMAIL)
    if not sought:
        return
    judge = Judge([request])
    for mention in mentions_in_unread_files(request, judge.cleaned([request]), frozenset(sought)):
        for key in sorted(mention.keys):
            yield from judge.file_hits(mention, key, sought[key])


def _missing_survivors(request: PurgeRequest) -> Iterator[Hit]:
    """People whom the route keeps and who are gone, unless another request erased them."""
    kept = set(request.subjects.filter(role=Role.KEPT).values_list("person_id", flat=True))
    present = {person.id for person in get_host().people(kept)}
    for person_id in sorted(kept - present):
        if not Subject.objects.filter(person_id=person_id, fate=Fate.ERASED).exists():
            yield Hit(person_model()._meta.db_table, "id", str(person_id), ruled=False)


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


def patrol_one(request: PurgeRequest) -> Report:
    """A patrol for one request."""
    hits = tuple(hit for hit in patrol([request]) if hit.owner is None)
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


def look_at_place(request: PurgeRequest, table: str, name: str, row: str) -> Iterator[Hit]:
    """What of a request stands in one column of one row now. Nothing where table, column or row are gone."""
    check_key([request])
    catalog = read_catalog(connection)
    judge = Judge([request])
    place = next((column for column in catalog.tables.get(table, ()) if column.name == name), None)
    if place is None or not row.isdigit():
        return
    pk = int(row)
    addresses, of_address = _address_hashes([request]), hasher(IdentifierKind.EMAIL)
    for mention in mentions_in_files(lambda _path: Q(pk=pk)):
        if (mention.table, mention.column) == (table, name):
            for key in sorted(mention.keys):
                yield from judge.file_hits(mention, key, addresses.get(of_address(key), []))
    if place in patrolled_columns(catalog):
        for value in values_of(catalog, place, {pk}).values():
            for key in sorted(addresses_in(place, value)):
                yield from judge.hits(place, pk, key, addresses.get(of_address(key), []), value)
    if place in login_columns(catalog):
        logins = _login_hashes([request])
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
    by_id = {request.pk: request for request in requests}
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


def filled(catalog: Catalog, column: Column) -> str:
    """All values of a column that are no empty texts, with their primary keys."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    return f"SELECT {pk}, {quote(column.name)} FROM {quote(column.table)} WHERE {quote(column.name)} <> ''"


def _texts(catalog: Catalog, column: Column) -> Iterator[tuple[Any, Iterable[str]]]:
    """(primary key, addresses) of every row of a column that may mention one, streamed; a superset."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    name, table = quote(column.name), quote(column.table)
    on_postgres = connection.vendor == "postgresql"
    if on_postgres and (column.table, column.name) not in OPAQUE:
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
    if not on_postgres and (column.table, column.name) not in OPAQUE:
        where = may_hold(name)
    for row_pk, value in stream(f"SELECT {pk}, {name} FROM {table} WHERE {where}"):
        found = addresses_in(column, value)
        if found:
            yield row_pk, found


def stream(sql: str) -> Iterator[tuple[Any, Any]]:
    """Rows of a long query, a batch in memory at a time."""
    if connection.vendor == "postgresql":
        # Declared here, not Django's: that one is switched off behind a pooler, and all rows would be in memory then.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DECLARE patrolled NO SCROLL CURSOR FOR {sql}")
            while True:
                cursor.execute("FETCH 2000 FROM patrolled")
                if not (rows := cursor.fetchall()):
                    break
                yield from rows
            cursor.execute("CLOSE patrolled")
        return
    with connection.cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(2_000):
            yield from rows


def values_of(catalog: Catalog, column: Column, pks: set[Any]) -> dict[Any, Any]:
    """The values of a few rows that have one, to be looked at by the exact definition: the database finds too much."""
    if not pks:
        return {}
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(column.table, column.name))
    marks = ", ".join(["%s"] * len(pks))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {pk}, {quote(column.name)} FROM {quote(column.table)} WHERE {pk} IN ({marks})", list(pks)
        )
        return {row_pk: value for row_pk, value in cursor.fetchall() if value is not None}


def patrolled_columns(catalog: Catalog) -> list[Column]:
    """The columns that a patrol reads: all that have room for an address, but those that people sign in with."""
    identity = get_host().identity_columns()
    return [
        column for column in catalog.columns if _holds_addresses(column) and (column.table, column.name) not in identity
    ]


def login_columns(catalog: Catalog) -> list[Column]:
    """The columns that hold what somebody signs in with at another system, or a filter that may name them by it."""
    identity = get_host().identity_columns()
    return [
        column
        for column in catalog.columns
        if column.type == "text"
        and column.name.endswith(LOGIN_ENDINGS)
        and column.table not in OWN_TABLES
        and (column.table, column.name) not in identity
    ]


# ---------------------------------------------------------------- what concerns whom


@dataclass(frozen=True)
class Written:
    """How an address is written in a stored value."""

    column: Column
    value: Any
    key: str

    @property
    def identities(self) -> set[str]:
        """What its mentions are, and longer addresses that they stand in."""
        shape = shape_of(self.column)
        readings = readings_of(self.column, self.value)
        return set().union(*(others_in_value(each, shape, {self.key}, ()) for each in readings))

    def names_others_than(self, identities: Collection[str]) -> bool:
        """Whether a mention is left that is none of these."""
        readings = readings_of(self.column, self.value)
        return any(names(each, shape_of(self.column), {self.key}, spared=identities) for each in readings)


@dataclass(frozen=True)
class Sought:
    """That a request looks for an identifier: in one account, or (None) wherever its route cleans.

    ``identity``: its identity key, as long as that is known.
    """

    request: PurgeRequest
    kind: str
    account_id: int | None
    matched: bool
    identity: str | None = None


class Judge:
    """Whether an address in a row of some account is residue of a request, or expected."""

    def __init__(self, requests: Iterable[PurgeRequest]) -> None:
        self.trials = set(get_host().trial_account_ids())
        self.became_trial = get_host().became_trial()
        self.staff = frozenset(get_host().staff_account_ids())
        self.policies = {request.pk: policy_for(request) for request in requests}
        self.exact: dict[int, frozenset[str]] = {}
        self.going = {request.pk: _going(request) for request in requests}

    def hits(self, column: Column, pk: Any, key: str, sought: Collection[Sought], value: Any = None) -> Iterator[Hit]:
        """A hit for each request that looks for the identifier in the account of this row. ``value``: of the column,
        where it is an address that was found: how it is written there says whose it is."""
        if sought and not self.is_own(column.table, pk, key):
            ruled = takes_addresses(column.table, column.name)
            name, account_id = row_name(column.table, pk), self.account_of(column.table, pk)
            place = Hit(column.table, column.name, name, ruled, account_id, key, pk=pk)
            plain = value is None or (column.table, column.name) in OPAQUE
            yield from self._of_requests(place, sought, None if plain else Written(column, value, key))

    def file_hits(self, mention: FileMention, key: str, sought: Collection[Sought]) -> Iterator[Hit]:
        """The same for an address in a stored file."""
        place = Hit(mention.table, mention.column, mention.row, True, mention.account_id, key)
        yield from self._of_requests(place, sought, None)

    def _of_requests(self, place: Hit, sought: Iterable[Sought], written: Written | None) -> Iterator[Hit]:
        seen: set[int] = set()
        # Those by which people were chosen first: with them fewer holders count.
        for each in sorted(sought, key=lambda each: not each.matched):
            request = each.request
            if request.pk in seen or not self.concerns(each, place.account_id):
                continue
            seen.add(request.pk)
            owner = self._owner(place, each) if written is None else self._owner_as_written(place, each, written)
            yield replace(place, request_id=request.pk, kind=each.kind, matched=each.matched, owner=owner)

    def _owner(self, place: Hit, sought: Sought) -> Holder | None:
        """Whose it is now: the identity that is looked for, or the very one that was found, where they differ."""
        found = identity_key(place.key) if sought.kind == IdentifierKind.EMAIL else place.key
        for identity in dict.fromkeys((found, sought.identity or found)):
            if (owner := self._holder(place, sought, identity)) is not None:
                return owner
        return None

    def _owner_as_written(self, place: Hit, sought: Sought, written: Written) -> Holder | None:
        """Whose it is now, by how it is written: the key is wider than an identity, and may stand in a longer address.

        Somebody's only if no mention in the value is nobody's.
        """
        if place.account_id is None:
            return None
        found = ((identity, self._holder(place, sought, identity)) for identity in sorted(written.identities))
        owners = {identity: owner for identity, owner in found if owner is not None}
        if owners and not written.names_others_than(owners):
            return next(iter(owners.values()))
        # A looser writing is that of whoever is looked for.
        looked_for = sought.identity or self._only_known(sought, place.key)
        return self._holder(place, sought, looked_for) if looked_for else None

    def _only_known(self, sought: Sought, key: str) -> str | None:
        """The identity that is looked for, as far as a request still knows it that is closed."""
        identity = identity_key(key)
        known = self._is_captured(sought.request, identity) or not self.exact[sought.request.pk]
        return identity if known else None

    def _holder(self, place: Hit, sought: Sought, identity: str) -> Holder | None:
        matched = sought.matched
        if matched and sought.kind == IdentifierKind.EMAIL:
            known = self._is_captured(sought.request, identity)
            matched = known if sought.identity is None else identity == sought.identity
        request = sought.request
        return owner_in(
            place.account_id,
            identity,
            accepted_at=request.accepted_at,
            going=self.going[request.pk],
            matched=matched,
        )

    def _is_captured(self, request: PurgeRequest, identity: str) -> bool:
        """Whether an address is one that was purged, not one that only looks like it."""
        if request.pk not in self.exact:
            hashes = request.hashes.filter(kind=IdentifierKind.EMAIL, match=True).exclude(form__in=(FOLDED, SEARCHED))
            self.exact[request.pk] = frozenset(hashes.values_list("digest", flat=True))
        return hasher(IdentifierKind.EMAIL)(identity) in self.exact[request.pk]

    def account_of(self, table: str, pk: Any) -> int | None:
        """The account of a row; None when it has none, or when nothing declares how to find it."""
        entry = get_registry().by_table.get(table)
        if entry is None or entry.rules.account is None:
            return None
        account_id: int | None = (
            entry.model._base_manager.filter(pk=pk).values_list(entry.rules.account, flat=True).first()
        )
        return owner_of(entry.rules, account_id, self.staff)

    def concerns(self, sought: Sought, account_id: int | None) -> bool:
        if sought.account_id is not None:
            return account_id == sought.account_id
        if account_id is None:
            return sought.kind == IdentifierKind.EMAIL
        policy = self.policies[sought.request.pk]
        requesting = policy.scrub_requesting_account and account_id == sought.request.account_id
        if requesting:
            return True
        trial = account_id in self.trials and self._was_trial(account_id, sought.request)
        return policy.scrub_trial_accounts and trial and account_id != sought.request.excluded_account_id

    def _was_trial(self, account_id: int, request: PurgeRequest) -> bool:
        """Whether a trial account was one when the request was accepted, or was made since."""
        return account_id not in self.became_trial or self.became_trial[account_id] <= request.accepted_at

    def cleaned(self, requests: Iterable[PurgeRequest]) -> Where:
        """The condition that a row's account is one that one of the requests cleans."""
        requests = list(requests)
        own = [
            request.account_id
            for request in requests
            if request.account_id is not None and self.policies[request.pk].scrub_requesting_account
        ]
        trials = any(self.policies[request.pk].scrub_trial_accounts for request in requests)

        def where(path: str | None) -> Q:
            if path is None:
                return Q()
            condition = Q(**{f"{path}__in": own})
            return condition | Q(**{f"{path}__in": get_host().trial_account_ids()}) if trials else condition

        return where

    def is_own(self, table: str, pk: Any, key: str) -> bool:
        """Whether it stands in the row of the very user whose it is (a creator who is kept)."""
        return table == person_model()._meta.db_table and key in get_host().own_keys(int(pk))


def _going(request: PurgeRequest) -> frozenset[int]:
    going = request.subjects.filter(role__in=DOOMED_ROLES).exclude(fate=Fate.RELEASED)
    return frozenset(going.values_list("person_id", flat=True))


def _holds_addresses(column: Column) -> bool:
    if column.table in OWN_TABLES or column.type not in ("text", "json"):
        return False
    return column.width is None or column.width >= SHORTEST_ADDRESS


def is_ruled(table: str, column: str) -> bool:
    """Whether the rules name this column at all (not what they do to it)."""
    entry = get_registry().by_table.get(table)
    return entry is not None and any(line.column == column for line in entry.columns.values())


def takes_addresses(table: str, column: str) -> bool:
    entry = get_registry().by_table.get(table)
    return entry is not None and any(line.column == column for line in entry.addresses)
