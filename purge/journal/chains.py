"""The files of the purge log: chains of lines outside the database, each line bound to the one before by its hash.

One chain for each machine that writes for an installation, in a folder beside ``PURGE_JOURNAL``: named by installation,
machine and the moment it was begun, and continued by every process of that machine, one at a time under the file's
lock. A chain that has grown big is closed and the next one begun. What stands in a line is :mod:`purge.journal.lines`'s
business; here are order, wholeness and the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
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

#: The format of the lines; 1 was one file without order or hashes.
VERSION: Final = 2
SUFFIX: Final = ".jsonl"
#: A chain that has grown so big is closed, and the next one begun.
MOST_BYTES = 32 * 1024 * 1024
#: A line and its way to the disk take milliseconds. Who waits longer for the lock refuses what the line was for.
LOCK_SECONDS = 10.0
#: How much of a file's end is read first to find its last line.
_WINDOW = 64 * 1024


class ChainCut(OSError):
    """The disk took only a part of a line."""


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


def folder() -> Path:
    """Where the chains are: beside the one file of the earlier format, or the folder that ``PURGE_JOURNAL`` names."""
    path = Path(settings.PURGE_JOURNAL)
    return path.with_name(path.name + ".d") if path.suffix or path.is_file() else path


def machine() -> str:
    """This machine's name as it stands in the names of files."""
    name = str(settings.PURGE_JOURNAL_WRITER or socket.gethostname())
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40] or "machine"


def chain_names(installation: uuid.UUID | None = None) -> list[str]:
    """The names of the chains in the folder, oldest first; of one installation or of all."""
    beginning = "" if installation is None else f"{installation.hex}."
    with contextlib.suppress(FileNotFoundError), os.scandir(folder()) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(SUFFIX) and entry.name.startswith(beginning)]
        return sorted((name.removesuffix(SUFFIX) for name in names if name.count(".") == 3), key=_age)
    return []


def path_of(chain: str) -> Path:
    return folder() / f"{chain}{SUFFIX}"


def _age(name: str) -> tuple[str, str]:
    return name.rpartition(".")[2], name


# ---------------------------------------------------------------- writing


@dataclass(frozen=True)
class _Tail:
    """The end of a file. ``torn``: bytes of a line that a crash cut. ``usable``: whether the chain may be continued."""

    size: int
    seq: int = 0
    digest: str = ""
    torn: bool = False
    usable: bool = True


#: What this process knows of the ends of files, by device and inode; true while the size is the same.
_tails: dict[tuple[int, int], _Tail] = {}
#: The chain that this process writes to, by folder and installation.
_current: dict[tuple[Path, uuid.UUID], Path] = {}


def append(installation: uuid.UUID, line: dict[str, Any], *, to_disk: bool) -> Place:
    """Append a line to this machine's chain. ``to_disk``: it is on the disk when this returns, else soon.

    Raises OSError when it could not be written; then nothing of it stays, or a torn end that the next line repairs.
    """
    key = (folder(), installation)
    while True:
        path = _current.get(key) or _chain_to_continue(installation)
        try:
            place = _append_to(path, line, to_disk)
        except FileNotFoundError:
            # Somebody has cleared the folder away.
            _current.pop(key, None)
            continue
        if place is not None:
            _current[key] = path
            return place
        _current.pop(key, None)


def begin(installation: uuid.UUID, **facts: Any) -> str:
    """Begin a chain whatever there is; its name. ``facts`` stand in its first line. Raises OSError."""
    with _locked(_folder_lock()):
        return _begin(installation, facts).name.removesuffix(SUFFIX)


def _append_to(path: Path, line: dict[str, Any], to_disk: bool) -> Place | None:
    """None when this chain is at its end and the line belongs into the next one."""
    with _locked(os.open(path, os.O_RDWR | os.O_APPEND)) as descriptor:
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError(path.name)
        tail = _tail_of(descriptor)
        if not tail.usable or tail.seq == 0:
            return None
        if tail.size >= MOST_BYTES:
            _write(descriptor, tail, {"event": "closed", "at": _now()}, to_disk=True)
            return None
        tail = _write(descriptor, tail, line, to_disk=to_disk)
        return Place(path.name.removesuffix(SUFFIX), tail.seq)


def _chain_to_continue(installation: uuid.UUID) -> Path:
    """This machine's newest chain, if it can be continued; else a new one."""
    with _locked(_folder_lock()):
        mine = [name for name in chain_names(installation) if name.split(".")[1] == machine()]
        if mine:
            newest = path_of(mine[-1])
            with contextlib.suppress(FileNotFoundError), _locked(os.open(newest, os.O_RDWR | os.O_APPEND)) as opened:
                tail = _tail_of(opened)
                if tail.usable and tail.seq:
                    return newest
                return _begin(installation, {"after": [mine[-1], tail.digest]})
        return _begin(installation, {})


def _folder_lock() -> int:
    place = folder()
    if not place.is_dir():
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _flush_folder(place.parent)
    return os.open(place / "begin.lock", os.O_RDWR | os.O_CREAT, 0o600)


def _begin(installation: uuid.UUID, facts: dict[str, Any]) -> Path:
    start = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    path = path_of(f"{installation.hex}.{machine()}.{start}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        with _locked(descriptor) as opened:
            line = {"event": "begun", "at": _now(), "installation": str(installation), "machine": machine(), **facts}
            _write(opened, _Tail(0), line, to_disk=True)
        _flush_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return path


def _write(descriptor: int, tail: _Tail, line: dict[str, Any], *, to_disk: bool) -> _Tail:
    """One line after the tail. The caller holds the lock. Raises OSError, with the file as it was where possible."""
    text = {"v": VERSION, "seq": tail.seq + 1, "prev": tail.digest, **line}
    data = json.dumps(text, separators=(",", ":"), ensure_ascii=True).encode()
    # What a crash cut off stays as a line of its own, which no reader can take for another.
    whole = (b"\n" if tail.torn else b"") + data + b"\n"
    status = os.fstat(descriptor)
    try:
        if os.write(descriptor, whole) != len(whole):
            raise ChainCut("the disk took only a part of the line")
        if to_disk:
            os.fsync(descriptor)
    except OSError:
        _tails.pop((status.st_dev, status.st_ino), None)
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, tail.size)
        raise
    after = _Tail(tail.size + len(whole), tail.seq + 1, _digest(data), usable=line["event"] != "closed")
    _tails[status.st_dev, status.st_ino] = after
    return after


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
    torn = bool(lines[-1])
    if not whole:
        return _Tail(size, torn=torn, usable=not size)
    last = _decode(whole[-1])
    if last is None:
        # A whole line that is none was not cut by a crash: what it was is unknown, so nothing can follow it.
        return _Tail(size, torn=torn, usable=False)
    return _Tail(size, last["seq"], _digest(whole[-1]), torn=torn, usable=last["event"] != "closed")


@contextlib.contextmanager
def _locked(descriptor: int, *, shared: bool = False) -> Iterator[int]:
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


def _flush_folder(path: Path) -> None:
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
    with _locked(os.open(path_of(chain), os.O_RDWR), shared=True) as descriptor:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size


def read(
    chain: str, start: Position, size: int, *, settled: bool, installation: uuid.UUID | None = None
) -> Iterator[tuple[Position, ChainLine | Damage]]:
    """What stands between ``start`` and ``size`` bytes, each with the position after it; no more than a line in memory.

    A line that a crash cut is passed over when the next one continues the chain without it, and waited for at the end.
    ``settled``: nobody is writing before ``size``, so a whole line at the end that is none is damage. ``installation``:
    to which a chain that is read from its beginning has to belong.
    """
    position, offset, unread, number = start, start.offset, 0, 0
    with path_of(chain).open("rb") as file:
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


def earlier_lines() -> Iterator[dict[str, Any] | None]:
    """The lines of the one file that versions before wrote, oldest first; None for one that cannot be read."""
    path = Path(settings.PURGE_JOURNAL)
    if not path.is_file():
        path = path / f"purge{SUFFIX}"
        if not path.is_file():
            return
    with path.open("rb") as lines:
        for raw in lines:
            try:
                line = json.loads(raw)
            except ValueError:
                line = None
            yield line if isinstance(line, dict) else None
