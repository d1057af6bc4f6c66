"""The homes of the purge log: whether each would take the next line, what one lacks of another, and filling it.

Said before the next purge has to be refused: at the start, in the night, on Home, by ``check`` and ``/healthz``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from purge.installation.identity import installation
from purge.journal import chains
from purge.journal.stores.bucket import Bucket
from purge.journal.stores.folder import copy_file
from purge.journal.stores.home import Home, HomeAway, Position, Tail, pieces_of, words_of

logger = logging.getLogger(__name__)

#: How long an answer is believed, in seconds: that all is well, and that something is wrong.
WELL_SECONDS, WRONG_SECONDS = 30.0, 5.0
UNWRITABLE, LACKS_FILES, OTHERS_ALONE, TELLS_OTHERWISE = (
    "unwritable",
    "lacks_files",
    "others_alone",
    "tells_otherwise",
)


_UNWRITABLE: Final = gettext_noop(
    "The purge log cannot be written to %(home)s (%(why)s): mount it, make room on its disk, or look at the rights of "
    "the folder."
)
_UNWRITABLE_BUCKET: Final = gettext_noop(
    "The purge log cannot be written to %(home)s (%(why)s): look at the way to the store, the name of the bucket, what "
    "signs in there, and its rights (docs/object-storage.md)."
)


@dataclass(frozen=True)
class HomeTrouble:
    """Why a home would not take the next line: nothing is accepted then. ``why``: the class of the system's error, or
    the store's word."""

    home: Home
    kind: str
    files: int = 0
    why: str = ""

    @property
    def text(self) -> str:
        """For operators, with what to do."""
        if self.kind == UNWRITABLE:
            text = _UNWRITABLE_BUCKET if isinstance(self.home, Bucket) else _UNWRITABLE
            said = _(text) % {"home": self.home, "why": self.why}
        elif self.kind == OTHERS_ALONE:
            said = _(
                "%(home)s holds the purge log of another installation, and nothing of this one: see whether it is the "
                "right place, then type manage.py purge_journal copy."
            ) % {"home": self.home}
        else:
            said = self._files
        return " ".join((said, _("Nothing is accepted meanwhile.")))

    @property
    def _files(self) -> str:
        if self.kind == TELLS_OTHERWISE:
            text = ngettext(
                "%(n)d file of the purge log in %(home)s tells otherwise than in another home: see manage.py "
                "purge_journal verify.",
                "%(n)d files of the purge log in %(home)s tell otherwise than in another home: see manage.py "
                "purge_journal verify.",
                self.files,
            )
        elif isinstance(self.home, Bucket):
            text = ngettext(
                "%(n)d file of the purge log is missing or much too short in %(home)s: see whether it is the right "
                "bucket, or type manage.py purge_journal copy.",
                "%(n)d files of the purge log are missing or much too short in %(home)s: see whether it is the right "
                "bucket, or type manage.py purge_journal copy.",
                self.files,
            )
        else:
            text = ngettext(
                "%(n)d file of the purge log is missing or much too short in %(home)s: mount it, or type manage.py "
                "purge_journal copy.",
                "%(n)d files of the purge log are missing or much too short in %(home)s: mount it, or type manage.py "
                "purge_journal copy.",
                self.files,
            )
        return text % {"n": self.files, "home": self.home}


# ---------------------------------------------------------------- before the next purge

_seen: tuple[float, tuple[Home, ...], tuple[HomeTrouble, ...]] | None = None


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
    for bucket in chains.buckets() if now else ():
        bucket.forget()
    found = [trouble for home in homes for trouble in (_trouble_of(home, homes, owner),) if trouble is not None]
    _seen = (time.monotonic(), homes, tuple(found))
    return _seen[2]


def forget() -> None:
    """Look the next time."""
    global _seen
    _seen = None
    for bucket in chains.buckets():
        bucket.forget()


def look_at_homes() -> None:
    """At the start, and in the night: what is wrong goes to the log of the process."""
    for trouble in home_troubles(now=True):
        logger.error("purge log: %s", trouble.text)


def _trouble_of(home: Home, homes: Sequence[Home], owner: uuid.UUID) -> HomeTrouble | None:
    others = [other for other in homes if other != home]
    try:
        if not home.is_there():
            missing = _ends_in(others, owner)
            if missing:
                return HomeTrouble(home, LACKS_FILES, files=len(missing))
            return None if home.can_be_made() else HomeTrouble(home, UNWRITABLE, why="PermissionError")
        home.probe()
        short, otherwise = _compared(home, others, owner)
        if short and not home.names(owner) and home.names():
            return HomeTrouble(home, OTHERS_ALONE, files=short)
    except OSError as error:
        return HomeTrouble(home, UNWRITABLE, why=words_of(error))
    if short:
        return HomeTrouble(home, LACKS_FILES, files=short)
    return HomeTrouble(home, TELLS_OTHERWISE, files=otherwise) if otherwise else None


def _ends_in(homes: Sequence[Home], owner: uuid.UUID, near: dict[str, Tail] | None = None) -> dict[str, Tail]:
    """Name → the end in the home that has most of it, of the homes that can be looked at."""
    found: dict[str, Tail] = {}
    for home in homes:
        with contextlib.suppress(OSError):
            for name in home.names(owner):
                with contextlib.suppress(FileNotFoundError):
                    tail = home.tail(name, (near or {}).get(name) or found.get(name))
                    if name not in found or tail.size > found[name].size:
                        found[name] = tail
    return found


def _compared(home: Home, others: Sequence[Home], owner: uuid.UUID) -> tuple[int, int]:
    """How many files lack more than the next writer would add, and how many tell otherwise. By their sizes and what
    they end with alone: all of it is compared by ``purge_journal verify``."""
    wanted = _ends_in(others, owner)
    home.names()  # raises where it cannot be looked at
    here = _ends_in([home], owner, wanted)
    absent = [name for name in wanted if name not in here and not chains.is_only_begun(name)]
    short = [name for name in here if name in wanted and wanted[name].size - here[name].size > chains.MOST_FILLED]
    unlike = [name for name in wanted if name in here and _ends_unlike(home, others, name, here[name])]
    return len(absent) + len(short), len(set(unlike) - set(short))


def _ends_unlike(home: Home, others: Sequence[Home], name: str, mine: Tail) -> bool:
    """Whether what a file ends with stands elsewhere in another home: only where both have their last lines there."""
    for other in others:
        with contextlib.suppress(OSError):
            end = min(mine, other.tail(name, mine), key=lambda tail: tail.size)
            if chains.are_unlike(home.marks(name, end), other.marks(name, end)):
                return True
    return False


# ---------------------------------------------------------------- comparing and filling

SAME, BEHIND, ABSENT, UNLIKE, DAMAGED, FILLED, AWAY = (
    "same",
    "behind",
    "missing",
    "differs",
    "damaged",
    "filled",
    "away",
)


@dataclass(frozen=True)
class InHome:
    """A file of the log in one home, beside the longest one of all homes. ``state``: one of the words above;
    ``missing``: bytes that it lacks; ``why``: what keeps it from being looked at."""

    name: str
    home: object
    state: str
    missing: int = 0
    why: str = ""


def compare_homes() -> list[InHome]:
    """Every file that any home has, in every home, byte for byte. Raises OSError."""
    found: list[InHome] = []
    for name in chains.chain_names(now=True):
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
        *(state for name in chains.chain_names(now=True) for state in _filled(name)),
    ]


def _filled(name: str) -> Iterator[InHome]:
    with _all_locked(name):
        states = list(_beside_the_longest(name))
        found = chains.longest(name, now=True)
        if found is None:
            return
        source, size = found
        lacking = [state for state in states if state.state in (BEHIND, ABSENT)]
        if lacking and not chains.is_whole(source, name, size):
            yield InHome(name, source, DAMAGED)
            return
        for state in states:
            if state not in lacking:
                yield state
                continue
            _fill(source, _home_of(state), name, size)
            yield InHome(name, state.home, FILLED, state.missing)


def _home_of(state: InHome) -> Home:
    return next(home for home in chains.homes() if home == state.home)


def _fill(source: Home, target: Home, name: str, size: int) -> None:
    """Raises OSError, also where what was written reads otherwise."""
    start = Position()
    with contextlib.suppress(FileNotFoundError):
        start = target.tail(name, source.tail(name)).position
    target.fill(name, start.offset, pieces_of(source.read(name, start, size), start))
    if _are_unlike(source, target, name, target.size(name)):
        raise HomeAway(target, "what was written there reads otherwise")


@contextlib.contextmanager
def _all_locked(name: str) -> Iterator[None]:
    """Nobody writes to a file of this name in any home meanwhile; locked in the writers' order."""
    with ExitStack() as opened:
        for home in chains.homes():
            opened.enter_context(home.lock(name))
        yield


def _beside_the_longest(name: str) -> Iterator[InHome]:
    found = chains.longest(name, now=True)
    if found is None:
        return
    source, size = found
    for home in chains.homes():
        try:
            yield InHome(name, home, SAME) if home == source else _beside(source, size, home, name)
        except FileNotFoundError:
            yield InHome(name, home, ABSENT, size)
        except OSError as error:
            yield InHome(name, home, AWAY, why=words_of(error))


def _beside(source: Home, size: int, home: Home, name: str) -> InHome:
    end = home.size(name, source.tail(name))
    if _are_unlike(source, home, name, end):
        return InHome(name, home, UNLIKE)
    return InHome(name, home, BEHIND if end < size else SAME, size - end)


def _are_unlike(one: Home, two: Home, name: str, size: int) -> bool:
    """Whether the first so many bytes differ."""
    lines = (_up_to(size, home.read(name, Position(), size)) for home in (one, two))
    return any(left != right for left, right in zip_longest(*lines))


def _up_to(size: int, lines: Iterable[bytes]) -> Iterator[bytes]:
    left = size
    for line in lines:
        yield line[:left]
        left -= len(line)


# ---------------------------------------------------------------- the one file of earlier versions


def _earlier_files_missing() -> list[Path]:
    files = [chains.earlier_file(path) for path in chains.named()]
    return [path for path in files if not path.is_file()] if any(path.is_file() for path in files) else []


def _fill_earlier(target: Path) -> InHome:
    source = next(path for path in map(chains.earlier_file, chains.named()) if path.is_file())
    copy_file(source, target)
    before, after = (hashlib.sha256(path.read_bytes()).digest() for path in (source, target))
    if before != after:
        raise HomeAway(target.parent, "what was written there reads otherwise")
    return InHome(target.name, target.parent, FILLED, target.stat().st_size)
