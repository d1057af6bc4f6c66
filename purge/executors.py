"""Making a rule's query empty, a bounded piece at a time.

Statements go straight to the tables: no signals, no collector, no instance is loaded. Every function does at most
``limit`` rows inside the caller's transaction and says whether more may remain; since a treated row stops matching,
calling again continues.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from purge.address_index import NAMES_ONE, seeking
from purge.addresses import Shape, identity_key, list_without, names, names_login, others_in_value, redact, redact_json
from purge.chunk_delete import MoreRowsThanPlanned, delete_rows, tables_in_pieces
from purge.counting import candidate_conditions, goes_with_people, signs_in
from purge.host import get_host
from purge.lookups import AnyOf, StillAnyOf
from purge.models import DoomedFile, FollowUp
from purge.planner import ADDRESSES, FILES, Step, file_columns, person_condition
from purge.registry import ColumnRule, ModelEntry
from purge.rules import (
    NOW,
    AddressTreatment,
    Blank,
    Context,
    Delete,
    DeleteAbout,
    Detach,
    Fact,
    HandOver,
    PersonTreatment,
    Redact,
    TakeOut,
    Treatment,
    Unassign,
    Withdraw,
)
from purge.scope import Scope, owner_of, searched
from purge.stored_files import WINDOW, Place, all_files_of, file_rule, is_at_work, look

#: Candidates of an address walk that are read and rewritten together. On SQLite nearly all of them are looked at only.
WALK_ROWS = 2_000
LOOKED_AT_ROWS = 20_000


@dataclass(frozen=True)
class Outcome:
    """``rows``: how many were changed. ``exhausted``: nothing is left to do. ``cursor``: last candidate seen."""

    rows: int
    exhausted: bool
    cursor: int = 0


@dataclass
class Looked:
    """What the plan's look through all texts found, by model: SQLite, where no index says what to look at.

    True for as long as nobody else writes, which ``version`` tells (SQLite's ``data_version`` changes with the first
    commit of any other connection).
    """

    version: int
    rows: dict[str, list[int]] = field(default_factory=dict)

    #: More primary keys of one model are looked for again instead of being kept in memory.
    MOST: ClassVar[int] = 10_000

    @classmethod
    def now(cls) -> Looked | None:
        """Nothing found yet. None on PostgreSQL, where a second look costs next to nothing."""
        if connection.vendor != "sqlite":
            return None
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            return cls(cursor.fetchone()[0])

    def remember(self, entry: ModelEntry, pks: list[int]) -> None:
        """The rows of a model that mention somebody, but for those that go with the people."""
        # A row that is withdrawn may stay, emptied, and then is one of those.
        if len(pks) <= self.MOST and not any(isinstance(column.rule, Withdraw) for column in entry.removals):
            self.rows[entry.rules.model] = pks

    def still_true(self) -> bool:
        """Asked inside of the transaction that relies on it: until its end nobody else can write."""
        now = Looked.now()
        return now is not None and now.version == self.version


@dataclass
class Run:
    """What the steps of one transaction share: the scope, the heirs found so far, and what is known of the texts.

    ``in_pieces``: the tables that have partitions or heirs; None: not looked up yet.
    """

    scope: Scope
    looked: Looked | None = None
    in_pieces: frozenset[str] | None = None
    _heirs: dict[int, int | None] = field(default_factory=dict)
    #: How many of the rows done so far were of the account that asked.
    own: int = 0

    def count_own(self, column: ColumnRule, pks: Sequence[Any]) -> None:
        """Of rows that are about to be treated because a column ties them to the people: those tied to its own."""
        own = self.scope.own_people
        if own is None:
            self.own += len(pks)
        elif own and pks:
            self.own += rows_by_key(column.model, pks).filter(person_condition(column, tuple(sorted(own)))).count()

    def count_own_rows(self, entry: ModelEntry, pks: Sequence[Any]) -> None:
        """The same for rows that are treated for another reason: by the account that they belong to."""
        path, account_id = entry.rules.account, self.scope.heir_account_id
        if path is not None and account_id is not None and pks:
            self.own += rows_by_key(entry.model, pks).filter(**{path: account_id}).count()

    def __post_init__(self) -> None:
        # Whose an identifier is can change between two transactions.
        self.scope = self.scope.anew()

    @property
    def context(self) -> Context:
        return Context(
            request_id=self.scope.request_id,
            reference=self.scope.reference,
            account_id=self.scope.heir_account_id,
        )

    def is_in_pieces(self, table: str) -> bool:
        """Whether one primary key, or one physical address, may stand for several rows of this table."""
        if self.in_pieces is None:
            self.in_pieces = tables_in_pieces()
        return table in self.in_pieces

    def heir(self, account_id: int) -> int | None:
        """Asked once an account and transaction: who may inherit can change between two chunks, not within one."""
        if account_id not in self._heirs:
            self._heirs[account_id] = get_host().heir(
                account_id,
                initiator_id=self.scope.initiator_id,
                requesting_account_id=self.scope.heir_account_id,
            )
        return self._heirs[account_id]


def run_step(step: Step, run: Run, *, limit: int, cursor: int = 0) -> Outcome:
    """Do at most ``limit`` rows of a step."""
    if step.suffix == ADDRESSES:
        return treat_addresses(step.entry, run, limit, cursor)
    if step.suffix == FILES:
        return treat_files(step, run, limit, cursor)
    column = step.column
    assert column is not None
    match column.rule:
        case Delete() | DeleteAbout():
            return delete(column, step.entry, run, limit)
        case Unassign():
            return unassign(column, step.entry, run, limit)
        case Detach():
            return detach(column, run, limit)
        case HandOver():
            return hand_over(column, run, limit)
        case Withdraw():
            return withdraw(column, run, limit)
        case other:
            raise TypeError(f"{column.key}: {type(other).__name__} is no treatment of people")


# ---------------------------------------------------------------- rows that point at the person


def delete(column: ColumnRule, entry: ModelEntry, run: Run, limit: int) -> Outcome:
    rule = column.rule
    assert isinstance(rule, Delete | DeleteAbout)
    if isinstance(rule, Delete) and not (rule.via or rule.then):
        return _delete_chunk(column, entry, run, limit)
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        rows = _still_theirs(column, run, pks)
        doom_files_of(entry, rows, run.scope.request_id)
        call_consequence(rule, column, pks, run)
        refuse_more(rows._raw_delete(connection.alias), pks, column, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def _delete_chunk(column: ColumnRule, entry: ModelEntry, run: Run, limit: int) -> Outcome:
    """Delete at most ``limit`` rows whose column is one of the people.

    By physical address: looking each row up a second time by its primary key costs half as much again. The names of
    their stored files are remembered, as :func:`doom_files` does.
    """
    own = run.scope.own_people
    files = [file.column for file in entry.files]
    deleted = delete_rows(
        column.table,
        column.column,
        run.scope.people,
        limit=limit,
        # Whose each was is asked only where it is not known of all.
        returning=[*files, column.column] if own else files,
        in_pieces=run.is_in_pieces(column.table),
    )
    run.own += deleted.rows if own is None else sum(row[-1] in own for row in deleted.returned if own)
    if files and deleted.returned:
        names = (value for row in deleted.returned for value in row[: len(files)])
        remember_files(names, run.scope.request_id)
    return Outcome(deleted.rows, exhausted=not deleted.more)


def rows_by_key(model: type[models.Model], pks: Sequence[Any]) -> models.QuerySet[Any]:
    """The rows with these primary keys; one parameter, since thousands cost more to write down than to find."""
    rows: models.QuerySet[Any] = model._base_manager.filter(AnyOf(F("pk"), list(pks)))
    return rows


def _still_theirs(column: ColumnRule, run: Run, pks: Sequence[Any]) -> models.QuerySet[Any]:
    """Those of the chosen rows that the column ties to the people.

    Asked again by each statement that changes one: where a table has partitions or heirs, a primary key may stand for
    somebody else's row too.
    """
    rows = rows_by_key(column.model, pks)
    rule = column.rule
    if isinstance(rule, DeleteAbout) or (isinstance(rule, PersonTreatment) and rule.via):
        return rows.filter(person_condition(column, run.scope.people))
    return rows.filter(StillAnyOf(F(column.field.name), list(run.scope.people)))


def refuse_more(changed: int, pks: Sequence[Any], column: ColumnRule, run: Run) -> None:
    """Raise :class:`MoreRowsThanPlanned` when a statement changed more rows than were chosen for it."""
    if changed > len(pks) and not run.is_in_pieces(column.table):
        raise MoreRowsThanPlanned


def unassign(column: ColumnRule, entry: ModelEntry, run: Run, limit: int) -> Outcome:
    rule = column.rule
    assert isinstance(rule, Unassign)
    if not rule.then:
        return _delete_chunk(column, entry, run, limit)
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        rows = _still_theirs(column, run, pks)
        left = sorted(set(rows.values_list(rule.then_of or "pk", flat=True)))
        refuse_more(rows._raw_delete(connection.alias), pks, column, run)
        call_consequence(rule, column, left, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def _locked(column: ColumnRule, run: Run, limit: int) -> list[int]:
    """Primary keys of rows, locked in ascending order: two requests never wait for each other in a ring.

    Nobody can give a locked row to somebody else before it is changed.
    """
    rows = column.model._base_manager.filter(person_condition(column, run.scope.people))
    return list(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True)[:limit])


def detach(column: ColumnRule, run: Run, limit: int) -> Outcome:
    rule = column.rule
    assert isinstance(rule, Detach)
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        changed = _still_theirs(column, run, pks).update(**{column.field.name: None, **also_set(rule)})
        refuse_more(changed, pks, column, run)
        call_consequence(rule, column, pks, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def hand_over(column: ColumnRule, run: Run, limit: int) -> Outcome:
    rule = column.rule
    assert isinstance(rule, HandOver)
    pks = _locked(column, run, limit)
    if not pks:
        return Outcome(0, exhausted=True)
    run.count_own(column, pks)
    accounts: dict[int | None, list[int]] = defaultdict(list)
    path = column.rules.account or "pk"
    for pk, account_id in _still_theirs(column, run, pks).values_list("pk", path):
        accounts[account_id].append(pk)
    for account_id, rows in accounts.items():
        heir = run.heir(account_id) if account_id is not None and column.rules.account else None
        changed = _still_theirs(column, run, rows).update(**{column.field.attname: heir, **also_set(rule)})
        refuse_more(changed, rows, column, run)
    call_consequence(rule, column, pks, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def withdraw(column: ColumnRule, run: Run, limit: int) -> Outcome:
    """Delete what nothing hangs on, again and again as leaves fall; what is left then is emptied."""
    rule = column.rule
    assert isinstance(rule, Withdraw)
    rows = column.model._base_manager.filter(person_condition(column, run.scope.people)).order_by("pk")
    held = Q(pk__in=())
    for label in rule.referenced_by:
        held |= Q(Exists(_referrers(label)))
    leaves = list(rows.exclude(held).select_for_update(of=("self",)).values_list("pk", flat=True)[:limit])
    if leaves:
        run.count_own(column, leaves)
        refuse_more(_still_theirs(column, run, leaves)._raw_delete(connection.alias), leaves, column, run)
        call_consequence(rule, column, leaves, run)
        return Outcome(len(leaves), exhausted=False)
    pks = _locked(column, run, limit)
    if pks:
        run.count_own(column, pks)
        emptied = {column.field.name: None, **rule.empty, **also_set(rule)}
        refuse_more(_still_theirs(column, run, pks).update(**emptied), pks, column, run)
        call_consequence(rule, column, pks, run)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def _referrers(label: str) -> models.QuerySet[Any]:
    from django.apps import apps

    model_label, _dot, name = label.rpartition(".")
    rows: models.QuerySet[Any] = apps.get_model(model_label)._base_manager.filter(**{name: OuterRef("pk")})
    return rows


def also_set(rule: Treatment, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    now = timezone.now()
    return {name: now if value is NOW else value for name, value in {**rule.also, **(extra or {})}.items()}


def call_consequence(rule: Treatment, column: ColumnRule, pks: Sequence[int], run: Run) -> None:
    """Tell the owning app what changed, and keep the facts it returns."""
    if rule.then is None or not pks:
        return
    consequence: Callable[..., Iterable[Fact]] = import_string(rule.then)
    facts = consequence(pks=list(pks), column=column.field.name, context=run.context)
    FollowUp.objects.bulk_create(
        [
            FollowUp(
                request_id=run.scope.request_id,
                kind=fact.kind,
                account_id=fact.account_id,
                model=fact.model,
                row=fact.pk,
            )
            for fact in facts
        ],
        ignore_conflicts=True,
    )


# ---------------------------------------------------------------- rows that mention an address


def walk_rows() -> int:
    """How many candidates a piece of an address walk has."""
    return WALK_ROWS if connection.vendor == "postgresql" else LOOKED_AT_ROWS


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
    conditions = list(candidate_conditions(entry, scope))
    if not conditions:
        return Candidates([], None)
    going, going_params = goes_with_people(entry, scope) if staying else ("", [])
    stays = f"(({going}) IS NOT TRUE)" if going else ""
    find = _candidates_by_index if connection.vendor == "postgresql" else _candidates_by_looking
    return find(entry, scope, conditions, (stays, going_params), after, limit)


_Condition = tuple[str, list[Any]]


def _candidates_by_index(
    entry: ModelEntry, _scope: Scope, conditions: Sequence[_Condition], stays: _Condition, after: int, limit: int
) -> Candidates:
    quote = connection.ops.quote_name
    pk, table = quote(entry.primary_key), quote(entry.table)
    rest = f"{pk} > %s" + (f" AND {stays[0]}" if stays[0] else "")
    arms = [f"SELECT {pk} AS pk FROM {table} WHERE {where} AND {rest}" for where, _params in conditions]
    # Materialised: else the planner may walk the primary key and test every row.
    sql = f"WITH candidate AS MATERIALIZED ({' UNION '.join(arms)}) SELECT pk FROM candidate ORDER BY pk LIMIT %s"
    values = [value for _where, params in conditions for value in (*params, after, *stays[1])]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, limit])
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
    texts = " || char(10) || ".join(f"coalesce({table}.{quote(column.column)}, '')" for column in entry.addresses)
    named = [f"{NAMES_ONE}({texts})"]
    if scope.logins:
        named = [*(f"{table}.{quote(column.column)} <> ''" for column in entry.addresses if signs_in(column)), *named]
    # CASE, since of AND and OR SQLite always computes both sides.
    choices = " ".join(f"WHEN {each} THEN 1" for each in named)
    chosen = f"CASE {f'WHEN NOT {stays[0]} THEN 0' if stays[0] else ''} {choices} ELSE 0 END"
    sql = (
        f"SELECT {table}.{pk}, {chosen} FROM ({' UNION '.join(arms)} ORDER BY pk LIMIT %s) looked_at "
        f"CROSS JOIN {table} ON {table}.{pk} = looked_at.pk ORDER BY looked_at.pk"
    )
    values = [value for _where, params in conditions for value in (*params, after)]
    with seeking(scope.all_addresses()), connection.cursor() as cursor:
        cursor.execute(sql, [*stays[1], *values, limit])
        rows = cursor.fetchall()
    return Candidates([pk for pk, is_one in rows if is_one], rows[-1][0] if len(rows) == limit else None)


def treat_addresses(entry: ModelEntry, run: Run, limit: int, cursor: int) -> Outcome:
    if run.looked is not None and (known := run.looked.rows.get(entry.rules.model)) is not None:
        size = min(limit, WALK_ROWS)
        pks = [pk for pk in known if pk > cursor][:size]
        return Outcome(treat_rows(entry, run, pks) if pks else 0, len(pks) < size, pks[-1] if pks else cursor)
    found = candidates(entry, run.scope, after=cursor, limit=min(limit, walk_rows()))
    changed = treat_rows(entry, run, found.pks) if found.pks else 0
    return Outcome(changed, exhausted=found.upto is None, cursor=cursor if found.upto is None else found.upto)


def treat_rows(entry: ModelEntry, run: Run, pks: Sequence[int]) -> int:
    """Take the scope's addresses out of these rows, as far as their accounts are in it. The number of rows changed."""
    columns = entry.addresses
    in_pieces = run.is_in_pieces(entry.table)
    changed: dict[str, list[int]] = defaultdict(list)
    updates: list[list[Any]] = []
    for pk, is_own, old, new in changed_rows(entry, run.scope, pks, lock=True):
        run.own += is_own
        for column, before, after in zip(columns, old, new, strict=True):
            if before is not after and before != after:
                changed[column.field.name].append(pk)
        values = [*(_prepared(column, value) for column, value in zip(columns, new, strict=True)), pk]
        if in_pieces:
            values += (_prepared(column, value) for column, value in zip(columns, old, strict=True))
        updates.append(values)
    if updates:
        quote = connection.ops.quote_name
        sets = ", ".join(f"{quote(column.column)} = %s" for column in columns)
        where = f"{quote(entry.primary_key)} = %s"
        if in_pieces:
            # The primary key may be another row's too: it is the one whose texts were read.
            where += "".join(f" AND {quote(column.column)} IS NOT DISTINCT FROM %s" for column in columns)
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {quote(entry.table)} SET {sets} WHERE {where}", updates)
            if cursor.rowcount > len(updates) and not in_pieces:
                raise MoreRowsThanPlanned
    for column in columns:
        pks_of_column = changed.get(column.field.name, [])
        if pks_of_column:
            rule = column.treatment
            if rule.also:
                rows_by_key(entry.model, pks_of_column).update(**also_set(rule))
            call_consequence(rule, column, pks_of_column, run)
    return len(updates)


def changed_rows(
    entry: ModelEntry, scope: Scope, pks: Sequence[int], *, lock: bool
) -> Iterable[tuple[int, bool, list[Any], list[Any]]]:
    """(pk, old values, new values) of the rows that really mention an address, by the exact definition.

    Second: whether the row is of the account that asked.
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
    own_names = sorted({name for column in columns for name in _but_own(column)})
    staff = set(get_host().staff_account_ids()) if entry.rules.staff_is_everybodys else ()
    for pk, account_id, *values in rows.values_list("pk", path or "pk", *names, *own_names):
        old, own = values[: len(names)], dict(zip(own_names, values[len(names) :], strict=True))
        owner = owner_of(entry.rules, account_id, staff)
        keys, logins = scope.keys_for(owner), scope.logins_for(owner)
        new = [
            _treated(column, value, keys - _own_keys(column, own), logins, pk, partial(_of_others, scope, owner))
            for column, value in zip(columns, old, strict=True)
        ]
        if any(after is not before and after != before for before, after in zip(old, new, strict=True)):
            yield pk, owner is not None and owner == scope.heir_account_id, old, new


def _but_own(column: ColumnRule) -> tuple[str, ...]:
    return column.rule.but_own if isinstance(column.rule, AddressTreatment) else ()


def _own_keys(column: ColumnRule, own: Mapping[str, Any]) -> frozenset[str]:
    return searched(identity_key(own[name]) for name in _but_own(column) if own[name])


def _of_others(
    scope: Scope, account_id: int | None, column: ColumnRule, value: Any, keys: frozenset[str]
) -> frozenset[str]:
    """Identities of other people of the row's account that a value may mention as well: theirs stay."""
    if account_id is None:
        return frozenset()
    return scope.of_others(account_id, others_in_value(value, column.shape, keys, scope.identities_for(account_id)))


def _treated(
    column: ColumnRule,
    value: Any,
    keys: frozenset[str],
    logins: frozenset[str],
    pk: int,
    of_others: Callable[[ColumnRule, Any, frozenset[str]], frozenset[str]],
) -> Any:
    """The value without the addresses, or the very same object when it mentions none."""
    if value in (None, "", [], {}):
        return value
    spared = of_others(column, value, keys)
    match column.rule:
        case Redact(numbered=True):
            rest = redact(value, keys, spared=spared)
            return value if rest is value else _with_number(column, rest, pk)
        case Redact():
            treat = redact_json if column.is_json else redact
            return treat(value, keys, spared=spared)
        case TakeOut():
            return (
                _json_list_without(value, keys, spared) if column.is_json else list_without(value, keys, spared=spared)
            )
        case Blank(login=login):
            named = names(value, column.shape, keys, spared=spared)
            named = named or (login and isinstance(value, str) and names_login(value, logins))
            return _empty(column) if named else value
        case other:
            raise TypeError(f"{column.key}: {type(other).__name__} is no treatment of addresses")


def _with_number(column: ColumnRule, text: str, pk: int) -> str:
    """The text with the row's number behind it, no longer than the column takes; no other row's text."""
    rows = column.model._base_manager.exclude(pk=pk)
    ending = f" ({pk})"
    while True:
        numbered = text[: max(0, (column.field.max_length or len(text) + len(ending)) - len(ending))] + ending
        if not rows.filter(**{column.field.name: numbered}).exists():
            return numbered
        ending += "*"


def _json_list_without(value: Any, keys: frozenset[str], spared: frozenset[str]) -> Any:
    if not isinstance(value, list):
        return redact_json(value, keys, spared=spared)
    kept = [item for item in value if not names(item, Shape.ONE, keys, spared=spared)]
    return kept if len(kept) < len(value) else value


def _empty(column: ColumnRule) -> Any:
    if column.field.null:
        return None
    return {} if column.is_json else ""


def _prepared(column: ColumnRule, value: Any) -> Any:
    return column.field.get_db_prep_save(value, connection)


# ---------------------------------------------------------------- files


def doom_files(entry: ModelEntry, pks: Sequence[int], request_id: int) -> None:
    """Remember the stored files of rows that are about to go, in the transaction in which they go."""
    if pks:
        doom_files_of(entry, rows_by_key(entry.model, pks), request_id)


def doom_files_of(entry: ModelEntry, rows: models.QuerySet[Any], request_id: int) -> None:
    names = [column.field.name for column in entry.files]
    if names:
        remember_files((name for row in rows.values_list(*names) for name in row), request_id)


def remember_files(names: Iterable[str | None], request_id: int) -> None:
    DoomedFile.objects.bulk_create(
        [DoomedFile(request_id=request_id, name=name) for name in names if name], ignore_conflicts=True
    )


def treat_files(step: Step, run: Run, limit: int, cursor: int) -> Outcome:
    """Mark the links of doomed files dead and remember the files; the engine erases them after the commit."""
    found = look(step, run.scope, after=cursor, limit=min(limit, WINDOW))
    if found.accounts:
        others = all_files_of(step, run.scope, found.accounts)
        found.doomed |= others.doomed
        found.closed |= others.closed
    changed = erase_files(step, run, found.doomed, closed=found.closed)
    return Outcome(changed, exhausted=found.upto is None, cursor=cursor if found.upto is None else found.upto)


def erase_files(step: Step, run: Run, doomed: Collection[Place], *, closed: Collection[int] = ()) -> int:
    """Take files from their rows and remember them. ``closed``: rows whose links die while their files are read on."""
    columns = file_columns(step)
    pks = sorted({pk for _name, pk in doomed} | set(closed))
    if not pks:
        return 0
    watched = sorted({name for column in columns for name in file_rule(column).at_work})
    names = ["pk", *(column.field.name for column in columns), *watched]
    locked = list(rows_by_key(step.entry.model, pks).order_by("pk").select_for_update(of=("self",)).values(*names))
    changed = 0
    for column in columns:
        name, rule = column.field.name, file_rule(column)
        # Whoever was at work may be done by now; then nobody else erases the file.
        done = {row["pk"] for row in locked if rule.whole_account and row["pk"] in closed and not is_at_work(rule, row)}
        going = [row["pk"] for row in locked if row[name] and ((name, row["pk"]) in doomed or row["pk"] in done)]
        if going:
            run.count_own_rows(step.entry, going)
            remember_files((row[name] for row in locked if row["pk"] in going), run.scope.request_id)
            rows_by_key(column.model, going).update(**{name: "", **also_set(rule)})
            call_consequence(rule, column, going, run)
            changed += len(going)
        staying = [row["pk"] for row in locked if row["pk"] in closed and row["pk"] not in going]
        if staying and rule.also:
            rows_by_key(column.model, staying).update(**also_set(rule))
    return changed
