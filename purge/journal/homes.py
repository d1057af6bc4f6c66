"""The homes of the purge log: whether each would take the next line, what one lacks of another, and filling it.

Said before the next purge has to be refused: at the start, in the night, on Home, by ``check`` and ``/healthz``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.installation.identity import installation
from purge.journal import chains
from purge.journal.chains import Damage, Position

logger = logging.getLogger(__name__)

#: What is written to see whether a home takes a line, in bytes: more than most lines have.
PROBE_BYTES: Final = 16 * 1024
#: How long an answer is believed, in seconds: that all is well, and that something is wrong.
WELL_SECONDS, WRONG_SECONDS = 30.0, 5.0
#: How much of the ends of two files a look compares, in bytes; all of them are compared by ``purge_journal verify``.
ENDS_COMPARED: Final = 64 * 1024
#: Bytes that are compared or copied at once.
_PART: Final = 1024 * 1024

UNWRITABLE, LACKS_FILES, TELLS_OTHERWISE = "unwritable", "lacks_files", "tells_otherwise"


@dataclass(frozen=True)
class HomeTrouble:
    """Why a home would not take the next line: nothing is accepted then. ``why``: the class of the system's error."""

    home: Path
    kind: str
    files: int = 0
    why: str = ""

    @property
    def text(self) -> str:
        """For operators, with what to do."""
        if self.kind == UNWRITABLE:
            text = _(
                "The purge log cannot be written to %(home)s (%(why)s): mount it, make room on its disk, or look at "
                "the rights of the folder. Nothing is accepted meanwhile."
            )
            return text % {"home": self.home, "why": self.why}
        if self.kind == LACKS_FILES:
            text = ngettext(
                "%(n)d file of the purge log is missing or much too short in %(home)s: mount it, or type manage.py "
                "purge_journal copy. Nothing is accepted meanwhile.",
                "%(n)d files of the purge log are missing or much too short in %(home)s: mount it, or type manage.py "
                "purge_journal copy. Nothing is accepted meanwhile.",
                self.files,
            )
        else:
            text = ngettext(
                "%(n)d file of the purge log in %(home)s tells otherwise than in another home: see manage.py "
                "purge_journal verify. Nothing is accepted meanwhile.",
                "%(n)d files of the purge log in %(home)s tell otherwise than in another home: see manage.py "
                "purge_journal verify. Nothing is accepted meanwhile.",
                self.files,
            )
        return text % {"n": self.files, "home": self.home}


# ---------------------------------------------------------------- before the next purge

_seen: tuple[float, tuple[Path, ...], tuple[HomeTrouble, ...]] | None = None


def home_troubles(*, now: bool = False) -> tuple[HomeTrouble, ...]:
    """What is wrong with each home; empty while the next line would be taken. ``now``: not as seen before.

    A home that does not exist yet is well where it can be made. Raises database errors.
    """
    global _seen
    homes = chains.homes()
    if _seen is not None and not now and _seen[1] == homes:
        believed = WRONG_SECONDS if _seen[2] else WELL_SECONDS
        if time.monotonic() - _seen[0] < believed:
            return _seen[2]
    owner = installation().pk
    found = [trouble for home in homes for trouble in (_trouble_of(home, homes, owner),) if trouble is not None]
    _seen = (time.monotonic(), homes, tuple(found))
    return _seen[2]


def forget() -> None:
    """Look the next time."""
    global _seen
    _seen = None


def look_at_homes() -> None:
    """At the start, and in the night: what is wrong goes to the log of the process."""
    for trouble in home_troubles(now=True):
        logger.error("purge log: %s", trouble.text)


def _trouble_of(home: Path, homes: Sequence[Path], owner: uuid.UUID) -> HomeTrouble | None:
    others = [other for other in homes if other != home]
    try:
        if not home.is_dir():
            missing = _files_of(others, owner)
            return HomeTrouble(home, LACKS_FILES, files=len(missing)) if missing else _can_be_made(home)
        _probe(home)
        short, otherwise = _compared(home, others, owner)
    except OSError as error:
        return HomeTrouble(home, UNWRITABLE, why=type(error).__name__)
    if short:
        return HomeTrouble(home, LACKS_FILES, files=short)
    return HomeTrouble(home, TELLS_OTHERWISE, files=otherwise) if otherwise else None


def _can_be_made(home: Path) -> HomeTrouble | None:
    """Makes nothing: whoever looks may be another user than the one who writes."""
    parent = next(parent for parent in home.parents if parent.exists())
    return None if os.access(parent, os.W_OK | os.X_OK) else HomeTrouble(home, UNWRITABLE, why="PermissionError")


def _probe(home: Path) -> None:
    """Write, force to the disk and remove. Raises OSError."""
    path = home / f"probe.{chains.machine()}.{os.getpid()}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if os.write(descriptor, b"-" * PROBE_BYTES) != PROBE_BYTES:
            raise chains.ChainCut("the disk took only a part")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink()


def _files_of(homes: Sequence[Path], owner: uuid.UUID | None) -> dict[str, int]:
    """Name → bytes of the longest file, of the homes that can be looked at."""
    found: dict[str, int] = {}
    for home in homes:
        with contextlib.suppress(OSError):
            for name in chains.names_in(home, owner):
                with contextlib.suppress(FileNotFoundError):
                    found[name] = max(found.get(name, 0), chains.path_in(home, name).stat().st_size)
    return found


def _compared(home: Path, others: Sequence[Path], owner: uuid.UUID) -> tuple[int, int]:
    """How many files lack more than the next writer would add, and how many tell otherwise. By their sizes alone: the
    bytes are compared by ``purge_journal verify``."""
    wanted = _files_of(others, owner)
    here = _files_of([home], owner)
    short = [name for name, size in wanted.items() if name not in here or size - here[name] > chains.MOST_FILLED]
    unlike = [name for name, size in wanted.items() if name in here and _ends_unlike(home, others, name)]
    return len(short), len(set(unlike) - set(short))


def _ends_unlike(home: Path, others: Sequence[Path], name: str) -> bool:
    """Whether what a file ends with stands elsewhere in another home: only where both have their last lines there."""
    mine = chains.path_in(home, name)
    for other in others:
        with (
            contextlib.suppress(FileNotFoundError),
            mine.open("rb") as one,
            chains.path_in(other, name).open("rb") as two,
        ):
            end = min(os.fstat(one.fileno()).st_size, os.fstat(two.fileno()).st_size)
            start = max(0, end - ENDS_COMPARED)
            if _part(one, start, end) != _part(two, start, end):
                return True
    return False


def _part(file: BinaryIO, start: int, end: int) -> bytes:
    """Whole lines only: the last one may be being written."""
    file.seek(start)
    data = file.read(end - start)
    return data[: data.rfind(b"\n") + 1]


# ---------------------------------------------------------------- comparing and filling

SAME, BEHIND, ABSENT, UNLIKE, DAMAGED, FILLED = "same", "behind", "missing", "differs", "damaged", "filled"


@dataclass(frozen=True)
class InHome:
    """A file of the log in one home, beside the longest one of all homes. ``state``: one of the words above;
    ``missing``: bytes that it lacks."""

    name: str
    home: Path
    state: str
    missing: int = 0


def compare_homes() -> list[InHome]:
    """Every file that any home has, in every home, byte for byte. Raises OSError."""
    found = []
    for name in chains.chain_names():
        with _all_locked(name):
            found += _beside_the_longest(name)
    return found


def copy_between_homes() -> list[InHome]:
    """Fill each home with what it lacks of another: whole files, and the ends of shorter ones. Raises OSError.

    The longest file of each name is copied, if it is one whole chain; what was copied is read again and compared. A
    file that tells otherwise, or is damaged, is left as it is.
    """
    return [
        *(_fill_earlier(path) for path in _earlier_files_missing()),
        *(state for name in chains.chain_names() for state in _filled(name)),
    ]


def _filled(name: str) -> Iterator[InHome]:
    with _all_locked(name):
        states = _beside_the_longest(name)
        source = chains.path_of(name)
        size = source.stat().st_size
        lacking = [state for state in states if state.state in (BEHIND, ABSENT)]
        if lacking and not _is_whole(source, size):
            yield InHome(name, source.parent, DAMAGED)
            return
        for state in states:
            if state not in lacking:
                yield state
                continue
            target = chains.path_in(state.home, name)
            if state.state == ABSENT:
                _copy_whole(source, target)
            else:
                _copy_end(source, target)
            if _unlike_at(source, target, size) is not None:
                raise chains.HomeAway(state.home, "what was written there reads otherwise")
            yield InHome(name, state.home, FILLED, state.missing)


@contextlib.contextmanager
def _all_locked(name: str) -> Iterator[None]:
    """Nobody writes to a file of this name in any home meanwhile; locked in the writers' order."""
    with ExitStack() as opened:
        for home in chains.homes():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                opened.enter_context(chains.locked(os.open(chains.path_in(home, name), os.O_RDWR)))
        yield


def _beside_the_longest(name: str) -> list[InHome]:
    longest = chains.path_of(name)
    size = longest.stat().st_size
    found = []
    for home in chains.homes():
        path = chains.path_in(home, name)
        if path == longest:
            found.append(InHome(name, home, SAME))
        elif not path.is_file():
            found.append(InHome(name, home, ABSENT, size))
        elif _unlike_at(longest, path, end := path.stat().st_size) is not None:
            found.append(InHome(name, home, UNLIKE))
        else:
            found.append(InHome(name, home, BEHIND if end < size else SAME, size - end))
    return found


def _unlike_at(one: Path, two: Path, size: int) -> int | None:
    """Where two files differ first within so many bytes (the part of it, counted from the beginning); None: nowhere."""
    with one.open("rb") as left, two.open("rb") as right:
        for start in range(0, size, _PART):
            length = min(_PART, size - start)
            if left.read(length) != right.read(length):
                return start
    return None


def _is_whole(path: Path, size: int) -> bool:
    """Whether it is one chain from its beginning to its last line, each bound to the one before."""
    end = 0
    for position, item in chains.read_file(path, Position(), size, settled=True):
        if isinstance(item, Damage):
            return False
        end = position.offset
    return end > 0


def _copy_whole(source: Path, target: Path) -> None:
    if not target.parent.is_dir():
        chains.make_home(target.parent)
    beside = target.with_name(f"{target.name}.part")
    with source.open("rb") as origin, open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
        shutil.copyfileobj(origin, copy, _PART)
        copy.flush()
        os.fsync(copy.fileno())
    beside.replace(target)
    chains.flush_folder(target.parent)


def _copy_end(source: Path, target: Path) -> None:
    with source.open("rb") as origin, target.open("ab") as copy:
        origin.seek(target.stat().st_size)
        shutil.copyfileobj(origin, copy, _PART)
        copy.flush()
        os.fsync(copy.fileno())


# ---------------------------------------------------------------- the one file of earlier versions


def _earlier_files_missing() -> list[Path]:
    files = [chains.earlier_file(path) for path in chains.named()]
    return [path for path in files if not path.is_file()] if any(path.is_file() for path in files) else []


def _fill_earlier(target: Path) -> InHome:
    source = next(path for path in map(chains.earlier_file, chains.named()) if path.is_file())
    _copy_whole(source, target)
    before, after = (hashlib.sha256(path.read_bytes()).digest() for path in (source, target))
    if before != after:
        raise chains.HomeAway(target.parent, "what was written there reads otherwise")
    return InHome(target.name, target.parent, FILLED, target.stat().st_size)
