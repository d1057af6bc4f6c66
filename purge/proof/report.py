"""What a verification says: what it found, or that it could not look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from purge.choices import Verdict
from purge.database.catalog import Catalog
from purge.hashing import HashKeyMissing, fingerprint
from purge.host import Holder
from purge.installation.storage import COPY, UNREACHABLE, AnotherStorage, require_storage
from purge.models import PurgeRequest
from purge.proof.files import FileMention
from purge.proof.possible import Possible, Unsought


@dataclass(frozen=True)
class Hit:
    """Where something was found. ``ruled``: a treatment could take it out.

    ``key``, the address or login (``kind``) that was met, and ``pk``, the row's primary key, stay in memory; ``row`` is
    what the row may be called. ``matched``: see :class:`Identifier`. ``owner``: somebody whose it is now, so that it is
    no residue.
    """

    table: str
    column: str
    row: str
    ruled: bool
    account_id: int | None = None
    key: str = field(default="", repr=False)
    request_id: int = 0
    pk: Any = field(default=None, repr=False)
    kind: str = ""
    matched: bool = False
    owner: Holder | None = None


class StoredFile(StrEnum):
    """What a file was that is still there: what stands in a residue's column, under the table :data:`FILES`."""

    #: Under the prefix of somebody who is erased; numbered, since the name may say something.
    OF_A_PERSON = "people"
    #: The folder itself, which alone tells that there was somebody.
    FOLDER = "folder"
    #: A file whose row is gone and that is still to be erased, by the number of its record.
    DOOMED = "erase"


#: Stands for a table where a file is no longer named by any row.
FILES = "files"


def file_hit(what: StoredFile, number: int) -> Hit:
    """A stored file that no row names any more. Erasing files again could take it out."""
    return Hit(FILES, what.value, str(number), ruled=True)


@dataclass(frozen=True)
class Report:
    """What a verification found. ``patrolled``: every text was read, not only the indexed places; ``unopened``: the
    stored files that could not be opened then; ``possible``: where an ID of theirs may stand; ``catalog``: the tables
    as they were when it looked."""

    verdict: Verdict
    hits: tuple[Hit, ...] = ()
    patrolled: bool = False
    unopened: tuple[FileMention, ...] = ()
    possible: tuple[Possible | Unsought, ...] = ()
    reason: str = ""
    catalog: Catalog | None = field(default=None, repr=False, compare=False)

    @property
    def treatable(self) -> bool:
        """Whether running the plan again could help."""
        return any(hit.ruled for hit in self.hits)


class CouldNotLook(Exception):
    """A verification that cannot be made says so; nothing completes."""


def check_key(requests: Iterable[PurgeRequest]) -> None:
    """Raise :class:`CouldNotLook` unless the present hash key made the hashes of these requests."""
    try:
        present = fingerprint()
    except HashKeyMissing:
        raise CouldNotLook("the hash key is missing") from None
    if any(purge_request.key_fingerprint != present for purge_request in requests):
        raise CouldNotLook("the hash key is not the one that made the hashes")


def check_storage() -> None:
    """Raise :class:`CouldNotLook` unless the files that this process sees are the database's."""
    try:
        require_storage()
    except AnotherStorage as trouble:
        raise CouldNotLook(_UNSEEN[trouble.kind]) from None


#: In a report of a verification; the others do not occur where something was accepted.
_UNSEEN = defaultdict(
    lambda: "this worker sees another file storage than the web",
    {COPY: "this database is a copy that shares its original's file storage", UNREACHABLE: "the file storage is away"},
)
