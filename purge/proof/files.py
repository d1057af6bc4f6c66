"""Looking into stored files: whether one of those that a purge has to clean still mentions an address.

By reading of its own. It may know which columns hold files that are to be cleaned, not how they are. Two ways: all of
them (the patrol), or those that the purge has not read for this request (at once): what it has read is noted by ranges
of rows, and a range whose files are others than it noted is read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import models
from django.db.models import Q

from purge.choices import IdentifierKind
from purge.hashing import keyed_hash
from purge.models import FileReading, PurgeRequest, UnopenedFile
from purge.proof.opening.looking import Looker, Seen
from purge.rules import EraseFile
from purge.rules.registry import ModelEntry, get_registry
from purge.sandbox.unopened import Unopened

#: Rows that are fetched together.
FETCHED = 2_000


@dataclass(frozen=True)
class FileMention:
    """A stored file that mentions addresses, or could not be opened: where its name stands, whose it is, the keys
    with the identities that each mention can be, and the kinds of what could not be read in it. ``stays``: it is
    somebody's own (:attr:`purge.rules.EraseFile.listed`)."""

    table: str
    column: str
    row: str
    account_id: int | None
    written: Mapping[str, Collection[frozenset[str]]]
    unopened: frozenset[Unopened] = frozenset()
    stays: bool = False

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.written)


#: From the path to a row's account: the condition that it is one that has to be clean.
Where = Callable[[str | None], Q]


def mentions_in_files(where: Where) -> Iterator[FileMention]:
    """Every file of these accounts that mentions an address or could not be opened, with all addresses in it; also of
    those that stay."""
    with Looker() as looker:
        for entry, fields in _file_fields(lambda rule: rule.mentions or rule.listed):
            for file in _files(entry, fields, where):
                seen = file.look(looker)
                if seen.addresses or seen.unopened:
                    yield file.mention(seen)


def mentions_in_unread_files(purge_request: PurgeRequest, where: Where, keys: frozenset[str]) -> Iterator[FileMention]:
    """The files of these accounts that mention one of the keys, among those that were not read for the request."""
    seed = _looked_for(purge_request)
    with Looker() as looker:
        for entry, fields in _file_fields(lambda rule: rule.mentions):
            ranges = list(
                FileReading.objects.filter(request=purge_request, model=entry.rules.model)
                .order_by("after")
                .values_list("after", "upto", "digest")
            )
            for number, files in groupby(_files(entry, fields, where), key=_range_of(ranges)):
                those = list(files)
                if number is not None and _digest(seed, those) == ranges[number][2]:
                    continue
                for file in those:
                    seen = file.look(looker).addresses
                    if found := {key: seen[key] for key in seen.keys() & keys}:
                        yield file.mention(Seen(found))


def note_unopened(purge_request: PurgeRequest, files: Iterable[FileMention]) -> None:
    """List for a request the files that could not be opened now, instead of those that were listed before; what went
    unopened stays listed."""
    listed = [
        UnopenedFile(
            request=purge_request,
            table=file.table,
            column=file.column,
            row=int(file.row),
            account_id=file.account_id,
            kind=kind,
        )
        for file in files
        for kind in sorted(file.unopened)
    ]
    purge_request.unopened_files.filter(erased=False).delete()
    UnopenedFile.across_accounts.bulk_create(listed, ignore_conflicts=True)


def _range_of(ranges: Sequence[tuple[int, int, str]]) -> Callable[[_File], int | None]:
    """The number of the range that a row is in, for rows in ascending order; None for one in no range."""
    position = 0

    def number(file: _File) -> int | None:
        nonlocal position
        while position < len(ranges) and ranges[position][1] < file.pk:
            position += 1
        return position if position < len(ranges) and ranges[position][0] < file.pk else None

    return number


def _looked_for(purge_request: PurgeRequest) -> str:
    captured = purge_request.identifiers.filter(kind=IdentifierKind.EMAIL)
    return keyed_hash("files", "\n".join(sorted(set(captured.values_list("value", flat=True)))))


def _digest(seed: str, files: Iterable[_File]) -> str:
    lines = [seed, *(f"{pk} {column} {name}" for pk, column, name in sorted((f.pk, f.field, f.name) for f in files))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# ---------------------------------------------------------------- which files


@dataclass(frozen=True)
class _File:
    entry: ModelEntry
    field: str
    pk: int
    account_id: int | None
    name: str

    def look(self, looker: Looker) -> Seen:
        stored = self.entry.model._meta.get_field(self.field)
        assert isinstance(stored, models.FileField)
        return looker.look(stored.storage, self.name)

    def mention(self, seen: Seen) -> FileMention:
        column = self.entry.columns[self.field]
        assert isinstance(column.rule, EraseFile)
        place = self.entry.table, column.column, str(self.pk), self.account_id
        return FileMention(*place, seen.addresses, seen.unopened, stays=column.rule.listed)


def _file_fields(which: Callable[[EraseFile], bool]) -> Iterator[tuple[ModelEntry, list[str]]]:
    for entry in get_registry().ordered:
        fields = [
            column.field.name
            for column in entry.columns.values()
            if isinstance(column.rule, EraseFile) and which(column.rule)
        ]
        if fields:
            yield entry, fields


def _files(entry: ModelEntry, fields: Sequence[str], where: Where) -> Iterator[_File]:
    """The stored files of a model's rows, by row: fetched a batch at a time, so that no cursor is open while they are
    read."""
    path = entry.rules.account
    stored = Q(pk__in=())
    for name in fields:
        stored |= Q(**{f"{name}__gt": ""})
    rows = entry.model._base_manager.filter(where(path), stored).order_by("pk").values_list("pk", path or "pk", *fields)
    after: Any = None
    while some := list((rows if after is None else rows.filter(pk__gt=after))[:FETCHED]):
        for pk, account_id, *names in some:
            for field, name in zip(fields, names, strict=True):
                if name:
                    yield _File(entry, field, pk, account_id if path else None, name)
        after = some[-1][0]
