"""What the steps of one transaction share: the scope, the heirs, and how rows are changed.

Statements go straight to the tables: no signals, no collector, no instance is loaded. Every step does at most ``limit``
rows inside the caller's transaction and says whether more may remain; since a treated row stops matching, calling again
continues.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from purge.database import dialect_of
from purge.database.chunk_delete import MoreRowsThanPlanned
from purge.database.lookups import AnyOf
from purge.host import get_host
from purge.models import DoomedFile, FollowUp, ReachedRows
from purge.routes.scope import Scope
from purge.rules import (
    NOW,
    Context,
    Fact,
    Rule,
    Treatment,
)
from purge.rules.registry import ColumnRule, ModelEntry, PersonColumn


@dataclass(frozen=True)
class Outcome:
    """``rows``: how many were changed. ``exhausted``: nothing is left to do. ``cursor``: last candidate seen."""

    rows: int
    exhausted: bool
    cursor: int = 0


@dataclass
class TextScan:
    """What the plan's look through all texts found, by model: SQLite, where no index says what to look at.

    True for as long as nobody else writes, which ``version`` tells (SQLite's ``data_version`` changes with the first
    commit of any other connection).
    """

    version: int
    rows: dict[str, list[int]] = field(default_factory=dict)

    #: More primary keys of one model are looked for again instead of being kept in memory.
    MOST: ClassVar[int] = 10_000

    @classmethod
    def now(cls) -> TextScan | None:
        """Nothing found yet. None on PostgreSQL, where a second look costs next to nothing."""
        version = dialect_of(connection).data_version()
        return None if version is None else cls(version)

    def remember(self, entry: ModelEntry, pks: list[int]) -> None:
        """The rows of a model that mention somebody, but for those that go with the people."""
        # A row that is withdrawn may stay, emptied, and then is one of those.
        if len(pks) <= self.MOST and not any(column.rule.may_stay for column in entry.removals):
            self.rows[entry.rules.model] = pks

    def still_true(self) -> bool:
        """Asked inside of the transaction that relies on it: until its end nobody else can write."""
        now = TextScan.now()
        return now is not None and now.version == self.version


@dataclass
class StepRun:
    """What the steps of one transaction share: the scope, the heirs found so far, and what is known of the texts.

    ``in_pieces``: the tables that have partitions or heirs; None: not looked up yet.
    """

    scope: Scope
    scan: TextScan | None = None
    in_pieces: frozenset[str] | None = None
    _heirs: dict[int, int | None] = field(default_factory=dict)
    #: How many of the rows done so far were of the account that asked.
    own: int = 0

    def count_own(self, column: PersonColumn, pks: Sequence[Any]) -> None:
        """Of rows that are about to be treated because a column ties them to the people: those tied to its own."""
        own = self.scope.own_people
        if own is None:
            self.own += len(pks)
        elif own and pks:
            self.own += rows_by_key(column.model, pks).filter(person_condition(column, tuple(sorted(own)))).count()

    def count_own_rows(self, entry: ModelEntry, pks: Sequence[Any]) -> None:
        """The same for rows that are treated for another reason: by the account that they belong to."""
        path = entry.rules.account
        if path is not None and pks:
            self.count_owners(entry, Counter(rows_by_key(entry.model, pks).values_list(path, flat=True)))

    def count_owners(self, entry: ModelEntry, owners: Mapping[int | None, int]) -> None:
        """The same, where their accounts are known. What is of other accounts is noted, for them to read."""
        for account_id, number in owners.items():
            if account_id is None:
                continue
            if account_id == self.scope.heir_account_id:
                self.own += number
                continue
            if not self.scope.request_id:
                continue
            noted = ReachedRows.across_accounts.filter(
                request_id=self.scope.request_id, account_id=account_id, model=entry.rules.model
            )
            if not noted.update(rows=F("rows") + number):
                ReachedRows.across_accounts.create(
                    request_id=self.scope.request_id, account_id=account_id, model=entry.rules.model, rows=number
                )

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
            self.in_pieces = dialect_of(connection).tables_in_pieces()
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


def person_condition(column: PersonColumn, people: Iterable[int]) -> Q:
    """The rows that this column ties to one of the people."""
    return column.rule.rows_of(column.field.name, people)


def rows_by_key(model: type[models.Model], pks: Sequence[Any]) -> models.QuerySet[Any]:
    """The rows with these primary keys; one parameter, since thousands cost more to write down than to find."""
    rows: models.QuerySet[Any] = model._base_manager.filter(AnyOf(F("pk"), list(pks)))
    return rows


def refuse_more(changed: int, pks: Sequence[Any], column: ColumnRule[Rule], run: StepRun) -> None:
    """Raise :class:`MoreRowsThanPlanned` when a statement changed more rows than were chosen for it."""
    if changed > len(pks) and not run.is_in_pieces(column.table):
        raise MoreRowsThanPlanned


def also_set(rule: Treatment, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    now = timezone.now()
    return {name: now if value is NOW else value for name, value in {**rule.also, **(extra or {})}.items()}


def call_consequence(column: ColumnRule[Treatment], pks: Sequence[int], run: StepRun) -> None:
    """Tell the owning app what changed, and keep the facts it returns."""
    if column.rule.then is None or not pks:
        return
    consequence: Callable[..., Iterable[Fact]] = import_string(column.rule.then)
    facts = consequence(pks=list(pks), column=column.field.name, context=run.context)
    FollowUp.across_accounts.bulk_create(
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
