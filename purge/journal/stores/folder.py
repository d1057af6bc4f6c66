"""A folder as a home of the purge log: a file for each chain, one writer at a time under the file's lock."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Final

from purge.journal.stores.home import ChainCut, Piece, Position, Tail, decode, digest, tail_after

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, where one process at a time writes: a developer's
    fcntl = None

SUFFIX: Final = ".jsonl"
#: A line and its way to the disk take milliseconds. Who waits longer for the lock refuses what the line was for.
LOCK_SECONDS = 10.0
#: What is written to see whether a home takes a line, in bytes: more than most lines have.
PROBE_BYTES: Final = 16 * 1024
#: How much of a file's end is read first to find its last line, and is compared with another home's.
_WINDOW = 64 * 1024

#: What this process knows of the ends of files, by device and inode; true while the size is the same.
_tails: dict[tuple[int, int], Tail] = {}


@dataclass(frozen=True)
class Folder:
    """A :class:`purge.journal.stores.home.Home` on a disk."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def file(self, chain: str) -> Path:
        return self.path / f"{chain}{SUFFIX}"

    # ------------------------------------------------------------ the folder

    def is_there(self) -> bool:
        return self.path.is_dir()

    def make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        _flush(self.path.parent)

    def can_be_made(self) -> bool:
        """Makes nothing: whoever looks may be another user than the one who writes."""
        parent = next(parent for parent in self.path.parents if parent.exists())
        return os.access(parent, os.W_OK | os.X_OK)

    def probe(self) -> None:
        """Write, force to the disk and remove. Raises OSError."""
        path = self.path / f"probe.{uuid.uuid4().hex}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write(descriptor, b"-" * PROBE_BYTES)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()

    def names(self, installation: uuid.UUID | None = None, *, now: bool = True) -> set[str]:
        beginning = "" if installation is None else f"{installation.hex}."
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
        return {name.removesuffix(SUFFIX) for name in names if name.startswith(beginning) and name.count(".") == 3}

    # ------------------------------------------------------------ a chain

    def size(self, chain: str, near: Tail | None = None, *, now: bool = True) -> int:
        return self.file(chain).stat().st_size

    def tail(self, chain: str, near: Tail | None = None) -> Tail:
        descriptor = os.open(self.file(chain), os.O_RDONLY)
        try:
            return _tail_of(descriptor)
        finally:
            os.close(descriptor)

    def marks(self, chain: str, near: Tail) -> dict[int, str]:
        start = max(0, near.size - _WINDOW)
        with self.file(chain).open("rb") as file:
            file.seek(start)
            lines = file.read(near.size - start).split(b"\n")[:-1]
        found, end = {}, start
        for number, line in enumerate(lines):
            end += len(line) + 1
            # The first may be the end of a longer one.
            if number or not start:
                found[end] = digest(line)
        return found

    def read(self, chain: str, start: Position, size: int) -> Iterator[bytes]:
        offset = start.offset
        with self.file(chain).open("rb") as file:
            file.seek(offset)
            while offset < size and (raw := file.readline()):
                offset += len(raw)
                yield raw

    def settle(self, chain: str) -> int:
        with locked(os.open(self.file(chain), os.O_RDWR), shared=True) as descriptor:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size

    @contextlib.contextmanager
    def lock(self, chain: str) -> Iterator[None]:
        with contextlib.ExitStack() as opened:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                opened.enter_context(locked(os.open(self.file(chain), os.O_RDWR)))
            yield

    @contextlib.contextmanager
    def hold(self, chain: str, near: Tail | None) -> Iterator[_Held]:
        with locked(os.open(self.file(chain), os.O_RDWR | os.O_APPEND)) as descriptor:
            if os.fstat(descriptor).st_nlink == 0:
                raise FileNotFoundError(chain)
            yield _Held(self, chain, descriptor, _tail_of(descriptor))

    def lock_beginning(self) -> int:
        """An open file, to be locked by whoever begins a chain."""
        return os.open(self.path / "begin.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def create(self, chain: str, piece: Piece) -> None:
        descriptor = os.open(self.file(chain), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            with locked(descriptor) as opened:
                _Held(self, chain, opened, Tail(0, 0)).append(piece, to_disk=True)
            _flush(self.path)
        except OSError:
            self.remove(chain)
            raise

    def remove(self, chain: str) -> None:
        with contextlib.suppress(OSError):
            self.file(chain).unlink()

    def fill(self, chain: str, start: int, pieces: Iterable[Piece]) -> None:
        target = self.file(chain)
        if start:
            with target.open("ab") as file:
                file.truncate(start)
                _pour(file.fileno(), (piece.data for piece in pieces))
            return
        if not self.is_there():
            self.make()
        _make_whole(target, (piece.data for piece in pieces))


class _Held:
    """A chain's file, open and locked."""

    def __init__(self, home: Folder, chain: str, descriptor: int, tail: Tail) -> None:
        self.home, self.chain, self.descriptor, self.tail = home, chain, descriptor, tail

    def append(self, piece: Piece, *, to_disk: bool) -> None:
        try:
            _write(self.descriptor, piece.data)
            if to_disk:
                os.fsync(self.descriptor)
        except OSError:
            self.take_back(self.tail)
            raise
        self.tail = _tails[self._key] = piece.tail

    def take_back(self, tail: Tail) -> None:
        _tails.pop(self._key, None)
        with contextlib.suppress(OSError):
            os.ftruncate(self.descriptor, tail.size)

    def cut(self) -> None:
        os.ftruncate(self.descriptor, self.tail.whole)
        self.tail = replace(self.tail, size=self.tail.whole)

    @property
    def _key(self) -> tuple[int, int]:
        status = os.fstat(self.descriptor)
        return status.st_dev, status.st_ino


def _write(descriptor: int, data: bytes) -> None:
    """Raises :class:`ChainCut` when the disk took a part only: a line that is written in two is no line meanwhile."""
    if os.write(descriptor, data) != len(data):
        raise ChainCut("the disk took only a part")


def _pour(descriptor: int, parts: Iterable[bytes]) -> None:
    for part in parts:
        _write(descriptor, part)
    os.fsync(descriptor)


def copy_file(source: Path, target: Path) -> None:
    """A whole file, or none. Raises OSError."""
    if not target.parent.is_dir():
        Folder(target.parent).make()
    with source.open("rb") as file:
        _make_whole(target, iter(lambda: file.read(_WINDOW), b""))


def _make_whole(target: Path, parts: Iterable[bytes]) -> None:
    beside = target.with_name(f"{target.name}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _pour(descriptor, parts)
    finally:
        os.close(descriptor)
    beside.replace(target)
    _flush(target.parent)


def _tail_of(descriptor: int) -> Tail:
    """The end of a file, from memory while nobody else has written."""
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
        return Tail(size, end, usable=not size)
    last = decode(whole[-1])
    if last is None:
        # A whole line that is none was not cut by a crash: what it was is unknown, so nothing can follow it.
        return Tail(size, end, usable=False)
    return replace(tail_after(last, whole[-1], end), size=size)


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


def _flush(path: Path) -> None:
    """A new file's name is on the disk when its folder is."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
