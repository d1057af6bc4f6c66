"""The files of the purge log: chains of lines outside the database, each line bound to the one before by its hash.

One chain for each machine that writes for an installation, in a folder beside ``PURGE_JOURNAL``: named by installation,
machine and the moment it was begun, and continued by every process of that machine, one at a time under the file's
lock. A chain that has grown big is closed and the next one begun. What stands in a line is :mod:`purge.journal.lines`'s
business; here are order, wholeness and the disk.

The log may have several homes (``PURGE_JOURNAL`` names several places): the same files, byte for byte, in each. What is
written ahead has to be in all of them; an outcome in at least one, and the others are brought level by the next line.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from django.conf import settings

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, where one process at a time writes: a developer's
    fcntl = None

logger = logging.getLogger(__name__)

#: The format of the lines; 1 was one file without order or hashes.
VERSION: Final = 2
SUFFIX: Final = ".jsonl"
#: A chain that has grown so big is closed, and the next one begun.
MOST_BYTES = 32 * 1024 * 1024
#: A line and its way to the disk take milliseconds. Who waits longer for the lock refuses what the line was for.
LOCK_SECONDS = 10.0
#: What a home lacks of a file, at most, is added by whoever writes next; more is an operator's business.
MOST_FILLED: Final = 1024 * 1024
#: How much of a file's end is read first to find its last line.
_WINDOW = 64 * 1024


class ChainCut(OSError):
    """The disk took only a part of a line."""


class HomeAway(OSError):
    """One of several homes lacks a file of the log that another one has, cannot be reached, or tells otherwise."""

    def __init__(self, home: Path, why: str) -> None:
        super().__init__(f"{home}: {why}")
        self.home, self.why = home, why


@dataclass(frozen=True)
class Place:
    """Where a line stands: the name of its chain and its number there."""

    chain: str
    seq: int


@dataclass(frozen=True)
class Position:
    """How far a chain was read: bytes, number and hash of the last line. The beginning: ``Position()``."""

    offset: int = 0
    seq: int = 0
    digest: str = ""


@dataclass(frozen=True)
class ChainLine:
    """A line that continues its chain. ``torn``: pieces before it that a crash cut off and that were passed over."""

    seq: int
    event: str
    data: dict[str, Any]
    torn: int = 0


@dataclass(frozen=True)
class Damage:
    """What stands between ``after`` (the number of the last good line) and the next good one is no chain.

    ``line``: the number of the text line in the file, counted from where the reading began.
    """

    after: int
    line: int
    why: str


# ---------------------------------------------------------------- places


def named() -> tuple[Path, ...]:
    """What ``PURGE_JOURNAL`` names: one path, or several."""
    said = settings.PURGE_JOURNAL
    return tuple(dict.fromkeys(map(Path, [said] if isinstance(said, str | os.PathLike) else said)))


def homes() -> tuple[Path, ...]:
    """The folders that each hold the whole log: beside the one file of the earlier format, or the folders that
    ``PURGE_JOURNAL`` names."""
    return tuple(path.with_name(path.name + ".d") if path.suffix or path.is_file() else path for path in named())


def folder() -> Path:
    """The first home."""
    return homes()[0]


def machine() -> str:
    """This machine's name as it stands in the names of files."""
    name = str(settings.PURGE_JOURNAL_WRITER or socket.gethostname())
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40] or "machine"


def chain_names(installation: uuid.UUID | None = None) -> list[str]:
    """The names of the chains in all homes, oldest first; of one installation or of all. Raises OSError where no home
    can be looked at."""
    found, looked, refused = set[str](), 0, None
    for home in homes():
        try:
            found |= names_in(home, installation)
            looked += 1
        except FileNotFoundError:
            continue
        except OSError as error:
            refused = error
    if refused is not None and not looked:
        raise refused
    return sorted(found, key=_age)


def names_in(home: Path, installation: uuid.UUID | None = None) -> set[str]:
    """The names of the chains in one home. Raises OSError."""
    beginning = "" if installation is None else f"{installation.hex}."
    with os.scandir(home) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(SUFFIX) and entry.name.startswith(beginning)]
    return {name.removesuffix(SUFFIX) for name in names if name.count(".") == 3}


def path_in(home: Path, chain: str) -> Path:
    return home / f"{chain}{SUFFIX}"


def path_of(chain: str) -> Path:
    """The chain's file, in the home that has most of it."""
    places = [path_in(home, chain) for home in homes()]
    return places[0] if len(places) == 1 else max(places, key=_size)


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return -1


def _age(name: str) -> tuple[str, str]:
    return name.rpartition(".")[2], name


# ---------------------------------------------------------------- writing


@dataclass(frozen=True)
class _Tail:
    """The end of a file. ``whole``: bytes up to its last line's end; what follows is a line that a crash cut.
    ``usable``: whether the chain may be continued."""

    size: int
    whole: int
    seq: int = 0
    digest: str = ""
    usable: bool = True

    @property
    def torn(self) -> bool:
        return self.whole < self.size


@dataclass
class _Copy:
    """A chain's file in one home, open and locked."""

    home: Path
    descriptor: int
    tail: _Tail


#: What this process knows of the ends of files, by device and inode; true while the size is the same.
_tails: dict[tuple[int, int], _Tail] = {}
#: The chain that this process writes to, by homes and installation.
_current: dict[tuple[tuple[Path, ...], uuid.UUID], str] = {}


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


def begin(installation: uuid.UUID, **facts: Any) -> str:
    """Begin a chain whatever there is; its name. ``facts`` stand in its first line. Raises OSError."""
    with locked(_folder_lock()):
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
        tail = _write_all(copies, line, to_disk=to_disk)
        return Place(chain, tail.seq)


def _open_all(opened: ExitStack, chain: str) -> tuple[list[_Copy], list[HomeAway]]:
    """The chain's files in all homes, locked in their order, and the homes without it. With one home, or where all of
    them fail alike, raises what the system says."""
    copies: list[_Copy] = []
    refused: list[tuple[Path, OSError]] = []
    for home in homes():
        try:
            descriptor = opened.enter_context(locked(os.open(path_in(home, chain), os.O_RDWR | os.O_APPEND)))
            if os.fstat(descriptor).st_nlink == 0:
                raise FileNotFoundError(chain)
            copies.append(_Copy(home, descriptor, _tail_of(descriptor)))
        except OSError as error:
            refused.append((home, error))
    if not copies:
        others = [error for _home, error in refused if not isinstance(error, FileNotFoundError)]
        raise others[0] if others else refused[0][1]
    return copies, [HomeAway(home, type(error).__name__) for home, error in refused]


def _level(copies: list[_Copy], away: list[HomeAway]) -> None:
    """Bring the copies to one length, the longest first; one that cannot be is among those away then.

    What a crash cut off in one of several homes is cut away: it was in none of the others, so nothing was done upon it.
    """
    if len(copies) < 2:
        return
    for copy in copies:
        if copy.tail.torn:
            os.ftruncate(copy.descriptor, copy.tail.whole)
            copy.tail = replace(copy.tail, size=copy.tail.whole)
    copies.sort(key=lambda copy: -copy.tail.size)
    for copy in copies[1:]:
        try:
            _fill(copies[0], copy)
        except OSError as error:
            copies.remove(copy)
            away.append(error if isinstance(error, HomeAway) else HomeAway(copy.home, type(error).__name__))


def level(chain: str) -> None:
    """Fill the homes that lack the end of a chain, as whoever writes to it next would. Raises OSError."""
    if len({_size(path_in(home, chain)) for home in homes()}) > 1:
        with ExitStack() as opened:
            copies, away = _open_all(opened, chain)
            _level(copies, away)


def _fill(longest: _Copy, copy: _Copy) -> None:
    """Add what one copy lacks of the other, if it is its beginning and not much is missing. Raises OSError."""
    before, missing = copy.tail.size, longest.tail.size - copy.tail.size
    start = max(0, before - _WINDOW)
    # The last line before it is bound to all that stand before.
    same = os.pread(longest.descriptor, before - start, start) == os.pread(copy.descriptor, before - start, start)
    if not same:
        raise HomeAway(copy.home, "it tells otherwise than another home: see purge_journal verify")
    if not missing:
        return
    if missing > MOST_FILLED:
        raise HomeAway(copy.home, "too much is missing in it: type manage.py purge_journal copy")
    try:
        _write_bytes(copy.descriptor, os.pread(longest.descriptor, missing, before))
        os.fsync(copy.descriptor)
    except OSError:
        _take_back(copy)
        raise
    copy.tail = longest.tail


def _write_all(copies: list[_Copy], line: dict[str, Any], *, to_disk: bool) -> _Tail:
    """One line in every copy, or in none: an outcome (not ``to_disk``) in all that take it. Raises OSError."""
    written: list[_Tail] = []
    refusal: OSError | None = None
    for number, copy in enumerate(copies):
        try:
            written.append(_write(copy.descriptor, copy.tail, line, to_disk=to_disk))
        except OSError as error:
            refusal = refusal or error
            if to_disk:
                for earlier in copies[:number]:
                    _take_back(earlier)
                raise
            logger.warning("purge log: one of its homes does not take a line (%s)", type(error).__name__)
    if not written:
        assert refusal is not None
        raise refusal
    return written[0]


def _take_back(copy: _Copy) -> None:
    """As it was before. Where that fails too, it is a line that nothing confirms, and the others are filled with it."""
    status = os.fstat(copy.descriptor)
    _tails.pop((status.st_dev, status.st_ino), None)
    with contextlib.suppress(OSError):
        os.ftruncate(copy.descriptor, copy.tail.size)


def _chain_to_continue(installation: uuid.UUID) -> str:
    """This machine's newest chain, if it can be continued; else a new one."""
    with locked(_folder_lock()):
        mine = [name for name in chain_names(installation) if name.split(".")[1] == machine()]
        if mine:
            newest = mine[-1]
            path = path_of(newest)
            with contextlib.suppress(FileNotFoundError), locked(os.open(path, os.O_RDWR | os.O_APPEND)) as opened:
                tail = _tail_of(opened)
                if tail.usable and tail.seq:
                    return newest
                return _begin(installation, {"after": [newest, tail.digest]})
        return _begin(installation, {})


def _folder_lock() -> int:
    """The lock for beginning a chain, in the first home that there is. Two processes that see other homes may begin one
    each, which does no harm."""
    refused: OSError | None = None
    for home in [home for home in homes() if home.is_dir()] or [make_home(folder())]:
        try:
            return os.open(home / "begin.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def make_home(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    flush_folder(home.parent)
    return home


def _begin(installation: uuid.UUID, facts: dict[str, Any]) -> str:
    """A new chain in every home. Raises OSError, with no file of it left."""
    _see_all_homes()
    chain = f"{installation.hex}.{machine()}.{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}"
    line = {"event": "begun", "at": _now(), "installation": str(installation), "machine": machine(), **facts}
    made: list[Path] = []
    try:
        for home in homes():
            path = path_in(home, chain)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            made.append(path)
            with locked(descriptor) as opened:
                _write(opened, _Tail(0, 0), line, to_disk=True)
            flush_folder(home)
    except OSError:
        for path in made:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return chain


def _see_all_homes() -> None:
    """Raises :class:`HomeAway` for a home without a file that another one has: it is not mounted, perhaps. Where no
    home has any, all are made."""
    if len(homes()) < 2:
        return
    names = set(chain_names())
    for home in homes():
        if not names:
            make_home(home)
        elif missing := names - (names_in(home) if home.is_dir() else set()):
            raise HomeAway(home, f"{len(missing)} files are missing in it: type manage.py purge_journal copy")


def _write(descriptor: int, tail: _Tail, line: dict[str, Any], *, to_disk: bool) -> _Tail:
    """One line after the tail. The caller holds the lock. Raises OSError, with the file as it was where possible."""
    text = {"v": VERSION, "seq": tail.seq + 1, "prev": tail.digest, **line}
    data = json.dumps(text, separators=(",", ":"), ensure_ascii=True).encode()
    # What a crash cut off stays as a line of its own, which no reader can take for another.
    whole = (b"\n" if tail.torn else b"") + data + b"\n"
    status = os.fstat(descriptor)
    try:
        _write_bytes(descriptor, whole)
        if to_disk:
            os.fsync(descriptor)
    except OSError:
        _tails.pop((status.st_dev, status.st_ino), None)
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, tail.size)
        raise
    size = tail.size + len(whole)
    after = _Tail(size, size, tail.seq + 1, _digest(data), usable=line["event"] != "closed")
    _tails[status.st_dev, status.st_ino] = after
    return after


def _write_bytes(descriptor: int, data: bytes) -> None:
    """Raises :class:`ChainCut` when the disk took a part only: a line that is written in two is no line meanwhile."""
    if os.write(descriptor, data) != len(data):
        raise ChainCut("the disk took only a part")


def _tail_of(descriptor: int) -> _Tail:
    """The end of a locked file, from memory while nobody else has written."""
    status = os.fstat(descriptor)
    size = status.st_size
    known = _tails.get((status.st_dev, status.st_ino))
    if known is not None and known.size == size:
        return known
    window = _WINDOW
    while True:
        start = max(0, size - window)
        lines = os.pread(descriptor, size - start, start).split(b"\n")
        # The first may be the end of a longer one.
        whole = lines[:-1] if start == 0 else lines[1:-1]
        if whole or start == 0:
            break
        window *= 8
    end = size - len(lines[-1])
    if not whole:
        return _Tail(size, end, usable=not size)
    last = _decode(whole[-1])
    if last is None:
        # A whole line that is none was not cut by a crash: what it was is unknown, so nothing can follow it.
        return _Tail(size, end, usable=False)
    return _Tail(size, end, last["seq"], _digest(whole[-1]), usable=last["event"] != "closed")


@contextlib.contextmanager
def locked(descriptor: int, *, shared: bool = False) -> Iterator[int]:
    """The open file, locked; closed at the end. Raises TimeoutError when somebody else holds it for too long."""
    try:
        _lock(descriptor, shared=shared)
        try:
            yield descriptor
        finally:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, shared: bool) -> None:
    if fcntl is None:
        return
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, kind)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise TimeoutError("another process holds the purge log") from None
        time.sleep(0.002)


def flush_folder(path: Path) -> None:
    """A new file's name is on the disk when its folder is."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat()


# ---------------------------------------------------------------- reading


def size_of(chain: str) -> int | None:
    """Bytes that the chain's file has now; None when it is not there."""
    with contextlib.suppress(FileNotFoundError):
        return path_of(chain).stat().st_size
    return None


def settle(chain: str) -> int:
    """Force a chain to the disk; how many bytes of it nobody is writing any more. Raises OSError."""
    with locked(os.open(path_of(chain), os.O_RDWR), shared=True) as descriptor:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size


def read(
    chain: str, start: Position, size: int, *, settled: bool, installation: uuid.UUID | None = None
) -> Iterator[tuple[Position, ChainLine | Damage]]:
    """:func:`read_file` of the home that has most of the chain."""
    return read_file(path_of(chain), start, size, settled=settled, installation=installation)


def read_file(
    path: Path, start: Position, size: int, *, settled: bool, installation: uuid.UUID | None = None
) -> Iterator[tuple[Position, ChainLine | Damage]]:
    """What stands between ``start`` and ``size`` bytes, each with the position after it; no more than a line in memory.

    A line that a crash cut is passed over when the next one continues the chain without it, and waited for at the end.
    ``settled``: nobody is writing before ``size``, so a whole line at the end that is none is damage. ``installation``:
    to which a chain that is read from its beginning has to belong.
    """
    position, offset, unread, number = start, start.offset, 0, 0
    with path.open("rb") as file:
        file.seek(offset)
        while offset < size:
            raw = file.readline()
            if not raw.endswith(b"\n"):
                break
            offset += len(raw)
            number += 1
            data = _decode(raw[:-1])
            if data is None:
                unread += 1
                continue
            if (why := _why(position, data, unread, installation)) is not None:
                yield position, Damage(position.seq, number - bool(unread), why)
                unread = 0
            position = Position(offset, data["seq"], _digest(raw[:-1]))
            yield position, ChainLine(data["seq"], data["event"], data, unread)
            unread = 0
    if unread and settled:
        end = Position(offset, position.seq, position.digest)
        yield end, Damage(position.seq, number, "its last line cannot be read")


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


def _decode(raw: bytes) -> dict[str, Any] | None:
    """A line of this format, or None."""
    try:
        data = json.loads(raw)
    except ValueError:
        return None
    fits = isinstance(data, dict) and data.get("v") == VERSION and isinstance(data.get("event"), str)
    return data if fits and isinstance(data.get("seq"), int) and isinstance(data.get("prev"), str) else None


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
