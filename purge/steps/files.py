"""Stored files that mention an address, cannot be opened, or whose account loses somebody: which of them go, though
their rows stay.

A file is read once for a request: what was read and mentions nobody is noted by ranges of rows
(:class:`purge.models.FileReading`), and read again only where a range has changed since.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from django.core.files.storage import Storage
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from purge.choices import IdentifierKind
from purge.hashing import keyed_hash
from purge.models import FileReading, Identifier, UnopenedFile
from purge.routes.scope import Scope
from purge.rules import EraseFile
from purge.rules.registry import FileColumn, ModelEntry
from purge.sandbox.unopened import Unopened
from purge.steps.base import Counting, Measured, Step
from purge.steps.opening.stored import Found, Opener
from purge.steps.work import Outcome, StepRun, also_set, call_consequence, person_condition, remember_files, rows_by_key

#: Rows whose files are looked at together.
WINDOW = 200
#: Rows that a count looks at together.
COUNTED = 2_000
#: So long files are looked at before what was found is stored; the one that is being read is read to its end.
LOOK_SECONDS = 1.0
#: So long a count opens what is no plain text. What it does not open counts as not mentioning anybody, until the run
#: opens it.
COUNT_SECONDS = 2.0

#: A file of a row: the name of its column and the row's primary key.
Place = tuple[str, int]


@dataclass(frozen=True)
class FileStep(Step):
    """Stored files that go though their rows stay."""

    erases_files: ClassVar[bool] = True

    @classmethod
    def needed(cls, scope: Scope) -> bool:
        return bool(scope.all_addresses() or scope.losing_accounts)

    @classmethod
    def of(cls, entry: ModelEntry) -> Iterator[Self]:
        if cls(entry).columns:
            yield cls(entry)

    @property
    def key(self) -> str:
        return f"{self.entry.rules.model}#files"

    @property
    def label(self) -> str:
        return _("Files removed: %(noun)s") % {"noun": self.noun}

    @property
    def columns(self) -> list[FileColumn]:
        """The file columns that it looks at."""
        return [column for column in self.entry.files if column.rule.may_go_alone]

    @property
    def reads_all(self) -> bool:
        return True

    def stays_done(self, *, last_pass: bool) -> bool:
        return True

    def has_work(self, answers: Mapping[str, int]) -> bool:
        return True

    def count(self, counting: Counting) -> Measured:
        scope, model, path = counting.scope, self.entry.model, self.entry.rules.account
        doomed = doomed_files(self, scope)
        going = _going(self, scope, {pk for _name, pk in doomed}) if doomed else set()
        staying = [pk for _name, pk in doomed if pk not in going]
        number, own = len(staying), 0
        if staying and path is not None and scope.heir_account_id is not None:
            rows = model._base_manager.filter(pk__in=staying, **{path: scope.heir_account_id})
            theirs = set(rows.values_list("pk", flat=True))
            own = sum(pk in theirs for pk in staying)
        return Measured(number if counting.cap is None else min(number, counting.cap), own, {})

    def run(self, run: StepRun, *, limit: int, cursor: int = 0) -> Outcome:
        """Mark the links of doomed files dead and remember the files; the engine erases them after the commit."""
        found = look(self, run.scope, after=cursor, limit=min(limit, WINDOW))
        if found.accounts:
            others = all_files_of(self, run.scope, found.accounts)
            found.doomed |= others.doomed
            found.closed |= others.closed
        changed = erase_files(self, run, found.doomed, closed=found.closed)
        return Outcome(changed, exhausted=found.upto is None, cursor=cursor if found.upto is None else found.upto)


@dataclass
class Look:
    """What the stored files of some rows say.

    ``upto``: the last row that was looked at; None when there is none after it. ``doomed``: the files that go.
    ``closed``: rows that somebody is at work with and whose file mentions nobody: only the link dies. ``accounts``:
    those of which a file mentions an address, so that all their earlier files of the kind go. ``clean``: what was read
    and holds none of the request's addresses. ``unopened``: whose a file is that could not be opened, and why.
    """

    upto: int | None = None
    doomed: set[Place] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    accounts: set[int] = field(default_factory=set)
    clean: list[tuple[int, str, str]] = field(default_factory=list)
    unopened: dict[Place, tuple[int | None, frozenset[Unopened]]] = field(default_factory=dict)


def look(step: FileStep, scope: Scope, *, after: int, limit: int) -> Look:
    """Look at the files of the next rows, ``limit`` at most, and note what is clean. In the caller's transaction."""
    noted = FileReading.objects.filter(request_id=scope.request_id, model=step.entry.rules.model)
    readings = list(noted.filter(after__gte=after).order_by("after")[:2])
    known = readings.pop(0) if readings and readings[0].after == after else None
    until = known.upto if known else readings[0].after if readings else None
    if known is not None:
        limit = max(limit, 2 * WINDOW)
    rows = _window(_rows(step, scope), after, until, limit)
    if known is not None and _is_unchanged(known, step, scope, rows):
        return Look(known.upto)
    with Opener() as opener:
        found, looked_at = _judged(step, scope, rows, opener, until=time.monotonic() + LOOK_SECONDS)
    note_unopened(step, scope.request_id, found)
    if len(rows) == limit or looked_at < len(rows):
        rows = rows[:looked_at]
        found.upto = rows[-1]["pk"]
    elif until is not None:
        found.upto = until
    read_to = rows[-1]["pk"] if rows else until
    if read_to is not None:
        FileReading.objects.update_or_create(
            request_id=scope.request_id,
            model=step.entry.rules.model,
            after=after,
            defaults={"upto": found.upto or read_to, "digest": digest_of(_seed(scope), found.clean)},
        )
    return found


def all_files_of(step: FileStep, scope: Scope, accounts: Iterable[int]) -> Look:
    """The files of accounts of which one mentions an address: they go as if somebody of the account went."""
    losing = frozenset(accounts)
    scope = replace(scope, losing_accounts=losing)
    rows = _rows(step, scope).filter(**{f"{step.entry.rules.account}__in": sorted(losing)})
    with Opener() as opener:
        found, _looked_at = _judged(step, scope, list(rows), opener)
    return found


def doomed_files(step: FileStep, scope: Scope) -> set[Place]:
    """All files that a step would erase."""
    doomed: set[Place] = set()
    accounts: set[int] = set()
    after: int | None = 0
    with Opener(seconds=COUNT_SECONDS) as opener:
        while after is not None:
            rows = _window(_rows(step, scope), after, None, COUNTED)
            found, _looked_at = _judged(step, scope, rows, opener)
            doomed |= found.doomed
            accounts |= found.accounts
            after = rows[-1]["pk"] if len(rows) == COUNTED else None
    if accounts:
        doomed |= all_files_of(step, scope, accounts).doomed
    return doomed


# ---------------------------------------------------------------- rows


def _rows(step: FileStep, scope: Scope) -> models.QuerySet[Any, dict[str, Any]]:
    """Rows of the scope with a stored file that the step may erase: key, account, and what decides."""
    path = step.entry.rules.account
    condition, names = Q(pk__in=()), {"pk", path or "pk"}
    for column in step.columns:
        rule, name = column.rule, column.field.name
        where = scope.in_accounts(path) if rule.mentions and scope.all_addresses() else Q(pk__in=())
        if rule.whole_account and path:
            where |= Q(**{f"{path}__in": sorted(scope.losing_accounts)})
        condition |= where & ~Q(**{name: ""}) & Q(**{f"{name}__isnull": False})
        names |= {name, *((rule.uploaded,) if rule.uploaded else ()), *rule.at_work}
    return step.entry.model._base_manager.filter(condition).order_by("pk").values(*sorted(names))


def _window(
    rows: models.QuerySet[Any, dict[str, Any]], after: int, until: int | None, limit: int
) -> list[dict[str, Any]]:
    rows = rows.filter(pk__gt=after)
    return list((rows if until is None else rows.filter(pk__lte=until))[:limit])


def _judged(
    step: FileStep, scope: Scope, rows: Sequence[dict[str, Any]], opener: Opener, *, until: float = math.inf
) -> tuple[Look, int]:
    """What the files of these rows say, and how many of the rows were looked at before the time was over."""
    found = Look()
    path = step.entry.rules.account
    for number, row in enumerate(rows, start=1):
        owner = row[path] if path else None
        for column in step.columns:
            if row[column.field.name]:
                _judge(column, row, owner, scope, found, opener)
        if time.monotonic() >= until:
            return found, number
    return found, len(rows)


def _judge(
    column: FileColumn, row: dict[str, Any], owner: int | None, scope: Scope, found: Look, opener: Opener
) -> None:
    rule, name, place = column.rule, column.field.name, (column.field.name, row["pk"])
    earlier = not rule.uploaded or scope.accepted_at is None or row[rule.uploaded] <= scope.accepted_at
    goes = rule.whole_account and owner in scope.losing_accounts and earlier
    at_work = is_at_work(rule, row)
    if goes and not at_work:
        found.doomed.add(place)
        return
    said = opener.look(storage_of(column), row[name], scope.all_addresses()) if rule.mentions else Found()
    if said.unopened:
        found.unopened[place] = owner, said.unopened
    if _names_somebody(said, scope, owner):
        found.doomed.add(place)
        if rule.whole_account and owner is not None and owner not in scope.losing_accounts:
            found.accounts.add(owner)
        return
    if said.unopened and rule.goes_unopened and not at_work:
        # Nobody can say that it names nobody.
        found.doomed.add(place)
        return
    if goes:
        found.closed.add(row["pk"])
    if rule.mentions and not said.addresses and not said.unopened:
        found.clean.append((row["pk"], name, row[name]))


def _names_somebody(said: Found, scope: Scope, owner: int | None) -> bool:
    """Whether one of the mentions is none of somebody's who stays in the file's account."""
    for key in said.addresses.keys() & scope.keys_for(owner):
        for identities in said.addresses[key]:
            if owner is None or not scope.of_others(owner, identities):
                return True
    return False


def is_at_work(rule: EraseFile, row: dict[str, Any]) -> bool:
    """Whether the app is reading the row's file just now (:attr:`purge.rules.EraseFile.at_work`)."""
    return bool(rule.at_work) and all(row[name] == value for name, value in rule.at_work.items())


def storage_of(column: FileColumn) -> Storage:
    assert isinstance(column.field, models.FileField)
    storage: Storage = column.field.storage
    return storage


# ---------------------------------------------------------------- what was read


def _seed(scope: Scope) -> str:
    """Says what was looked for: with another address every file is another."""
    values = Identifier.objects.filter(request_id=scope.request_id, kind=IdentifierKind.EMAIL)
    return keyed_hash("files", "\n".join(sorted(set(values.values_list("value", flat=True)))))


def digest_of(seed: str, files: Iterable[tuple[int, str, str]]) -> str:
    """Of (row, column, storage name): equal only for the same files, read for the same addresses."""
    made = hashlib.sha256(seed.encode())
    for pk, column, name in sorted(files):
        made.update(f"\n{pk} {column} {name}".encode())
    return made.hexdigest()


def _is_unchanged(known: FileReading, step: FileStep, scope: Scope, rows: list[dict[str, Any]]) -> bool:
    """Whether all these files were read and found clean, and nobody has begun to go in their accounts since."""
    path, columns = step.entry.rules.account, step.columns
    by_account = path is not None and any(column.rule.whole_account for column in columns)
    if by_account and any(row[path or "pk"] in scope.losing_accounts for row in rows):
        return False
    names = [
        (row["pk"], column.field.name, row[column.field.name])
        for row in rows
        for column in columns
        if row[column.field.name] and column.rule.mentions
    ]
    return digest_of(_seed(scope), names) == known.digest


# ---------------------------------------------------------------- reading


def file_mentions(storage: Storage, name: str, keys: frozenset[str]) -> bool:
    """Whether a stored file mentions one of the addresses. A file that is gone mentions nothing."""
    with Opener() as opener:
        return bool(opener.look(storage, name, keys).addresses)


def note_unopened(step: FileStep, request_id: int, found: Look) -> None:
    """List the files that could not be opened, and whether they go."""
    UnopenedFile.across_accounts.bulk_create(
        [
            UnopenedFile(
                request_id=request_id,
                table=step.entry.table,
                column=next(column.column for column in step.columns if column.field.name == name),
                row=pk,
                kind=kind,
                account_id=owner,
                erased=(name, pk) in found.doomed,
            )
            for (name, pk), (owner, kinds) in sorted(found.unopened.items())
            for kind in sorted(kinds)
        ],
        update_conflicts=True,
        update_fields=["erased", "account_id"],
        unique_fields=["request", "table", "column", "row", "kind"],
    )


def erase_files(step: FileStep, run: StepRun, doomed: Collection[Place], *, closed: Collection[int] = ()) -> int:
    """Take files from their rows and remember them. ``closed``: rows whose links die while their files are read on."""
    columns = step.columns
    pks = sorted({pk for _name, pk in doomed} | set(closed))
    if not pks:
        return 0
    watched = sorted({name for column in columns for name in column.rule.at_work})
    names = ["pk", *(column.field.name for column in columns), *watched]
    locked = list(rows_by_key(step.entry.model, pks).order_by("pk").select_for_update(of=("self",)).values(*names))
    changed = 0
    for column in columns:
        name, rule = column.field.name, column.rule
        # Whoever was at work may be done by now; then nobody else erases the file.
        done = {row["pk"] for row in locked if rule.whole_account and row["pk"] in closed and not is_at_work(rule, row)}
        going = [row["pk"] for row in locked if row[name] and ((name, row["pk"]) in doomed or row["pk"] in done)]
        if going:
            run.count_own_rows(step.entry, going)
            remember_files((row[name] for row in locked if row["pk"] in going), run.scope.request_id)
            rows_by_key(column.model, going).update(**{name: "", **also_set(rule)})
            call_consequence(column, going, run)
            changed += len(going)
        staying = [row["pk"] for row in locked if row["pk"] in closed and row["pk"] not in going]
        if staying and rule.also:
            rows_by_key(column.model, staying).update(**also_set(rule))
    return changed


def _going(step: FileStep, scope: Scope, pks: Iterable[int]) -> set[int]:
    """Those of the rows that an earlier step deletes: they are counted there."""
    removals = step.entry.removals
    if not removals or not scope.people:
        return set()
    condition = Q(pk__in=())
    for column in removals:
        condition |= person_condition(column, scope.people)
    return set(step.entry.model._base_manager.filter(condition, pk__in=list(pks)).values_list("pk", flat=True))
