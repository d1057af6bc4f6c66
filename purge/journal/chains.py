"""The purge log's chains: lines outside the database, each bound to the one before by its hash.

One chain for each machine that writes for an installation, in a folder beside ``PURGE_JOURNAL``: named by installation,
machine and the moment it was begun, and continued by every process of that machine, one at a time under the file's
lock. A chain that has grown big is closed and the next one begun. What stands in a line is :mod:`purge.journal.lines`'s
business; here are order and wholeness, and in :mod:`purge.journal.stores` the disk.

The log may have several homes (``PURGE_JOURNAL`` names several places): the same chains, byte for byte, in each. At
least one is a folder, where the locks are; others may be buckets. What is written ahead has to be in all of them; an
outcome in at least one folder, and the others are brought level by the next line.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from purge.bucket.place import is_place, place_of
from purge.journal.stores.bucket import Bucket
from purge.journal.stores.folder import SUFFIX, Folder, locked
from purge.journal.stores.home import (
    VERSION,
    Copy,
    Home,
    HomeAway,
    Piece,
    Position,
    Tail,
    decode,
    digest,
    pieces_of,
    tail_after,
    words_of,
)

logger = logging.getLogger(__name__)

#: A chain that has grown so big is closed, and the next one begun.
MOST_BYTES = 32 * 1024 * 1024
#: What a home lacks of a chain, at most, is added by whoever writes next; more is an operator's business.
MOST_FILLED: Final = 1024 * 1024


@dataclass(frozen=True)
class Place:
    """Where a line stands: the name of its chain and its number there."""

    chain: str
    seq: int


@dataclass(frozen=True)
class ChainLine:
    """A line that continues its chain. ``torn``: pieces before it that a crash cut off and that were passed over."""

    seq: int
    event: str
    data: dict[str, Any]
    torn: int = 0


@dataclass(frozen=True)
class Damage:
    """What follows line ``after`` does not continue the chain: nobody reads on there.

    ``behind``: where somebody who goes past it all the same reads on: at the next line that can be read, or the end.
    """

    after: int
    why: str
    behind: Position

    @property
    def line(self) -> int:
        """The number of the line from which on the chain cannot be read."""
        return self.after + 1


# ---------------------------------------------------------------- places


def _said() -> list[str | os.PathLike[str]]:
    said = settings.PURGE_JOURNAL
    return [said] if isinstance(said, str | os.PathLike) else list(said)


def named() -> tuple[Path, ...]:
    """The paths that ``PURGE_JOURNAL`` names."""
    return tuple(dict.fromkeys(Path(each) for each in _said() if not is_place(str(each))))


def folders() -> tuple[Folder, ...]:
    """The folders that each hold the whole log: beside the one file of the earlier format, or the folders that
    ``PURGE_JOURNAL`` names."""
    paths = (path.with_name(path.name + ".d") if path.suffix or path.is_file() else path for path in named())
    return tuple(map(Folder, paths))


def buckets() -> tuple[Bucket, ...]:
    """Those that hold it as well."""
    return tuple(dict.fromkeys(_bucket(str(each)) for each in _said() if is_place(str(each))))


@cache
def _bucket(url: str) -> Bucket:
    """One for each process, which remembers what it saw."""
    return Bucket(place_of(url))


def homes() -> tuple[Home, ...]:
    """Every place that holds the whole log, folders first: there are the locks, and a line there can be taken back."""
    if not folders():
        raise ImproperlyConfigured("PURGE_JOURNAL must name a folder beside its buckets.")
    return (*folders(), *buckets())


def folder() -> Path:
    """The first home."""
    return folders()[0].path


def machine() -> str:
    """This machine's name as it stands in the names of files."""
    name = str(settings.PURGE_JOURNAL_WRITER or socket.gethostname())
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40] or "machine"


def chain_names(installation: uuid.UUID | None = None, *, now: bool = False) -> list[str]:
    """The names of the chains in all homes, oldest first; of one installation or of all. Raises OSError where no home
    can be looked at. ``now``: not what was seen of a bucket within the last minute."""
    return _names_in(homes(), installation, now=now)


def _names_in(places: Iterable[Home], installation: uuid.UUID | None, *, now: bool = True) -> list[str]:
    found, looked, refused = set[str](), 0, None
    for home in places:
        try:
            found |= home.names(installation, now=now)
            looked += 1
        except FileNotFoundError:
            continue
        except OSError as error:
            refused = error
    if refused is not None and not looked:
        raise refused
    return sorted(found, key=_age)


def path_of(chain: str) -> Path:
    """The chain's file, in the folder that has most of it."""
    return max((home.file(chain) for home in folders()), key=_size)


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return -1


def sizes(chain: str, *, now: bool = False) -> dict[Home, int]:
    """Bytes of a chain in each home that has it, folders first. Raises OSError where none can be looked at."""
    found: dict[Home, int] = {}
    refused: OSError | None = None
    near: Tail | None = None
    for home in homes():
        try:
            found[home] = home.size(chain, near, now=now)
            near = home.tail(chain) if near is None and isinstance(home, Folder) and buckets() else near
        except FileNotFoundError:
            continue
        except OSError as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    return found


def longest(chain: str, *, now: bool = False) -> tuple[Home, int] | None:
    """The home that has most of a chain, a folder where it can be, and how much; None when there is none."""
    found = sizes(chain, now=now)
    return max(found.items(), key=lambda item: item[1]) if found else None


def is_only_begun(chain: str) -> bool:
    """Whether no home has more of it than the first line, which says nothing: some home refused it when it was to
    be begun."""
    return all(home.tail(chain).seq <= 1 for home in sizes(chain, now=True))


def _age(name: str) -> tuple[str, str]:
    return name.rpartition(".")[2], name


# ---------------------------------------------------------------- writing


#: The chain that this process writes to, by homes and installation.
_current: dict[tuple[tuple[Home, ...], uuid.UUID], str] = {}


def append(installation: uuid.UUID, line: dict[str, Any], *, to_disk: bool) -> Place:
    """Append a line to this machine's chain. ``to_disk``: it is on the disk of every home when this returns; else it is
    in one home at least, and on the disk soon.

    Raises OSError when it could not be written; then nothing of it stays, or a torn end that the next line repairs.
    """
    key = (homes(), installation)
    while True:
        chain = _current.get(key) or _chain_to_continue(installation)
        try:
            place = _append_to(chain, line, to_disk)
        except FileNotFoundError:
            # Somebody has cleared the folders away.
            _current.pop(key, None)
            continue
        if place is not None:
            _current[key] = chain
            return place
        _current.pop(key, None)


def close(chain: str) -> None:
    """Let nobody continue a chain, though its last line can be read: it is damaged before. Raises OSError."""
    with ExitStack() as opened:
        copies, away = _open_all(opened, chain)
        _level(copies, away)
        if copies[0].tail.usable and copies[0].tail.seq:
            _write_all(copies, {"event": "closed", "at": _now()}, to_disk=False)


def begin(installation: uuid.UUID, **facts: Any) -> str:
    """Begin a chain whatever there is; its name. ``facts`` stand in its first line. Raises OSError."""
    with locked(_beginning_lock()):
        return _begin(installation, facts)


def _append_to(chain: str, line: dict[str, Any], to_disk: bool) -> Place | None:
    """None when this chain is at its end and the line belongs into the next one."""
    with ExitStack() as opened:
        copies, away = _open_all(opened, chain)
        _level(copies, away)
        for refused in away:
            if to_disk:
                raise refused
            logger.warning("purge log: one of its homes does not take a line (%s)", refused)
        tail = copies[0].tail
        if not tail.usable or tail.seq == 0:
            return None
        if tail.size >= MOST_BYTES and not away:
            _write_all(copies, {"event": "closed", "at": _now()}, to_disk=True)
            return None
        return Place(chain, _write_all(copies, line, to_disk=to_disk).seq)


def _open_all(opened: ExitStack, chain: str) -> tuple[list[Copy], list[HomeAway]]:
    """The chain in all homes, locked in their order, and the homes without it. Where no folder has it, or can be
    locked, raises what the system says."""
    copies: list[Copy] = []
    refused: list[tuple[Home, OSError]] = []
    for home in homes():
        try:
            copies.append(opened.enter_context(home.hold(chain, copies[0].tail if copies else None)))
        except OSError as error:
            refused.append((home, error))
    if not _in_folders(copies):
        of_folders = [error for home, error in refused if isinstance(home, Folder)]
        raise next((error for error in of_folders if not isinstance(error, FileNotFoundError)), of_folders[0])
    return copies, [HomeAway(home, words_of(error)) for home, error in refused]


def _level(copies: list[Copy], away: list[HomeAway]) -> None:
    """Bring the copies to one length, the longest first; one that cannot be is among those away then.

    What a crash cut off in one of several homes is cut away: it was in none of the others, so nothing was done upon it.
    """
    if len(copies) < 2:
        return
    for copy in copies:
        if copy.tail.torn:
            copy.cut()
    order = copies[:]
    copies.sort(key=lambda copy: -copy.tail.size)
    for copy in copies[1:]:
        try:
            _fill(copies[0], copy)
        except OSError as error:
            copies.remove(copy)
            away.append(error if isinstance(error, HomeAway) else HomeAway(copy.home, type(error).__name__))
    # A bucket takes nothing back, so it is written to last; and how a chain ends is seen in a folder.
    copies.sort(key=order.index)
    if not _in_folders(copies):
        raise away[0]


def level(chain: str) -> None:
    """Fill the homes that lack the end of a chain, as whoever writes to it next would. Raises OSError."""
    found = sizes(chain)
    if len({found.get(home) for home in homes()}) > 1:
        with ExitStack() as opened:
            copies, away = _open_all(opened, chain)
            _level(copies, away)


def _fill(longest: Copy, copy: Copy) -> None:
    """Add what one copy lacks of the other, if it is its beginning and not much is missing. Raises OSError."""
    before, chain = copy.tail, longest.chain
    # The last line before it is bound to all that stand before.
    mine, theirs = (each.home.marks(chain, before) for each in (copy, longest))
    if before.size and (before.size not in theirs or are_unlike(mine, theirs)):
        raise HomeAway(copy.home, "it tells otherwise than another home: see purge_journal verify")
    missing = longest.tail.size - before.size
    if not missing:
        return
    if missing > MOST_FILLED:
        raise HomeAway(copy.home, "too much is missing in it: type manage.py purge_journal copy")
    lines = longest.home.read(chain, before.position, longest.tail.size)
    pieces = list(pieces_of(lines, before.position))
    try:
        for number, piece in enumerate(pieces, start=1):
            copy.append(piece, to_disk=number == len(pieces))
    except OSError:
        copy.take_back(before)
        raise


def are_unlike(one: dict[int, str], other: dict[int, str]) -> bool:
    """Whether two homes have another line that ends at the same byte."""
    return any(one[end] != other[end] for end in one.keys() & other.keys())


def _write_all(copies: list[Copy], line: dict[str, Any], *, to_disk: bool) -> Tail:
    """One line in every copy, or in none: an outcome (not ``to_disk``) in all that take it. Raises OSError."""
    before = copies[0].tail
    piece = _next(before, line)
    written: list[Copy] = []
    refusal: OSError | None = None
    for copy in copies:
        if refusal is not None and not written and not isinstance(copy.home, Folder):
            break  # no folder has it, and so a bucket gets none
        try:
            copy.append(piece, to_disk=to_disk)
            written.append(copy)
        except OSError as error:
            refusal = refusal or error
            if to_disk:
                for earlier in written:
                    earlier.take_back(before)
                raise
            logger.warning("purge log: one of its homes does not take a line (%s)", words_of(error))
    if not written:
        assert refusal is not None
        raise refusal
    return piece.tail


def _in_folders(copies: Iterable[Copy]) -> list[Copy]:
    return [copy for copy in copies if isinstance(copy.home, Folder)]


def _next(tail: Tail, line: dict[str, Any]) -> Piece:
    """The line after this end."""
    text = {"v": VERSION, "seq": tail.seq + 1, "prev": tail.digest, **line}
    data = json.dumps(text, separators=(",", ":"), ensure_ascii=True).encode()
    # What a crash cut off stays as a line of its own, which no reader can take for another.
    whole = (b"\n" if tail.torn else b"") + data + b"\n"
    return Piece(whole, tail_after(text, data, tail.size + len(whole)))


def _chain_to_continue(installation: uuid.UUID) -> str:
    """This machine's newest chain, if it can be continued; else a new one."""
    with locked(_beginning_lock()):
        mine = [name for name in _names_in(folders(), installation) if name.split(".")[1] == machine()]
        if mine:
            newest = mine[-1]
            home = max(folders(), key=lambda home: _size(home.file(newest)))
            with suppress(FileNotFoundError), home.hold(newest, None) as opened:
                tail = opened.tail
                if tail.usable and tail.seq and is_whole(home, newest, tail.whole, installation=installation):
                    return newest
                return _begin(installation, {"after": [newest, tail.digest]})
        return _begin(installation, {})


def _beginning_lock() -> int:
    """The lock for beginning a chain, in the first folder that there is. Two processes that see other folders may begin
    one each, which does no harm."""
    places = [home for home in folders() if home.is_there()]
    if not places:
        folders()[0].make()
        places = [folders()[0]]
    refused: OSError | None = None
    for home in places:
        try:
            return home.lock_beginning()
        except OSError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _begin(installation: uuid.UUID, facts: dict[str, Any]) -> str:
    """A new chain in every home. Raises OSError, with no file of it left."""
    _see_all_homes()
    chain = f"{installation.hex}.{machine()}.{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}"
    line = {"event": "begun", "at": _now(), "installation": str(installation), "machine": machine(), **facts}
    piece = _next(Tail(0, 0), line)
    made: list[Home] = []
    try:
        for home in homes():
            home.create(chain, piece)
            made.append(home)
    except OSError:
        for home in made:
            home.remove(chain)
        raise
    return chain


def _see_all_homes() -> None:
    """Raises :class:`HomeAway` for a home without a chain that another one has: it is not mounted, perhaps. Where no
    home has any, all are made."""
    if len(homes()) < 2:
        return
    names = set(chain_names(now=True))
    for home in homes():
        if not names:
            home.make()
            continue
        missing = [name for name in names - (home.names() if home.is_there() else set()) if not is_only_begun(name)]
        if missing:
            raise HomeAway(home, f"{len(missing)} files are missing in it: type manage.py purge_journal copy")


def _now() -> str:
    return datetime.now(UTC).isoformat()


# ---------------------------------------------------------------- reading


def size_of(chain: str) -> int | None:
    """Bytes that the chain has now in the home that has most of it; None when there is none. Raises OSError."""
    found = longest(chain)
    return None if found is None else found[1]


def settle(chain: str) -> int:
    """Force a chain to the disk; how many bytes of it nobody is writing any more. Raises OSError."""
    found = longest(chain)
    if found is None:
        raise FileNotFoundError(chain)
    home, size = found
    return size if isinstance(home, Bucket) else home.settle(chain)


def read(
    chain: str, start: Position, size: int, *, settled: bool, installation: uuid.UUID | None = None, past: int = 0
) -> Iterator[tuple[Position, ChainLine | Damage]]:
    """:func:`read_in` the home that has most of the chain; of a bucket what no folder has."""
    return read_in(_readable(chain, size), chain, start, size, settled=settled, installation=installation, past=past)


def is_whole(home: Home, chain: str, size: int, *, installation: uuid.UUID | None = None) -> bool:
    """Whether a home has one chain from its beginning to ``size`` bytes, each line bound to the one before."""
    end = 0
    for position, item in read_in([home], chain, Position(), size, settled=True, installation=installation):
        if isinstance(item, Damage):
            return False
        end = position.offset
    return end > 0


def _readable(chain: str, size: int) -> list[Home]:
    found = sizes(chain)
    of_folders = {home: has for home, has in found.items() if isinstance(home, Folder)}
    best = max(of_folders, key=lambda home: of_folders[home], default=None)
    if best is not None and (found[best] >= size or len(found) == len(of_folders)):
        return [best]
    others = [home for home in found if not isinstance(home, Folder)]
    return [home for home in (best, max(others, key=lambda home: found[home], default=None)) if home is not None]


def read_in(
    places: Iterable[Home],
    chain: str,
    start: Position,
    size: int,
    *,
    settled: bool,
    installation: uuid.UUID | None = None,
    past: int = 0,
) -> Iterator[tuple[Position, ChainLine | Damage]]:
    """What stands between ``start`` and ``size`` bytes, each with the position after it; little of it in memory.

    Read in the first of these homes, and where that ends, on in the next one. A line that a crash cut is passed over
    when the next one continues the chain without it, and waited for at the end. Any other line that does not continue
    the chain is the last that is told: as damage, with the position before it. ``settled``: nobody is writing before
    ``size``, so a whole line at the end that is none is damage. ``installation``: to which a chain that is read from
    its beginning has to belong. ``past``: damage that ends before so many bytes is told and stops nothing.
    """
    position, offset, unread = start, start.offset, 0
    for home in places:
        for raw in home.read(chain, Position(offset, position.seq), size):
            if not raw.endswith(b"\n"):
                break
            begins, offset = offset, offset + len(raw)
            data = decode(raw[:-1])
            if data is None:
                unread += 1
                continue
            after = Position(offset, data["seq"], digest(raw[:-1]))
            if (why := _why(position, data, unread, installation)) is not None:
                # A first line at fault says of all of the file that it is another one.
                behind = Position(begins, data["seq"] - 1, data["prev"]) if data["seq"] > 1 else after
                yield position, Damage(position.seq, why, behind)
                if not past or behind.offset > past:
                    return
                unread = 0
            position = after
            yield position, ChainLine(data["seq"], data["event"], data, unread)
            unread = 0
    if unread and settled:
        yield position, Damage(position.seq, "its last line cannot be read", replace(position, offset=offset))


def _why(position: Position, data: dict[str, Any], unread: int, installation: uuid.UUID | None) -> str | None:
    """Why this line does not continue the chain; None when it does."""
    if data["seq"] != position.seq + 1 or data["prev"] != position.digest:
        if unread:
            return "a line cannot be read"
        if data["seq"] != position.seq + 1:
            return f"line {data['seq']} follows line {position.seq}"
        return f"line {data['seq']} does not fit the line before it"
    if position.seq == 0:
        if data["event"] != "begun":
            return "its beginning is missing"
        if installation is not None and data.get("installation") != str(installation):
            return "it belongs to another installation"
    return None


# ---------------------------------------------------------------- the earlier format


def earlier_file(named: Path) -> Path:
    """The one file that versions before wrote, where ``PURGE_JOURNAL`` names this."""
    return named if named.is_file() or named.suffix else named / f"purge{SUFFIX}"


def earlier_lines() -> Iterator[dict[str, Any] | None]:
    """The lines of the one file that versions before wrote, oldest first; None for one that cannot be read."""
    path = next((path for path in map(earlier_file, named()) if path.is_file()), None)
    if path is None:
        return
    with path.open("rb") as lines:
        for raw in lines:
            try:
                line = json.loads(raw)
            except ValueError:
                line = None
            yield line if isinstance(line, dict) else None
