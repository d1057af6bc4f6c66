"""Rows that mention an address: found, counted, and rewritten a bounded piece at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, singledispatch
from typing import Any, Self

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from purge.addresses import (
    Shape,
    identity_key,
    list_without,
    names,
    names_id,
    names_login,
    others_in_value,
    redact_json,
)
from purge.addresses.index import MENTIONS_ANY, TextColumn, candidates_among, searching_for
from purge.database import dialect_of
from purge.database.chunk_delete import MoreRowsThanPlanned
from purge.host import get_host
from purge.records import redact_objects, redact_text
from purge.routes.scope import Scope, owner_of, searched
from purge.rules import (
    AddressTreatment,
    Blank,
    Redact,
    TakeOut,
)
from purge.rules.registry import AddressColumn, ModelEntry
from purge.steps.base import MOST_NAMED, NOTHING, Counting, Measured, Step
from purge.steps.people import goes_with_people
from purge.steps.statement import KEYS, Question, head_for, quoted
from purge.steps.work import Outcome, StepRun, also_set, call_consequence, rows_by_key

#: Candidates of an address walk that are read and rewritten together. On SQLite nearly all of them are looked at only.
WALK_ROWS = 2_000
LOOKED_AT_ROWS = 20_000
#: Values that mention nobody.
EMPTY: tuple[Any, ...] = (None, "", [], {})
#: The scope's keys, as the head of a common statement has them.
LISTED_KEYS = f"(SELECT listed FROM {KEYS})::text[]"


@dataclass(frozen=True)
class AddressStep(Step):
    """Addresses that rows of a model mention."""

    @classmethod
    def needed(cls, scope: Scope) -> bool:
        return bool(scope.all_addresses() or scope.logins or scope.ids)

    @classmethod
    def of(cls, entry: ModelEntry) -> Iterator[Self]:
        if entry.addresses:
            yield cls(entry)

    @property
    def key(self) -> str:
        return f"{self.entry.rules.model}#addresses"

    @property
    def label(self) -> str:
        return _("Addresses taken out of %(noun)s") % {"noun": self.noun}

    @property
    def has_consequences(self) -> bool:
        return any(column.rule.then for column in self.entry.addresses)

    @property
    def reads_all(self) -> bool:
        return not dialect_of(connection).finds_addresses

    @property
    def follows_its_plan(self) -> bool:
        # Asking some two hundred indexes for every key of everybody is the most that a search costs.
        return not self.reads_all

    def work_question(self, scope: Scope) -> Question | None:
        """Where no index can tell, as on SQLite, whether there is any row: more would read every text."""
        if self.reads_all:
            return Question(f"SELECT 1 AS n FROM {quoted(self.entry.table)} LIMIT 1", [])
        conditions = list(candidate_conditions(self.entry, scope))
        if not conditions:
            return None
        any_of = " OR ".join(where for where, _params in conditions)
        # All are counted: asked for one only, the planner may read the table until it meets the first.
        sql = f"SELECT count(*) AS n FROM {quoted(self.entry.table)} WHERE {any_of}"
        return Question(sql, [value for _where, params in conditions for value in params])

    def has_work(self, answers: Mapping[str, int]) -> bool:
        return self.key in answers

    def count(self, counting: Counting) -> Measured:
        if not self.has_work(counting.answers):
            if counting.scan is not None:
                counting.scan.remember(self.entry, [])
            return NOTHING
        entry, scope, number, own = self.entry, counting.scope, 0, 0
        changing: list[int] = []
        consequences: dict[str, list[int]] = defaultdict(list)
        upto: int | None = 0
        while upto is not None:
            found = candidates(entry, scope, after=upto, limit=walk_rows(), staying=True)
            upto = found.upto
            for pk, owner, old, new in changed_rows(entry, scope, found.pks, lock=False) if found.pks else ():
                number += 1
                own += owner is not None and owner == scope.heir_account_id
                if counting.scan is not None:
                    changing.append(pk)
                for column, before, now in zip(entry.addresses, old, new, strict=True):
                    path = column.rule.then
                    if path and before != now and len(consequences[path]) < MOST_NAMED:
                        consequences[path].append(pk)
            if counting.cap is not None and number >= counting.cap:
                return Measured(counting.cap, own, dict(consequences))
        if counting.scan is not None:
            counting.scan.remember(entry, changing)
        return Measured(number, own, {path: pks for path, pks in consequences.items() if pks})

    def run(self, run: StepRun, *, limit: int, cursor: int = 0) -> Outcome:
        entry = self.entry
        if run.scan is not None and (known := run.scan.rows.get(entry.rules.model)) is not None:
            size = min(limit, WALK_ROWS)
            pks = [pk for pk in known if pk > cursor][:size]
            return Outcome(treat_rows(entry, run, pks) if pks else 0, len(pks) < size, pks[-1] if pks else cursor)
        found = candidates(entry, run.scope, after=cursor, limit=min(limit, walk_rows()))
        changed = treat_rows(entry, run, found.pks) if found.pks else 0
        return Outcome(changed, exhausted=found.upto is None, cursor=cursor if found.upto is None else found.upto)


# ---------------------------------------------------------------- rows that mention an address


def walk_rows() -> int:
    """How many candidates a piece of an address walk has."""
    return WALK_ROWS if dialect_of(connection).finds_addresses else LOOKED_AT_ROWS


@dataclass(frozen=True)
class Candidates:
    """Primary keys, ascending. ``upto``: rows above it were not looked at; None: all were."""

    pks: list[int]
    upto: int | None


def candidates(entry: ModelEntry, scope: Scope, *, after: int, limit: int, staying: bool = False) -> Candidates:
    """The rows with a primary key above ``after`` that may mention an address of the scope, ``limit`` at most.

    A superset: on PostgreSQL what the address index finds, on SQLite what a look at every row with a character that an
    address needs does not exclude (there ``limit`` is how many are looked at). Which accounts and which addresses
    exactly is decided on the rows themselves. ``staying``: without the rows that go with the people.
    """
    by_index = dialect_of(connection).finds_addresses
    conditions = list(candidate_conditions(entry, scope))
    if not conditions:
        return Candidates([], None)
    going, going_params = goes_with_people(entry, scope, listed=by_index) if staying else ("", [])
    stays = f"(({going}) IS NOT TRUE)" if going else ""
    find = _candidates_by_index if by_index else _candidates_by_looking
    return find(entry, scope, conditions, (stays, going_params), after, limit)


_Condition = tuple[str, list[Any]]


def _candidates_by_index(
    entry: ModelEntry, scope: Scope, conditions: Sequence[_Condition], stays: _Condition, after: int, limit: int
) -> Candidates:
    quote = connection.ops.quote_name
    # The keys stand in the head: of thousands that it can see the planner thinks that they are in every row, and reads
    # the table, comparing each text with each key.
    head, head_params = head_for(scope)
    pk, table = quote(entry.primary_key), quote(entry.table)
    rest = f"{pk} > %s" + (f" AND {stays[0]}" if stays[0] else "")
    arms = [f"SELECT {pk} AS pk FROM {table} WHERE {where} AND {rest}" for where, _params in conditions]
    # Materialised: else the planner may walk the primary key and test every row.
    sql = f"{head}, candidate AS MATERIALIZED ({' UNION '.join(arms)}) SELECT pk FROM candidate ORDER BY pk LIMIT %s"
    values = [value for _where, params in conditions for value in (*params, after, *stays[1])]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*head_params, *values, limit])
        pks = [row[0] for row in cursor.fetchall()]
    return Candidates(pks, pks[-1] if len(pks) == limit else None)


def _candidates_by_looking(
    entry: ModelEntry, scope: Scope, conditions: Sequence[_Condition], stays: _Condition, after: int, limit: int
) -> Candidates:
    quote = connection.ops.quote_name
    pk, table = quote(entry.primary_key), quote(entry.table)
    # The plus keeps SQLite from walking the table by its primary key: the address indexes are in its order too.
    arms = [f"SELECT {pk} AS pk FROM {table} WHERE {where} AND +{pk} > %s" for where, _params in conditions]
    # All texts of a row at once, a line each: a call of Python costs more than what it does.
    read = [f"coalesce({table}.{quote(column.column)}, '')" for column in entry.addresses if not column.is_opaque]
    named = [
        f"{table}.{quote(column.column)} <> ''"
        for column in entry.addresses
        if column.is_opaque or ((scope.logins or scope.ids) and column.rule.names_logins)
    ]
    if read:
        named.append(f"{MENTIONS_ANY}({' || char(10) || '.join(read)})")
    # CASE, since of AND and OR SQLite always computes both sides.
    choices = " ".join(f"WHEN {each} THEN 1" for each in named)
    chosen = f"CASE {f'WHEN NOT {stays[0]} THEN 0' if stays[0] else ''} {choices} ELSE 0 END"
    sql = (
        f"SELECT {table}.{pk}, {chosen} FROM ({' UNION '.join(arms)} ORDER BY pk LIMIT %s) looked_at "
        f"CROSS JOIN {table} ON {table}.{pk} = looked_at.pk ORDER BY looked_at.pk"
    )
    values = [value for _where, params in conditions for value in (*params, after)]
    with searching_for(scope.all_addresses()), connection.cursor() as cursor:
        cursor.execute(sql, [*stays[1], *values, limit])
        rows = cursor.fetchall()
    return Candidates([pk for pk, is_one in rows if is_one], rows[-1][0] if len(rows) == limit else None)


def treat_rows(entry: ModelEntry, run: StepRun, pks: Sequence[int]) -> int:
    """Take the scope's addresses out of these rows, as far as their accounts are in it. The number of rows changed."""
    columns = entry.addresses
    in_pieces = run.is_in_pieces(entry.table)
    changed: dict[str, list[int]] = defaultdict(list)
    updates: list[list[Any]] = []
    owners: Counter[int | None] = Counter()
    for pk, owner, old, new in changed_rows(entry, run.scope, pks, lock=True):
        owners[owner] += 1
        for column, before, after in zip(columns, old, new, strict=True):
            if before is not after and before != after:
                changed[column.field.name].append(pk)
        values = [*(_prepared(column, value) for column, value in zip(columns, new, strict=True)), pk]
        if in_pieces:
            values += (
                _prepared(column, value) for column, value in zip(columns, old, strict=True) if not column.is_opaque
            )
        updates.append(values)
    run.count_owners(entry, owners)
    if updates:
        quote = connection.ops.quote_name
        sets = ", ".join(f"{quote(column.column)} = %s" for column in columns)
        where = f"{quote(entry.primary_key)} = %s"
        if in_pieces:
            # The primary key may be another row's too: it is the one whose texts were read.
            read = [column for column in columns if not column.is_opaque]
            where += "".join(f" AND {quote(column.column)} IS NOT DISTINCT FROM %s" for column in read)
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {quote(entry.table)} SET {sets} WHERE {where}", updates)
            if cursor.rowcount > len(updates) and not in_pieces:
                raise MoreRowsThanPlanned
    for column in columns:
        pks_of_column = changed.get(column.field.name, [])
        if pks_of_column:
            rule = column.rule
            if rule.also:
                rows_by_key(entry.model, pks_of_column).update(**also_set(rule))
            call_consequence(column, pks_of_column, run)
    return len(updates)


def changed_rows(
    entry: ModelEntry, scope: Scope, pks: Sequence[int], *, lock: bool
) -> Iterable[tuple[int, int | None, list[Any], list[Any]]]:
    """(pk, account, old values, new values) of the rows that really mention an address, by the exact definition.

    The account whose row it is; None: of no account.
    """
    columns = entry.addresses
    path = entry.rules.account
    rows = rows_by_key(entry.model, pks).order_by("pk")
    if path is not None:
        # Not the bare column: the planner would begin at the account and read all its rows for these few. What
        # names the row as well can only be asked of the rows found.
        rows = rows.alias(account_of_row=F(path) + F("pk") - F("pk")).filter(
            scope.in_accounts("account_of_row", staff=entry.rules.staff_is_everybodys)
        )
    if lock:
        rows = rows.select_for_update(of=("self",))
    names = [column.field.attname for column in columns]
    # Columns that say whose the row itself is, after those that are treated.
    own_names = sorted({name for column in columns for name in column.rule.but_own})
    staff = set(get_host().staff_account_ids()) if entry.rules.staff_is_everybodys else ()
    sought: dict[int | None, Named] = {}
    read: list[tuple[int | None, list[_Read]]] = []
    whose: dict[int | None, set[str]] = defaultdict(set)
    for pk, account_id, *values in rows.values_list("pk", path or "pk", *names, *own_names):
        old, own = values[: len(names)], dict(zip(own_names, values[len(names) :], strict=True))
        owner = owner_of(entry.rules, account_id, staff)
        if owner not in sought:
            homes, written = partial(scope.homes_of, owner), scope.writings_for(owner)
            logins, ids = scope.logins_for(owner), scope.ids_for(owner)
            sought[owner] = Named(scope.keys_for(owner), logins, ids, frozenset(), 0, homes, written)
        named = replace(sought[owner], pk=pk)
        texts = [
            _read(scope, owner, column, value, replace(named, keys=_but_own(named.keys, column, own)))
            for column, value in zip(columns, old, strict=True)
        ]
        whose[owner].update(*(each.others for each in texts))
        read.append((owner, texts))
    # Asked at once for all these rows: text by text the questions took a quarter of a purge.
    spared = {owner: scope.of_others(owner, others) for owner, others in whose.items()}
    for owner, texts in read:
        old = [each.value for each in texts]
        new = [_treated(column, each, spared[owner]) for column, each in zip(columns, texts, strict=True)]
        if any(after is not before and after != before for before, after in zip(old, new, strict=True)):
            yield texts[0].named.pk, owner, old, new


def _but_own(keys: frozenset[str], column: AddressColumn, own: Mapping[str, Any]) -> frozenset[str]:
    """The very same set where the row has none of its own: what is remembered of a set is found by it."""
    kept = searched(identity_key(own[name]) for name in column.rule.but_own if own[name])
    return keys - kept if kept else keys


@dataclass(frozen=True)
class _Read:
    """A value as it stands; who is to leave it; and identities that it may mention as well, other people's perhaps."""

    value: Any
    named: Named
    others: Collection[str]


def _read(scope: Scope, owner: int | None, column: AddressColumn, value: Any, named: Named) -> _Read:
    # What was matched is nobody's where there is no account, however it is written.
    keys = named.keys if owner is not None else named.keys & scope.keys_along
    if value in EMPTY or not keys:
        return _Read(value, named, ())
    return _Read(value, named, others_in_value(value, column.shape, keys, scope.identities_for(owner)))


def _treated(column: AddressColumn, read: _Read, of_others: frozenset[str]) -> Any:
    """The value without the addresses, or the very same object when it mentions none. Other people's stay."""
    if read.value in EMPTY:
        return read.value
    return without(column.rule, column, read.value, replace(read.named, spared=of_others.intersection(read.others)))


@dataclass(frozen=True)
class Named:
    """Who is to leave a value: search keys of addresses and tokens, keys of logins and of Unique User IDs, whose
    mentions are ``spared``; its row; host names of its account's home pages; and how the addresses are stored."""

    keys: frozenset[str]
    logins: frozenset[str]
    ids: frozenset[str]
    spared: frozenset[str]
    pk: int
    homes: Callable[[], frozenset[str]]
    written: frozenset[str]


@singledispatch
def without(rule: AddressTreatment, column: AddressColumn, _value: Any, _named: Named) -> Any:
    """The value of a column without whoever is named, or the very same object when nobody of them is.

    A function for each treatment of addresses.
    """
    raise TypeError(f"{column.key}: {type(rule).__name__} is no treatment of addresses")


@without.register
def redacted(rule: Redact, column: AddressColumn, value: Any, named: Named) -> Any:
    if column.is_json:
        rest = redact_objects(value, named.keys, spared=named.spared, homes=named.homes(), written=named.written)
    else:
        rest = redact_text(value, named.keys, spared=named.spared, written=named.written)
    return _with_number(column, rest, named.pk) if rule.numbered and rest is not value else rest


@without.register
def taken_out(_rule: TakeOut, column: AddressColumn, value: Any, named: Named) -> Any:
    leave = _json_list_without if column.is_json else list_without
    return leave(value, named.keys, spared=named.spared)


@without.register
def blanked(rule: Blank, column: AddressColumn, value: Any, named: Named) -> Any:
    is_named = names(value, column.shape, named.keys, spared=named.spared)
    if rule.login and isinstance(value, str):
        is_named = is_named or names_login(value, named.logins) or names_id(value, named.ids)
    return _empty(column) if is_named else value


def _with_number(column: AddressColumn, text: str, pk: int) -> str:
    """The text with the row's number behind it, no longer than the column takes; no other row's text."""
    rows = column.model._base_manager.exclude(pk=pk)
    ending = f" ({pk})"
    while True:
        numbered = text[: max(0, (column.field.max_length or len(text) + len(ending)) - len(ending))] + ending
        if not rows.filter(**{column.field.name: numbered}).exists():
            return numbered
        ending += "*"


def _json_list_without(value: Any, keys: frozenset[str], *, spared: frozenset[str]) -> Any:
    if not isinstance(value, list):
        return redact_json(value, keys, spared=spared)
    kept = [item for item in value if not names(item, Shape.ONE, keys, spared=spared)]
    return kept if len(kept) < len(value) else value


def _empty(column: AddressColumn) -> Any:
    if column.field.null:
        return None
    return {} if column.is_json else ""


def _prepared(column: AddressColumn, value: Any) -> Any:
    return column.field.get_db_prep_save(value, connection)


def text_column(column: AddressColumn) -> TextColumn:
    return TextColumn(table=column.table, column=column.column, is_json=column.is_json)


def candidate_conditions(entry: ModelEntry, scope: Scope) -> Iterable[tuple[str, list[Any]]]:
    """For each way in which a row may name somebody of the scope: a condition on the model's table. A superset.

    The scope's keys stand in the statement's head (:func:`purge.steps.statement.head_for`).
    """
    keys = scope.all_addresses()
    for column in entry.addresses:
        if column.is_opaque:
            yield f"{quoted(entry.table)}.{quoted(column.column)} <> ''", []
            continue
        if keys:
            yield candidates_among(connection, text_column(column), LISTED_KEYS)
        if (scope.logins or scope.ids) and column.rule.names_logins:
            yield f"{quoted(entry.table)}.{quoted(column.column)} <> ''", []
