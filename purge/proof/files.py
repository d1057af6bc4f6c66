"""Looking into stored files: whether one of those that a purge has to clean still mentions an address.

By reading of its own. It may know which columns hold files that are to be cleaned, not how they are. Two ways: all of
them (the patrol), or those that the purge has not read for this request (at once): what it has read is noted by ranges
of rows, and a range whose files are others than it noted is read again.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import models
from django.db.models import Q

from purge.addresses import emails_in
from purge.choices import IdentifierKind
from purge.hashing import keyed_hash
from purge.models import FileReading, PurgeRequest
from purge.rules import EraseFile
from purge.rules.registry import ModelEntry, get_registry

READ = 131_072
#: Rows that are fetched together.
FETCHED = 2_000
#: A text without any break is cut after so many characters.
UNBROKEN = 1_000_000


@dataclass(frozen=True)
class FileMention:
    """A stored file that mentions addresses: where its name stands, whose it is, and the keys."""

    table: str
    column: str
    row: str
    account_id: int | None
    keys: frozenset[str]


#: From the path to a row's account: the condition that it is one that has to be clean.
Where = Callable[[str | None], Q]


def mentions_in_files(where: Where) -> Iterator[FileMention]:
    """Every such file of these accounts, with all addresses in it."""
    for entry, fields in _file_fields():
        for file in _files(entry, fields, where):
            if (found := file.addresses()) is not None and found:
                yield file.mention(found)


def mentions_in_unread_files(purge_request: PurgeRequest, where: Where, keys: frozenset[str]) -> Iterator[FileMention]:
    """The files of these accounts that mention one of the keys, among those that were not read for the request."""
    seed = _looked_for(purge_request)
    for entry, fields in _file_fields():
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
                if found := file.addresses() & keys:
                    yield file.mention(found)


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

    def addresses(self) -> frozenset[str]:
        stored = self.entry.model._meta.get_field(self.field)
        assert isinstance(stored, models.FileField)
        if not stored.storage.exists(self.name):
            return frozenset()
        with stored.storage.open(self.name, "rb") as content:
            return frozenset(key for text in texts_of(content) for key in emails_in(text))

    def mention(self, keys: Iterable[str]) -> FileMention:
        column = self.entry.columns[self.field].column
        return FileMention(self.entry.table, column, str(self.pk), self.account_id, frozenset(keys))


def _file_fields() -> Iterator[tuple[ModelEntry, list[str]]]:
    for entry in get_registry().ordered:
        fields = [
            column.field.name
            for column in entry.columns.values()
            if isinstance(column.rule, EraseFile) and column.rule.mentions
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


# ---------------------------------------------------------------- reading


def texts_of(content: Any) -> Iterator[str]:
    """A file's text in every encoding that it may be in, in parts that do not cut an address in two."""
    block = content.read(READ)
    readers = [_Reader(encoding) for encoding in _encodings(block[:4_096])]
    while block:
        following = content.read(READ)
        told: set[str] = set()
        for reader in readers:
            text = reader.text(block, last=not following)
            if text and text not in told:
                told.add(text)
                yield text
        block = following


def _encodings(head: bytes) -> Sequence[str]:
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return (encoding,)
    one_byte = ("utf-8", "cp1252")
    return (*one_byte, "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be") if b"\0" in head else one_byte


class _Reader:
    def __init__(self, encoding: str) -> None:
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")
        self.held = ""

    def text(self, block: bytes, *, last: bool) -> str:
        """What has been read up to the last place where no address can stand; the rest waits for what follows."""
        text = self.held + self.decoder.decode(block, last)
        cut = len(text) if last else _last_break(text)
        self.held = text[cut:]
        return text[:cut]


def _last_break(text: str) -> int:
    for place in range(len(text) - 1, -1, -1):
        # A line that ends with "=" goes on in the next (quoted-printable).
        if text[place] in " \t\r\n" and text[max(place - 3, 0) : place].rstrip()[-1:] not in ("=", ""):
            return place + 1
    return len(text) if len(text) > UNBROKEN else 0
