"""Probing the indexed places at once: whether a key, an address or a file of the people is left.

From the database's own catalogue, never from the treatments. The proof may know which account a row belongs to (a path
that the rules declare) and which columns people sign in with; what a purge *does* to a column it must not know, or it
would share the blind spots of what it checks. The other tier, :mod:`purge.proof.texts`, reads every text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Q

from purge.addresses import cannot_mention, login_words
from purge.addresses.index import (
    MENTIONS_ANY,
    TextColumn,
    candidates_among,
    candidates_where,
    searching_for,
    storable,
)
from purge.addresses.tokens import ID, is_token, opaque_token, searched_ids
from purge.choices import Fate, IdentifierKind, Reason, Verdict
from purge.database import dialect_of
from purge.database.catalog import Catalog, Column
from purge.database.dialect import Listed
from purge.host import get_host
from purge.models import PurgeRequest, Subject
from purge.proof.columns import addresses_in, is_ruled, login_columns, may_be_id, patrolled_columns
from purge.proof.files import mentions_in_unread_files
from purge.proof.guesses import ADDRESSES, PERSON_NUMBERS, PUBLIC_IDS, Guess
from purge.proof.judge import Judge, Sought
from purge.proof.prefixes import files_under
from purge.proof.reading import filled, key_of, said, stream
from purge.proof.report import CouldNotLook, Hit, Report, StoredFile, check_key, check_storage, file_hit
from purge.proof.row_names import row_name
from purge.proof.stored import look_at
from purge.proof.stored.bucket import NotAllowedToLook
from purge.routes.scope import DOOMED_REASONS, current_key, searched
from purge.routes.searched_for import tokens_of_address
from purge.rules.registry import get_registry, person_model

#: Rows named for one place; more would say nothing new.
MOST_HITS = 50
#: SQLite takes at most 500 parts in one compound statement.
MOST_PARTS = 400
#: Roughly, with its share of the page, when only a file's size is known.
BYTES_A_ROW = 400


# ---------------------------------------------------------------- tier one


def verify(purge_request: PurgeRequest) -> Report:
    """Probe every key, email column, indexed text and file prefix for the people and addresses of a request.

    And every stored text file that the purge has not read.

    Raises :class:`CouldNotLook` when the hash key is missing or is not the one that made the request's hashes.
    """
    check_key([purge_request])
    check_storage()
    with dialect_of(connection).small_reads():
        catalog = dialect_of(connection).read_catalog()
        judge, sought = Judge([purge_request]), _captured(purge_request)
        hits = list(_probe(purge_request, catalog, judge, sought))
    hits += [*_files(purge_request), *_unread_files(purge_request, judge, sought), *_missing_survivors(purge_request)]
    hits = [hit for hit in hits if hit.owner is None]
    return Report(Verdict.RESIDUE if hits else Verdict.CLEAN, tuple(hits), catalog=catalog)


def _probe(
    purge_request: PurgeRequest, catalog: Catalog, judge: Judge, sought: dict[str, list[Sought]]
) -> Iterator[Hit]:
    doomed = purge_request.subjects.filter(role__in=DOOMED_REASONS, fate__in=(Fate.ERASED, Fate.GONE))
    yield from _references(catalog, list(doomed.values_list("person_id", flat=True)))
    yield from _public_ids(purge_request, catalog)
    yield from _known_addresses(catalog, judge, sought)
    yield from _known_logins(purge_request, catalog, judge)


def referring_tables(catalog: Catalog, person_table: str, ids: Sequence[int]) -> Iterator[str]:
    """Tables with a foreign key that still points at one of the people."""
    places = [(key.table, key.column) for key in catalog.keys_to(person_table)]
    # Of the people's own table only somebody who stays counts: who goes may point at somebody who goes (a manager).
    for table, _column in _occupied(places, ids, staying_in=(person_table, catalog.primary_keys[person_table])):
        yield table


def _references(catalog: Catalog, ids: Sequence[int]) -> Iterator[Hit]:
    if not ids:
        return
    person_table = person_model()._meta.db_table
    keyed = {(key.table, key.column) for key in catalog.foreign_keys}
    places = [(key.table, key.column) for key in catalog.keys_to(person_table)]
    places += [place for place in _guessed(PERSON_NUMBERS, catalog) if place not in keyed]
    for table, name in _occupied(places, ids):
        for row in _find(catalog, table, name, ids):
            yield Hit(table, name, row, ruled=is_ruled(table, name))
    yield from _generic_references(catalog, ids)


def _guessed(guess: Guess, catalog: Catalog) -> list[tuple[str, str]]:
    return [(column.table, column.name) for column in guess.columns(catalog)]


def _occupied(
    places: Sequence[tuple[str, str]], values: Sequence[Any], *, staying_in: tuple[str, str] | None = None
) -> list[tuple[str, str]]:
    """Those of the (table, column) places in which one of the values stands, in order: one statement for all of them.

    ``staying_in``: a table and its primary key; there, rows whose key is one of the values do not count.
    """
    if not values:
        return []
    quote, dialect = connection.ops.quote_name, dialect_of(connection)
    found: list[tuple[str, str]] = []
    for start in range(0, len(places), MOST_PARTS):
        some = places[start : start + MOST_PARTS]
        wanted = Listed("wanted", "bigint" if isinstance(values[0], int) else "uuid", values)
        head, params = dialect.head(wanted)
        among = dialect.among(wanted.name, wanted.kind)
        parts = []
        for number, (table, column) in enumerate(some):
            where = f"{quote(column)} {among}"
            if staying_in is not None and table == staying_in[0]:
                where += f" AND NOT ({quote(staying_in[1])} {among})"
            parts.append(f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {quote(table)} WHERE {where})")
        with connection.cursor() as cursor:
            cursor.execute(f"{head} {' UNION ALL '.join(parts)}", params)
            found += [some[number] for number in sorted(number for (number,) in cursor.fetchall())]
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


def _find(catalog: Catalog, table: str, column: str, values: Sequence[Any]) -> list[str]:
    """Names of rows whose column is one of the values."""
    quote = connection.ops.quote_name
    pk = quote(catalog.primary_keys.get(table, column))
    where, listed = dialect_of(connection).any_of(quote(column), list(values))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {pk} FROM {quote(table)} WHERE {where} LIMIT %s", [listed, MOST_HITS])
        return [row_name(table, row[0]) for row in cursor.fetchall()]


def _public_ids(purge_request: PurgeRequest, catalog: Catalog) -> Iterator[Hit]:
    """The opaque ids under which files and outside references know a person."""
    values = _erased_public_ids(purge_request)
    if not values:
        return
    from uuid import UUID

    native = connection.features.has_native_uuid_field
    wanted = [UUID(value) if native else UUID(value).hex for value in values]
    for table, name in _occupied(_guessed(PUBLIC_IDS, catalog), wanted):
        for row in _find(catalog, table, name, wanted):
            yield Hit(table, name, row, ruled=is_ruled(table, name))


def _erased_public_ids(purge_request: PurgeRequest) -> list[str]:
    erased = purge_request.subjects.filter(fate__in=(Fate.ERASED, Fate.GONE)).values("person_id")
    # Of nobody's row: of people whom only the purge log knows.
    gone = purge_request.identifiers.filter(Q(person_id__in=erased) | Q(person_id=None))
    return list(gone.filter(kind=IdentifierKind.PUBLIC_ID).values_list("value", flat=True))


def _captured(purge_request: PurgeRequest) -> dict[str, list[Sought]]:
    """What texts are searched for by an open request, by its keys; and where it looks for each."""
    sought: dict[str, list[Sought]] = defaultdict(list)
    captured = purge_request.identifiers.values_list("kind", "value", "form", "account_id", "match", "written")
    for kind, value, form, account_id, match, written in captured:
        identity = current_key(value, form)
        for key in _keys_of(kind, identity, written):
            sought[key].append(Sought(purge_request, kind, account_id, match, identity))
    return sought


def _keys_of(kind: str, identity: str, written: str) -> frozenset[str]:
    match kind:
        case IdentifierKind.EMAIL:
            return searched([identity]) | tokens_of_address(identity, written)
        case IdentifierKind.PUBLIC_ID:
            return frozenset({opaque_token(identity)})
        case _login_or_id:
            return searched_ids([identity])


def _captured_logins(purge_request: PurgeRequest) -> dict[str, list[Sought]]:
    """The logins and Unique User IDs of an open request; and where it looks for each."""
    sought: dict[str, list[Sought]] = defaultdict(list)
    logins = purge_request.identifiers.filter(kind__in=(IdentifierKind.LOGIN, IdentifierKind.UNIQUE_ID))
    for kind, value, form, account_id, match in logins.values_list("kind", "value", "form", "account_id", "match"):
        sought[current_key(value, form)].append(
            Sought(purge_request, kind, account_id, match, current_key(value, form))
        )
    return sought


def _known_addresses(catalog: Catalog, judge: Judge, sought: dict[str, list[Sought]]) -> Iterator[Hit]:
    """What an open request looks for in email columns and, on PostgreSQL, in all text that has an address index.

    But for digests and public ids, of which there are five for each address: nothing completes before a pass over every
    text, which knows them all.
    """
    if not sought:
        return
    keys = frozenset(key for key in sought if key.startswith(ID) or not is_token(key))
    columns = patrolled_columns(catalog)
    opaque = [column for column in columns if (column.table, column.name) in get_registry().opaque]
    # Settings, of which there are few: the database cannot say which of them mention somebody.
    for column in _filled_columns(opaque):
        for pk, value in stream(filled(catalog, column)):
            for key in sorted(addresses_in(column, value) & sought.keys()):
                yield from judge.hits(column, pk, key, sought[key], value)
    columns = [column for column in columns if column not in opaque]
    mentioning = _mentioning([column for column in columns if _is_indexed(catalog, column)], keys)
    for column in columns:
        indexed = _is_indexed(catalog, column)
        if column in mentioning or (not indexed and ADDRESSES.fits(column)):
            for pk, value in _rows_with(catalog, column, keys, indexed=indexed):
                for key in sorted(addresses_in(column, value) & keys):
                    yield from judge.hits(column, pk, key, sought[key], value)


def _filled_columns(columns: Sequence[Column]) -> list[Column]:
    """Those in which anything stands: one statement for all of them."""
    quote = connection.ops.quote_name
    parts = [
        f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {quote(column.table)} WHERE {quote(column.name)} <> '')"
        for number, column in enumerate(columns)
    ]
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return [columns[number] for (number,) in cursor.fetchall()]


def _known_logins(purge_request: PurgeRequest, catalog: Catalog, judge: Judge) -> Iterator[Hit]:
    """Logins of an open request in the columns that people write them into: settings, of which there are few."""
    sought = _captured_logins(purge_request)
    if not sought:
        return
    for column in _filled_columns(login_columns(catalog)):
        for pk, value in stream(filled(catalog, column)):
            for key in sorted(login_words(value) & sought.keys()):
                those = [each for each in sought[key] if each.kind == IdentifierKind.LOGIN or may_be_id(key, value)]
                yield from judge.hits(column, pk, key, those)


def _is_indexed(catalog: Catalog, column: Column) -> bool:
    return (column.table, column.name) in catalog.address_indexed


def _mentioning(columns: Sequence[Column], keys: Iterable[str]) -> set[Column]:
    """Those of the columns with an address index in which that finds one of the addresses: one statement."""
    # Planning its parts takes longer than asking which tables are empty.
    columns = _with_rows(columns)
    if not columns:
        return set()
    quote = connection.ops.quote_name
    head, params = dialect_of(connection).head(Listed("wanted", "text", storable(sorted(keys))))
    parts = []
    for number, column in enumerate(columns):
        text = TextColumn(column.table, column.name, column.type == "json")
        where, _none = candidates_among(connection, text, "(SELECT listed FROM wanted)::text[]")
        # Counted, not asked for the first one: that the planner may look for by reading the table.
        parts.append(f"SELECT {number} FROM {quote(column.table)} WHERE {where} HAVING count(*) > 0")
    with connection.cursor() as cursor:
        cursor.execute(f"{head} {' UNION ALL '.join(parts)}", params)
        return {columns[number] for (number,) in cursor.fetchall()}


def _with_rows(columns: Sequence[Column]) -> list[Column]:
    """Those in tables that hold anything: one statement for all of them."""
    quote = connection.ops.quote_name
    tables = sorted({column.table for column in columns})
    if not tables:
        return []
    parts = [f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {quote(table)})" for n, table in enumerate(tables)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        found = {tables[n] for (n,) in cursor.fetchall()}
    return [column for column in columns if column.table in found]


def _rows_with(catalog: Catalog, column: Column, keys: frozenset[str], *, indexed: bool) -> Iterator[tuple[Any, Any]]:
    """(primary key, value) of the rows whose value mentions one of the keys."""
    quote = connection.ops.quote_name
    text = TextColumn(column.table, column.name, column.type == "json")
    encoded = (column.table, column.name) in get_registry().decoders
    dialect = dialect_of(connection)
    if indexed or not dialect.finds_addresses:
        where, params = candidates_where(connection, text, sorted(keys))
    else:
        where, params = _no_index_where(column)
    if not dialect.finds_addresses and not encoded:
        where = f"{where} AND {MENTIONS_ANY}({quote(column.name)})"
    with searching_for(keys), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key_of(catalog, column)}, {said(column)} FROM {quote(column.table)} WHERE {where}", params
        )
        rows = cursor.fetchall()
    for row_pk, value in rows:
        if not encoded and isinstance(value, str) and cannot_mention(value, keys):
            continue
        if addresses_in(column, value) & keys:
            yield row_pk, value


def _no_index_where(column: Column) -> tuple[str, list[Any]]:
    return f"CAST({said(column)} AS text) LIKE '%%@%%'", []


def _files(purge_request: PurgeRequest) -> Iterator[Hit]:
    look = look_at(default_storage)
    try:
        for public_id in _erased_public_ids(purge_request):
            for number, _name in enumerate(files_under(public_id), start=1):
                yield file_hit(StoredFile.OF_A_PERSON, number)
            if look.has_folder(get_host().file_prefix(public_id)):
                yield file_hit(StoredFile.FOLDER, 0)
        files = list(purge_request.files.order_by("pk"))
        there = look.left_of([file.name for file in files if file.erased_at is not None])
    except NotAllowedToLook as refusal:
        raise CouldNotLook(f"the right {refusal} is missing on the file storage") from None
    for file in files:
        if file.erased_at is None or file.name in there:
            yield file_hit(StoredFile.DOOMED, file.pk)


def _unread_files(purge_request: PurgeRequest, judge: Judge, sought: dict[str, list[Sought]]) -> Iterator[Hit]:
    if not sought:
        return
    for mention in mentions_in_unread_files(purge_request, judge.cleaned([purge_request]), frozenset(sought)):
        for key in sorted(mention.keys):
            yield from judge.file_hits(mention, key, sought[key])


def _missing_survivors(purge_request: PurgeRequest) -> Iterator[Hit]:
    """People whom the route keeps and who are gone, unless another request erased them."""
    kept = set(purge_request.subjects.filter(role=Reason.KEPT).values_list("person_id", flat=True))
    present = {person.id for person in get_host().people(kept)}
    for person_id in sorted(kept - present):
        if not Subject.objects.filter(person_id=person_id, fate=Fate.ERASED).exists():
            yield Hit(person_model()._meta.db_table, "id", str(person_id), ruled=False)
