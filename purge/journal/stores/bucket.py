"""A part of a bucket as a home of the purge log: an object for each line.

``<prefix>/<chain>/<number of the line>-<bytes of the chain after it>-<SHA-256 of the line>``: a list tells how far the
chain goes and by which lines, and an object that is stored twice is the same one. Nothing is ever written over or
deleted, so nobody who writes needs the right to. A line that another home refuses afterwards stays, and the others get
it from here; nothing confirms it.

A bucket knows no locks: whoever writes holds the chain's lock in a folder. Two lines of one number are there only after
a store has taken one that it seemed to have refused; the one that the next line continues is the chain's.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from typing import Any, Final

from purge.bucket.place import Place, error_code
from purge.journal.stores.home import HomeAway, Piece, Position, Tail, decode

#: Seconds until a store that cannot be reached is given up, and until one that was reached has answered; tries of each
#: question. Somebody who has pressed a button waits for it, and others wait for the lock.
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 3.0
TRIES: Final = 2
#: Seconds in which a store that could not be reached is not asked again, and in which readers believe what they saw.
AWAY_SECONDS = 30.0
SEEN_SECONDS = 60.0
#: Objects that are fetched at once, and lines before an end that are compared with another home's.
_AT_ONCE: Final = 16
_RECENT: Final = 50

#: Comes after every number of a line, and before the next one.
_AFTER: Final = "~"
_KEY = re.compile(r"(\d{10})-(\d{12})-([0-9a-f]{64})")
#: What a store answers for an object that it does not have.
_NO_OBJECT: Final = frozenset({"NoSuchKey", "404", "NoSuchUpload"})


@dataclass(frozen=True)
class _Line:
    """An object of a chain: where its line stands."""

    key: str
    seq: int
    end: int
    digest: str
    bytes: int

    @property
    def tail(self) -> Tail:
        return Tail(self.end, self.end, self.seq, self.digest)


class Bucket:
    """A :class:`purge.journal.stores.home.Home` in an object store."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._base = f"{place.prefix}/" if place.prefix else ""
        self._clients: dict[int, Any] = {}
        self._away: tuple[float, HomeAway] | None = None
        self._names: tuple[float, set[str]] | None = None
        self._ends: dict[str, tuple[float, Tail | None]] = {}

    def __str__(self) -> str:
        return str(self.place)

    def forget(self) -> None:
        """Ask anew what is asked next."""
        self._away = self._names = None
        self._ends.clear()

    # ------------------------------------------------------------ the bucket

    def is_there(self) -> bool:
        return True

    def make(self) -> None:
        """A bucket is made by whoever runs the store."""

    def can_be_made(self) -> bool:
        return True

    def probe(self) -> None:
        """Begin an upload, which takes the right to store, and end it; read what is not there."""
        key = f"{self._base}probe"
        number = self._ask("create_multipart_upload", Key=key)["UploadId"]
        for question, words in (("abort_multipart_upload", {"UploadId": number}), ("get_object", {})):
            with contextlib.suppress(FileNotFoundError):
                self._ask(question, Key=key, **words)

    def names(self, installation: uuid.UUID | None = None, *, now: bool = True) -> set[str]:
        beginning = "" if installation is None else f"{installation.hex}."
        seen = self._names
        if seen is None or now or time.monotonic() - seen[0] > SEEN_SECONDS:
            folders = self._list("CommonPrefixes", Prefix=self._base, Delimiter="/")
            names = {each["Prefix"].removeprefix(self._base).strip("/") for each in folders}
            seen = self._names = time.monotonic(), {name for name in names if name.count(".") == 2}
        return {name for name in seen[1] if name.startswith(beginning)}

    # ------------------------------------------------------------ a chain

    def size(self, chain: str, near: Tail | None = None, *, now: bool = True) -> int:
        seen = self._ends.get(chain)
        if seen is None or now or time.monotonic() - seen[0] > SEEN_SECONDS:
            with contextlib.suppress(FileNotFoundError):
                return self.tail(chain, near).size
        elif seen[1] is not None:
            return seen[1].size
        raise FileNotFoundError(chain)

    def tail(self, chain: str, near: Tail | None = None) -> Tail:
        """``usable`` is told of what others have of it."""
        seen = self._ends.get(chain, (0.0, None))[1]
        hints = [hint for hint in (near, seen) if hint is not None]
        last = self._last(chain, max(hints, key=lambda hint: hint.seq, default=Tail(0, 0)))
        self._ends[chain] = time.monotonic(), last
        if last is None:
            raise FileNotFoundError(chain)
        return last

    def _last(self, chain: str, near: Tail) -> Tail | None:
        """Looked for from where it should be; where that is too far, in longer and longer steps backwards."""
        after, step = max(0, near.seq - 1), 1
        while True:
            found = list(self._lines(chain, after, near))
            if found:
                return found[-1].tail
            if after == 0:
                return None
            after, step = max(0, after - step), step * 4

    def marks(self, chain: str, near: Tail) -> dict[int, str]:
        lines = self._lines(chain, max(0, near.seq - _RECENT), near)
        return {line.end: line.digest for line in islice(lines, _RECENT) if line.end <= near.size}

    def read(self, chain: str, start: Position, size: int) -> Iterator[bytes]:
        for line, data in self._contents(chain, start.seq):
            if line.end - line.bytes >= size:
                return
            rest = data[max(0, start.offset - (line.end - line.bytes)) :]
            yield from (each + b"\n" for each in rest.split(b"\n")[:-1])

    def settle(self, chain: str) -> int:
        return self.size(chain, now=False)

    def lock(self, chain: str) -> AbstractContextManager[object]:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def hold(self, chain: str, near: Tail | None) -> Iterator[_Held]:
        yield _Held(self, chain, self.tail(chain, near))

    def create(self, chain: str, piece: Piece) -> None:
        self.store(chain, piece)
        if self._names is not None:
            self._names[1].add(chain)

    def remove(self, chain: str) -> None:
        """It stays, with a first line that says nothing."""

    def fill(self, chain: str, start: int, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            self._put(chain, piece)
            self._ends[chain] = time.monotonic(), piece.tail

    # ------------------------------------------------------------ its objects

    def store(self, chain: str, piece: Piece) -> None:
        """Store a line, and see in a list that it is there, and no other of its number. Raises OSError."""
        self._put(chain, piece)
        found = [line for line in self._raw_lines(chain, piece.tail.seq - 1) if line.seq == piece.tail.seq]
        if [(line.digest, line.bytes) for line in found] != [(piece.tail.digest, len(piece.data))]:
            raise HomeAway(self, "another line of the same number is there: is PURGE_JOURNAL_WRITER another machine's?")
        self._ends[chain] = time.monotonic(), piece.tail

    def _put(self, chain: str, piece: Piece) -> None:
        tail = piece.tail
        name = f"{tail.seq:010d}-{tail.size:012d}-{tail.digest}"
        self._ask("put_object", Key=f"{self._base}{chain}/{name}", Body=piece.data, ContentType="application/json")

    def _lines(self, chain: str, after: int, near: Tail | None = None) -> Iterator[_Line]:
        """One for each number. Of several, the one that the next line continues, or that another home has."""
        groups = (list(group) for _seq, group in groupby(self._raw_lines(chain, after), key=lambda line: line.seq))
        for group, following in pairwise(_and_none(groups)):
            if len(group) == 1:
                yield group[0]
                continue
            wanted = near.digest if near is not None and near.seq == group[0].seq else ""
            if following:
                line = decode(self._fetch(following[0]).rstrip(b"\n").rpartition(b"\n")[2])
                wanted = str(line["prev"]) if line is not None else ""
            yield next((line for line in group if line.digest == wanted), group[0])

    def _raw_lines(self, chain: str, after: int) -> Iterator[_Line]:
        """Every object of a chain behind a line's number, in order."""
        beginning = f"{self._base}{chain}/"
        for each in self._list("Contents", Prefix=beginning, StartAfter=f"{beginning}{after:010d}{_AFTER}"):
            if (name := _KEY.fullmatch(each["Key"].removeprefix(beginning))) is not None:
                yield _Line(each["Key"], int(name[1]), int(name[2]), name[3], each["Size"])

    def _contents(self, chain: str, after: int) -> Iterator[tuple[_Line, bytes]]:
        """The objects of a chain, some of them fetched ahead."""
        lines = self._lines(chain, after)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while part := list(islice(lines, 4 * _AT_ONCE)):
                yield from zip(part, pool.map(self._fetch, part), strict=True)

    def _fetch(self, line: _Line) -> bytes:
        with self._speaking() as client:
            return bytes(client.get_object(Bucket=self.place.bucket, Key=line.key)["Body"].read())

    def _list(self, what: str, **words: Any) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        while True:
            answer = self._ask("list_objects_v2", **words, **more)
            yield from answer.get(what, ())
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def _ask(self, question: str, **words: Any) -> dict[str, Any]:
        with self._speaking() as client:
            answer: dict[str, Any] = getattr(client, question)(Bucket=self.place.bucket, **words)
            return answer

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[Any]:
        """The client. What it raises becomes an OSError that says no more than a code or a class."""
        if self._away is not None and time.monotonic() - self._away[0] < AWAY_SECONDS:
            raise self._away[1]
        try:
            yield self._client()
        except Exception as error:  # noqa: BLE001 - whatever the client raises
            code = error_code(error)
            if code in _NO_OBJECT:
                raise FileNotFoundError(str(self)) from None
            away = HomeAway(self, code or type(error).__name__)
            if not code:  # it gave no answer, so the next question need not wait for one
                self._away = time.monotonic(), away
            raise away from None
        self._away = None

    def _client(self) -> Any:
        """A process that was forked speaks through connections of its own."""
        pid = os.getpid()
        if pid not in self._clients:
            self._clients = {pid: _client_of(self.place)}
        return self._clients[pid]


class _Held:
    """A chain of a bucket, while somebody holds its lock in a folder."""

    def __init__(self, home: Bucket, chain: str, tail: Tail) -> None:
        self.home, self.chain, self.tail = home, chain, tail

    def append(self, piece: Piece, *, to_disk: bool) -> None:
        self.home.store(self.chain, piece)
        self.tail = piece.tail

    def take_back(self, tail: Tail) -> None:
        """It stays: the others are filled with it, and nothing confirms it."""

    def cut(self) -> None:
        """An object is stored whole or not at all."""


def _and_none(groups: Iterable[list[_Line]]) -> Iterator[list[_Line]]:
    yield from groups
    yield []


#: What makes clients, one of which would else read the whole description of the service anew. It serves one thread at a
#: time, and one process.
_session: tuple[int, Any] | None = None
_making = threading.Lock()


def _client_of(place: Place) -> Any:
    global _session
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"total_max_attempts": TRIES, "mode": "standard"},
        max_pool_connections=_AT_ONCE,
    )
    with _making:
        if _session is None or _session[0] != os.getpid():
            _session = os.getpid(), boto3.session.Session()
        return _session[1].client("s3", endpoint_url=place.endpoint, region_name=place.region, config=config)
