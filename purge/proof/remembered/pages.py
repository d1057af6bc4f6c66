"""Whether the bytes of the database's files still hold addresses that were purged: read page by page, as they lie.

PostgreSQL: a deleted row stays in its page until the space is used again, its value in the indexes until these are made
anew. So each place of an at-sign in the files is looked at: what stands around it is cut into all the addresses that it
may be (a length, or another value, may stand next to it without a gap), and these are compared with the keyed hashes of
what was purged, which is all that is known of it; or with an address that somebody has typed.

What lies in a row that is there is that row's, which the verification judges; and an index may say what a row says.
Everything else is left over. Values that are compressed, or cut in two, say nothing here: of a table that was written
anew they need not, since its new files hold rows that are there alone.

SQLite's one file has gaps of rows and free pages, which it overwrites but for some (:mod:`.sqlite_file`); what a cell
of an index says stands in a row that is there.
"""

from __future__ import annotations

import re
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db import DatabaseError, connection, transaction

from purge.addresses import address_key
from purge.database import dialect_of
from purge.models import PurgeRequest
from purge.proof.remembered.sqlite_file import Page, Root, read
from purge.proof.report import check_key
from purge.proof.texts import wanted_by

#: Pages that are fetched at once.
TOGETHER: Final = 256
#: Surroundings of which it is remembered what they are.
_REMEMBERED: Final = 200_000
#: How much of a name, and of a host, is looked at.
_LONGEST_LOCAL, _LONGEST_DOMAIN = 64, 80
_BEFORE: Final = re.compile(rb"[^\x00-\x20\x7f@\"<>(),;:\[\]]{1,%d}\Z" % _LONGEST_LOCAL)
_BEHIND: Final = re.compile(rb"(?:[A-Za-z0-9\x80-\xff-]{1,63}\.)+[A-Za-z0-9\x80-\xff-]{2,63}")
_HEADER: Final = struct.Struct("<8xHHHHHHI")
_HEADER_SIZE, _POINTER_SIZE, _NORMAL = 24, 4, 1
#: Of a row's head: by whom it was deleted, and what is known of that and of who made it.
_DELETED_BY, _KNOWN = struct.Struct("<4xI"), struct.Struct("<20xH")
_DELETION_VOID, _ONLY_LOCKED, _MADE, _MADE_VOID = 0x0800, 0x0080, 0x0100, 0x0200

_RELATIONS: Final = """
SELECT c.oid::bigint, n.nspname || '.' || c.relname, c.relkind::text, coalesce(i.indrelid, t.oid, c.oid)::bigint,
  pg_catalog.pg_relation_filepath(c.oid), pg_catalog.pg_relation_size(c.oid)::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_class t ON c.relkind = 't' AND t.reltoastrelid = c.oid
WHERE c.relkind IN ('r', 'm', 't', 'i') AND NOT c.relisshared AND c.relpersistence <> 't'
ORDER BY c.relkind = 'i', n.nspname = 'pg_catalog', 2
"""
_READS: Final = "pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)"
_MAY_READ: Final = f"SELECT pg_catalog.has_function_privilege('{_READS}', 'EXECUTE')"
_SIZES: Final = (
    "SELECT current_setting('block_size')::int, (SELECT setting::bigint FROM pg_catalog.pg_settings "
    "WHERE name = 'segment_size')"
)
#: Of SQLite's file; and how pages are called that are no tree's.
_TREES: Final = "SELECT name, type, rootpage FROM sqlite_master WHERE rootpage > 0 ORDER BY rootpage"
_FREE_PAGES: Final = "free pages"
#: It holds samples of every table's values.
_STATISTICS: Final = frozenset({"pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data"})


class Lies(StrEnum):
    """Where an address lies."""

    IN_ROW = "row"
    HEAP = "heap"
    INDEX = "index"
    FREE = "free"


@dataclass(frozen=True)
class Relation:
    """``table``: the number of the table whose it is, its own where it is one."""

    number: int
    name: str
    kind: str
    table: int
    path: str
    size: int


@dataclass(frozen=True)
class Mentions:
    """How often purged addresses lie in the files of one relation. ``rows``: in rows that are there, and in an index on
    them; ``heap``, ``index``: in what is left over; ``free``: in the unused middle of a page."""

    relation: str
    rows: int = 0
    heap: int = 0
    index: int = 0
    free: int = 0

    @property
    def left(self) -> int:
        return self.heap + self.index + self.free


@dataclass(frozen=True)
class Looked:
    """``pages``: how many were read; ``reached``: False where this role may not read the server's files, or the server
    lets nobody (a managed one), or SQLite has no file; ``busy``: somebody reads SQLite's log, so that it has a part."""

    found: tuple[Mentions, ...] = ()
    pages: int = 0
    reached: bool = True
    busy: bool = False

    @property
    def left(self) -> int:
        return sum(each.left for each in self.found)


def look(
    requests: Sequence[PurgeRequest], typed: Collection[str] = (), told: Callable[[str], None] | None = None
) -> Looked:
    """Read the files of all relations. ``typed``: addresses to look for besides; ``told`` is given the name of each
    relation before it is read. Raises :class:`~purge.proof.report.CouldNotLook`.
    """
    check_key(requests)
    if dialect_of(connection).rewriting() is None:
        return _look_at_one_file(_Recognised(requests, typed))
    if not _may_read():
        return Looked(reached=False)
    recognised = _Recognised(requests, typed)
    ((block, segment),) = _rows(_SIZES)
    living: dict[int, set[str]] = defaultdict(set)
    found: list[Mentions] = []
    pages = 0
    for relation in [Relation(*row) for row in _rows(_RELATIONS)]:
        if told is not None:
            told(relation.name)
        lies: Counter[Lies] = Counter()
        for page in _pages(relation, block, segment):
            pages += 1
            if b"@" in page:
                lies.update(_in_page(relation, page, recognised, living))
        if lies:
            found.append(
                Mentions(relation.name, *(lies[each] for each in (Lies.IN_ROW, Lies.HEAP, Lies.INDEX, Lies.FREE)))
            )
    return Looked(tuple(found), pages)


def _look_at_one_file(recognised: _Recognised) -> Looked:
    """SQLite's. While a reader of it is open nobody moves anything from its log into it."""
    dialect = dialect_of(connection)
    path = next((file for _number, name, file in dialect.rows("PRAGMA database_list") if name == "main"), "")
    if not path:
        return Looked(reached=False)
    if not dialect.truncate_log():
        return Looked(busy=True)
    with transaction.atomic(using=connection.alias):
        roots = [Root(1, "sqlite_schema", is_index=False)]
        roots += [Root(page, name, kind == "index") for name, kind, page in _rows(_TREES)]
        found: dict[str, Counter[Lies]] = defaultdict(Counter)
        pages = 0
        for page in read(path, roots):
            pages += 1
            found[page.relation or _FREE_PAGES].update(_in_page_of_sqlite(page, recognised))
    kinds = (Lies.IN_ROW, Lies.HEAP, Lies.INDEX, Lies.FREE)
    mentions = (Mentions(name, *(lies[kind] for kind in kinds)) for name, lies in sorted(found.items()) if lies)
    return Looked(tuple(mentions), pages)


def _in_page_of_sqlite(page: Page, recognised: _Recognised) -> Iterator[Lies]:
    for at in _at_signs(page.content):
        if not recognised.around(page.content, at):
            continue
        if page.is_of_a_row(at):
            yield Lies.IN_ROW
        elif page.is_room(at):
            yield Lies.FREE
        else:
            yield Lies.INDEX if page.is_index else Lies.HEAP


def _may_read() -> bool:
    """Whether the files can be read; what is in memory is written into them."""
    ((may,),) = _rows(_MAY_READ)
    if not may:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
    except DatabaseError:
        return False
    return True


def _pages(relation: Relation, block: int, segment: int) -> Iterator[bytes]:
    sql = "SELECT pg_catalog.pg_read_binary_file(%s, %s, %s, true)"
    number = 0
    while number * block < relation.size:
        part, within = divmod(number, segment)
        path = f"{relation.path}.{part}" if part else relation.path
        together = min(TOGETHER, segment - within)
        try:
            with transaction.atomic(using=connection.alias):
                ((content,),) = _rows(sql, [path, within * block, together * block])
        except DatabaseError:
            return  # it has other files by now: they are the next look's
        if not content:
            return
        content = bytes(content)
        for start in range(0, len(content) - block + 1, block):
            yield content[start : start + block]
        number += together


# ---------------------------------------------------------------- one page


def _in_page(relation: Relation, page: bytes, recognised: _Recognised, living: dict[int, set[str]]) -> Iterator[Lies]:
    mentions = [(at, who) for at in _at_signs(page) if (who := recognised.around(page, at))]
    if not mentions:
        return
    _sum, _flags, lower, _upper, _special, _size, _prune = _HEADER.unpack_from(page)
    items = list(_items(page, lower))
    for at, who in mentions:
        item = next((start for start, length in items if start <= at < start + length), None)
        if item is None:
            yield Lies.FREE
        elif relation.kind == "i":
            yield Lies.IN_ROW if who <= living[relation.table] else Lies.INDEX
        elif not _is_there(page, item):
            yield Lies.HEAP
        elif relation.name in _STATISTICS:
            yield Lies.IN_ROW if who <= set().union(*living.values()) else Lies.HEAP
        else:
            living[relation.table] |= who
            yield Lies.IN_ROW


def _at_signs(page: bytes) -> Iterator[int]:
    at = page.find(b"@")
    while at >= 0:
        yield at
        at = page.find(b"@", at + 1)


def _items(page: bytes, lower: int) -> Iterator[tuple[int, int]]:
    """Where rows, or an index's entries, begin, and how long they are."""
    for place in range(_HEADER_SIZE, min(lower, len(page)) - _POINTER_SIZE + 1, _POINTER_SIZE):
        pointer = int.from_bytes(page[place : place + _POINTER_SIZE], "little")
        if (pointer >> 15) & 3 == _NORMAL:
            yield pointer & 0x7FFF, pointer >> 17


def _is_there(page: bytes, start: int) -> bool:
    """Whether nobody has deleted a row, as far as its head tells."""
    (deleted_by,) = _DELETED_BY.unpack_from(page, start)
    (known,) = _KNOWN.unpack_from(page, start)
    if known & _MADE_VOID and not known & _MADE:
        return False
    return deleted_by == 0 or bool(known & (_DELETION_VOID | _ONLY_LOCKED))


# ---------------------------------------------------------------- one place


class _Recognised:
    """Which purged addresses what stands around an at-sign may be."""

    def __init__(self, requests: Sequence[PurgeRequest], typed: Collection[str]) -> None:
        self._wanted = wanted_by(requests)
        self._typed = frozenset(map(address_key, typed))
        self._seen: dict[tuple[bytes, bytes], frozenset[str]] = {}

    def around(self, page: bytes, at: int) -> frozenset[str]:
        before = _BEFORE.search(page, max(0, at - _LONGEST_LOCAL), at)
        behind = _BEHIND.match(page, at + 1, at + 1 + _LONGEST_DOMAIN)
        if before is None or behind is None:
            return frozenset()
        place = before.group(), behind.group()
        if place not in self._seen:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[place] = frozenset(key for key in _may_be(*place) if self._is_wanted(key))
        return self._seen[place]

    def _is_wanted(self, key: str) -> bool:
        return key in self._typed or bool(self._wanted.who(key))


def _may_be(before: bytes, behind: bytes) -> Iterator[str]:
    """The search keys of all addresses that end and begin with these, which may be cut off anywhere."""
    local, domain = before.decode("utf-8", "ignore"), behind.decode("utf-8", "ignore")
    first = domain.index(".") + 3 if "." in domain else len(domain) + 1
    plain = local.isascii() and domain.isascii()
    for start in range(len(local)):
        for end in range(first, len(domain) + 1):
            written = f"{local[start:]}@{domain[:end]}"
            yield written.lower() if plain else address_key(written)


def _rows(sql: str, params: Sequence[Any] = ()) -> list[Any]:
    return dialect_of(connection).rows(sql, params)
