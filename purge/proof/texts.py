"""The patrol: one pass over every text of every table, for several requests together, comparing keyed hashes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final, cast

from django.conf import settings
from django.db import connection
from django.db.models import Q

from purge.addresses import (
    login_words,
)
from purge.addresses.index import may_contain
from purge.addresses.tokens import id_token, is_token
from purge.choices import IdentifierKind, Verdict
from purge.database import dialect_of
from purge.database.catalog import Catalog, Column
from purge.hashing import FOLDED, SEARCHED, asked_digests, form_of, hasher
from purge.models import IdentifierSet, PurgeRequest, SuppressionHash
from purge.proof.columns import addresses_in, is_decoded, login_columns, may_be_id, patrolled_columns
from purge.proof.decoding.rows import DOCUMENTS, coded_addresses, may_be_coded, worth_reading
from purge.proof.files import FileMention, mentions_in_files
from purge.proof.judge import Judge, Sought
from purge.proof.possible import Possible, PossibleIds, Unsought
from purge.proof.probe import BYTES_A_ROW
from purge.proof.reading import filled, key_of, said, stream, type_of_key, values_of
from purge.proof.remembered import large_objects
from purge.proof.report import Hit, Report, check_key, check_storage
from purge.routes.searched_for import TOKEN, hashes_in
from purge.rules.registry import get_registry

#: Columns that are read in one statement.
TOGETHER: Final = 60
#: Short texts that are asked about at once, and the length of one in code points.
ASKED_TOGETHER, SHORT = 64, 400
#: What is read of a column: its number, the row's primary key, the text; whether that may hold an ID, and whether it is
#: to be looked at for addresses (both None where the database does not say).
Row = tuple[int, Any, Any, Any, Any]

# ---------------------------------------------------------------- tier two


def is_small() -> bool:
    """Whether the database is so small that every request is patrolled at once."""
    rows, size = dialect_of(connection).size()
    # Statistics may not have been gathered yet: the files tell the size then.
    return bool(max(rows, size / BYTES_A_ROW) < settings.PURGE_PATROL_AT_ONCE_ROWS)


def patrol_one(purge_request: PurgeRequest, catalog: Catalog | None = None) -> Report:
    """A patrol for one request. ``catalog``: what a verification has read a moment ago."""
    unopened: list[FileMention] = []
    possible: list[Possible | Unsought] = []
    hits = tuple(hit for hit in patrol([purge_request], unopened, possible, catalog) if hit.owner is None)
    verdict = Verdict.RESIDUE if hits else Verdict.CLEAN
    return Report(verdict, hits, patrolled=True, unopened=tuple(unopened), possible=tuple(possible))


def patrol(
    requests: Sequence[PurgeRequest],
    unopened: list[FileMention] | None = None,
    possible: list[Possible | Unsought] | None = None,
    catalog: Catalog | None = None,
) -> Iterator[Hit]:
    """One pass over every text and JSON column of every table: the places where a purged address or login stands.

    Yields a hit per request concerned, also where it is somebody else's now (``owner``). ``unopened``: the stored files
    that could not be opened are put into it; ``possible``: places where an ID of theirs may stand, and how many of the
    IDs were not looked for. Raises
    :class:`CouldNotLook` as :func:`verify` does.
    """
    check_key(requests)
    check_storage()
    wanted, logins = wanted_by(requests), login_hashes(requests)
    catalog = catalog or dialect_of(connection).read_catalog()
    judge = Judge(requests)
    if wanted:
        ids = PossibleIds(() if possible is None else requests)
        yield from _patrol_texts(catalog, patrolled_columns(catalog), wanted, judge, ids)
        yield from _patrol_large_objects(catalog, wanted, judge)
        if possible is not None:
            possible += ids.places(catalog)
            possible += ids.unsought
        for mention in mentions_in_files(judge.cleaned(requests)):
            if unopened is not None and mention.unopened:
                unopened.append(mention)
            hits = (hit for key in sorted(mention.keys) for hit in judge.file_hits(mention, key, wanted.who(key)))
            if not mention.stays:
                yield from hits
            elif possible is not None:
                possible += _that_stays(hits)
    if wanted or logins:
        for column in login_columns(catalog):
            yield from _patrol_logins(catalog, column, logins, wanted, judge)


def _that_stays(hits: Iterable[Hit]) -> Iterator[Possible]:
    """A file that stays, for each request whose addresses it mentions: what is somebody else's now is none."""
    for hit in hits:
        if hit.owner is None and hit.account_id is not None:
            yield Possible(hit.request_id, hit.table, hit.column, hit.row, hit.account_id)


def look_at_place(purge_request: PurgeRequest, table: str, name: str, row: str) -> Iterator[Hit]:
    """What of a request stands in one column of one row now. Nothing where table, column or row are gone."""
    check_key([purge_request])
    catalog = dialect_of(connection).read_catalog()
    judge = Judge([purge_request])
    place = next((column for column in catalog.tables.get(table, ()) if column.name == name), None)
    if place is None or not row.isdigit():
        return
    pk = int(row)
    wanted = wanted_by([purge_request])
    for mention in mentions_in_files(lambda _path: Q(pk=pk)):
        if (mention.table, mention.column) == (table, name) and not mention.stays:
            for key in sorted(mention.keys):
                yield from judge.file_hits(mention, key, wanted.who(key))
    if place in patrolled_columns(catalog):
        for value in values_of(catalog, place, {pk}).get(pk, ()):
            for key in sorted(addresses_in(place, value) | coded_addresses(value)):
                yield from judge.hits(place, pk, key, wanted.who(key), value)
    if place in login_columns(catalog):
        logins = login_hashes([purge_request])
        for value in values_of(catalog, place, {pk}).get(pk, ()):
            for key, sought in logins_met(value, logins, wanted):
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


def wanted_by(requests: Sequence[PurgeRequest]) -> Wanted:
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


def login_hashes(requests: Sequence[PurgeRequest]) -> dict[tuple[str, str], list[Sought]]:
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


def logins_met(
    value: str, hashes: dict[tuple[str, str], list[Sought]], wanted: Wanted
) -> Iterator[tuple[str, list[Sought]]]:
    """Each login that a value names and that is looked for; a Unique User ID, as the token that it is."""
    for login in sorted(login_words(value)):
        sought = [each for form in asked_digests(IdentifierKind.LOGIN, [login]) for each in hashes.get(form, ())]
        if sought:
            yield login, sought
        if may_be_id(login, value) and (sought := wanted.who(id_token(login))):
            yield id_token(login), sought


def _patrol_texts(
    catalog: Catalog, columns: Sequence[Column], wanted: Wanted, judge: Judge, ids: PossibleIds
) -> Iterator[Hit]:
    """What stands in the texts, plainly or in another code."""
    suspects: dict[Column, list[tuple[Any, str]]] = defaultdict(list)
    for column, pk, found in _met(catalog, columns, ids):
        suspects[column] += [(pk, key) for key in sorted(found) if wanted.who(key)]
    for column, met in suspects.items():
        values = values_of(catalog, column, {pk for pk, _key in met})
        for pk, key in met:
            for value in values.get(pk, ()):
                if key in addresses_in(column, value) or key in coded_addresses(value):
                    yield from judge.hits(column, pk, key, wanted.who(key), value)


def _patrol_large_objects(catalog: Catalog, wanted: Wanted, judge: Judge) -> Iterator[Hit]:
    for number in catalog.large_objects:
        for key in sorted(large_objects.addresses_in(number)):
            if sought := wanted.who(key):
                yield from judge.hits(large_objects.PLACE, number, key, sought)


def _patrol_logins(
    catalog: Catalog, column: Column, hashes: dict[tuple[str, str], list[Sought]], wanted: Wanted, judge: Judge
) -> Iterator[Hit]:
    for pk, value in stream(filled(catalog, column)):
        for key, sought in logins_met(value, hashes, wanted):
            yield from judge.hits(column, pk, key, sought)


def _met(catalog: Catalog, columns: Sequence[Column], ids: PossibleIds) -> Iterator[tuple[Column, Any, set[str]]]:
    """(column, primary key, addresses) of every row of these columns that may mention one, streamed; a superset. In
    which of them an ID may stand is told to ``ids``.

    A column is read once, for both ways of finding; many in one statement, since on a small database it is statements
    that take the time.
    """
    decoders = get_registry().decoders
    by_type: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for column in columns:
        # What is decoded is read as it is stored, so that not even its type can be another's.
        decoded: str = column.type if (column.table, column.name) in decoders or column.type == "binary" else ""
        by_type[type_of_key(catalog, column), decoded].append(column)
    for (_type, decoded), alike in by_type.items():
        size = TOGETHER if decoded in ("", "text") else 1
        for start in range(0, len(alike), size):
            some = alike[start : start + size]
            yield from _decoded_together(catalog, some) if decoded else _met_together(catalog, some, ids)


def _decoded_together(catalog: Catalog, columns: Sequence[Column]) -> Iterator[tuple[Column, Any, set[str]]]:
    sql = " UNION ALL ".join(_filled(catalog, column, number) for number, column in enumerate(columns))
    for number, pk, value in cast("Iterator[tuple[int, Any, Any]]", stream(sql)):
        if found := addresses_in(columns[number], value):
            yield columns[number], pk, found


def _met_together(
    catalog: Catalog, columns: Sequence[Column], ids: PossibleIds
) -> Iterator[tuple[Column, Any, set[str]]]:
    narrows = dialect_of(connection).finds_addresses
    read = _narrowed_by_the_database if narrows else _read_here
    sql = " UNION ALL ".join(read(catalog, column, number, ids) for number, column in enumerate(columns))
    with_ids = [ids.are_in(column) for column in columns]
    rows = cast("Iterator[Row]", stream(sql))
    for number, pk, text, named, looked_at in (
        rows if narrows else _worth_a_look_together(rows, ids if any(with_ids) else None)
    ):
        column = columns[number]
        if (named if narrows else with_ids[number]) and ids.may_be_in(text):
            ids.met(column, pk)
        if narrows and not looked_at:
            continue
        found = addresses_in(column, text) if narrows or _is_worth_a_look(text) else set()
        found |= coded_addresses(text)
        if found:
            yield column, pk, found


def _narrowed_by_the_database(catalog: Catalog, column: Column, number: int, ids: PossibleIds) -> str:
    """The rows that are worth reading, as :data:`Row`: its regular expressions are quick, and the functions that find
    addresses take longer than Python does."""
    text = column.expression or f"{_quote(column.name)}::text"
    read = (
        f"SELECT {key_of(catalog, column)} AS pk, {text} AS text, "
        f"{worth_reading(text, is_json=column.type == 'json')} AS looked_at, "
        f"{ids.condition(text) if ids.are_in(column) else 'FALSE'} AS named "
        # OFFSET 0: else each condition is asked twice.
        # A row in a row is "not null" only where all of it is.
        f"FROM {_quote(column.table)} WHERE {said(column)} IS NOT NULL OFFSET 0"
    )
    return f"SELECT {number}, pk, text, named, looked_at FROM ({read}) r{number} WHERE looked_at OR named"


def _read_here(catalog: Catalog, column: Column, number: int, _ids: PossibleIds) -> str:
    """All rows with a text, and nothing that is known of it: SQLite's columns of JSON are texts. Conditions on them
    cost it more than Python."""
    name = _quote(column.name)
    return (
        f"SELECT {number}, {key_of(catalog, column)}, {name}, NULL, NULL FROM {_quote(column.table)} WHERE {name} <> ''"
    )


def _worth_a_look_together(rows: Iterator[Row], ids: PossibleIds | None) -> Iterator[Row]:
    """The rows but those of runs of plain texts in which nothing can stand: short texts are asked about all at once,
    which takes a fraction of asking about each."""
    while some := list(islice(rows, ASKED_TOGETHER)):
        plain = [text for _number, _pk, text, *_said in some if _is_short_and_plain(text)]
        together = "\n".join(plain)
        if may_contain(together) or may_be_coded(together) or (ids is not None and ids.may_be_in(together)):
            yield from some
        elif len(plain) < len(some):
            yield from (row for row in some if not _is_short_and_plain(row[2]))


def _is_short_and_plain(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= SHORT and text[0] not in DOCUMENTS


def _is_worth_a_look(value: Any) -> bool:
    """Whether a text, or a document of JSON's, may mention an address as it stands."""
    return isinstance(value, str) and (value[0] in "{[" or may_contain(value))


def _filled(catalog: Catalog, column: Column, number: int) -> str:
    name = _quote(column.name)
    where = f"{name} IS NOT NULL"
    if column.type == "binary" and dialect_of(connection).finds_addresses and not is_decoded(column):
        # Of bytes those that are signs stand as such.
        signs = f"encode({name}, 'escape')"
        where += f" AND {worth_reading(signs, is_json=False)}"
    return f"SELECT {number}, {key_of(catalog, column)}, {name} FROM {_quote(column.table)} WHERE {where}"


@cache
def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
