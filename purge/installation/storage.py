"""The marker of the file storage: whether this process sees the storage that belongs to the database.

A worker that sees another storage than the web would erase nobody's files and prove that none is left. So the web puts
a small file at the root of the storage, named by the installation's id, and the database remembers what it says. Who
finds another one, or none, neither freezes nor erases nor verifies. The marker also names the database, so that a copy
of the database that is pointed at its original's storage stops until an operator has said which of the two it is.

Several installations may share a storage: each has a marker of its own.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import Error, connection, connections, transaction
from django.db.models import FileField
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.bucket.place import error_code
from purge.database import dialect_of
from purge.database.identity import same_database
from purge.installation.bucket_rights import bucket_troubles
from purge.installation.identity import installation
from purge.models import Installation
from purge.rules import EraseFile
from purge.rules.registry import get_registry

logger = logging.getLogger(__name__)

#: A marker that was right is taken for right so long, in seconds, and a storage that is away for away.
SEEN_SECONDS = 3.0
#: Files of each column that are looked for before a storage is believed to be the database's.
SAMPLE = 5

UNMARKED, MISSING, ANOTHER, COPY, UNREACHABLE, FILES_MISSING = (
    "unmarked",
    "missing",
    "another",
    "copy",
    "unreachable",
    "files_missing",
)
#: For whoever runs the platform: what is wrong, and the command that mends it.
TEXTS: Final = {
    UNMARKED: gettext_lazy("The web has not been started with this database yet: its first start marks the storage."),
    MISSING: gettext_lazy(
        "This process sees another file storage than the web, or the storage's marker is gone. Set MEDIA_ROOT or "
        "LMS_FILES as for the web. If this is the right storage: manage.py purge_storage adopt."
    ),
    ANOTHER: gettext_lazy(
        "The file storage's marker belongs to another copy of this database, or to another storage. Set MEDIA_ROOT "
        "or LMS_FILES as for the web. If this database and this storage belong together from now on: manage.py "
        "purge_storage adopt."
    ),
    COPY: gettext_lazy(
        "This database is a copy, or was moved or restored: its file storage belongs to the original. If the original "
        "is gone and this is the real one now: manage.py purge_storage adopt. If this is a copy, for tests, give it a "
        "storage of its own (MEDIA_ROOT, LMS_FILES): manage.py purge_storage begin --copy."
    ),
    UNREACHABLE: gettext_lazy("The file storage does not answer."),
    FILES_MISSING: gettext_lazy(
        "Files that the database knows are not in this file storage. Set MEDIA_ROOT or LMS_FILES right and start the "
        "web again. If those files are lost and this is the storage: manage.py purge_storage adopt --files-are-lost."
    ),
}

_WHAT: Final = "LMS Purge: this file says which database the files here belong to. Without it nothing is purged."


class AnotherStorage(Exception):
    """This process does not see the file storage that belongs to the database. ``kind``: one of the words above."""

    def __init__(self, kind: str) -> None:
        super().__init__(str(TEXTS[kind]))
        self.kind = kind


@dataclass(frozen=True)
class Sample:
    """Files that the database knows, and how many of them are in the storage."""

    known: int
    found: int

    @property
    def is_convincing(self) -> bool:
        """Single files may have been lost; another storage has none of them."""
        return self.known == 0 or self.found * 2 > self.known


# ---------------------------------------------------------------- asking


_seen: tuple[float, Any, str] = (float("-inf"), None, "")


def storage_trouble(*, now: bool = False) -> str:
    """What is wrong with the storage that this process sees: '' or one of the kinds. ``now``: not as seen before."""
    global _seen
    row = installation()
    if row.storage_mark is None:
        return UNMARKED
    place = [getattr(default_storage, word, "") for word in ("location", "bucket_name", "endpoint_url")]
    known = (row.pk, row.storage_mark, *place)
    if not now and known == _seen[1] and time.monotonic() - _seen[0] < SEEN_SECONDS:
        return _seen[2]
    trouble = _trouble(row)
    if trouble in ("", UNREACHABLE):  # who waited for a store that is away need not wait again at once
        _seen = (time.monotonic(), known, trouble)
    return trouble


def require_storage() -> None:
    """Raises :class:`AnotherStorage`. Asked anew each time: for what is about to erase, or to prove."""
    if trouble := storage_trouble(now=True):
        raise AnotherStorage(trouble)


def _trouble(row: Installation) -> str:
    try:
        marker = read_marker(row.pk)
    except OSError:
        return UNREACHABLE
    except Exception as error:  # noqa: BLE001 - whatever the client of a remote storage raises
        logger.warning("the file storage does not answer: %s", error_code(error) or type(error).__name__)
        return UNREACHABLE
    if marker is None:
        return MISSING
    if marker.get("mark") != str(row.storage_mark):
        return ANOTHER
    return "" if same_database(marker.get("database") or {}, dialect_of(connection).identity()) else COPY


def marker_name(installation_id: uuid.UUID) -> str:
    """The marker's name at the root of the storage."""
    return f"lms-purge-{installation_id.hex}.json"


def read_marker(installation_id: uuid.UUID) -> dict[str, Any] | None:
    """What an installation's marker says; None when there is none. Raises what the storage raises."""
    try:
        with default_storage.open(marker_name(installation_id), "rb") as file:
            content = json.loads(file.read(10_000))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


# ---------------------------------------------------------------- writing


def begin_storage() -> str:
    """Mark the storage of a database that has none yet. Returns what is wrong, as :func:`storage_trouble` does.

    Called by the web when it starts, since the web stores what people upload, and by whatever accepts a purge; never by
    a worker or by ``migrate``, which may run where no file is to be seen. With rows of before, only if a sample of the
    files that the database knows is there.
    """
    trouble = storage_trouble()
    if trouble != UNMARKED:
        return trouble
    try:
        if not sample_of_files().is_convincing:
            return FILES_MISSING
        with transaction.atomic():
            row = Installation.objects.select_for_update().get()
            if row.storage_mark is None:
                _write_marker(row)
    except (Error, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever the client of a remote storage raises
        logger.warning("the file storage cannot be marked: %s", error_code(error) or type(error).__name__)
        return UNREACHABLE
    return storage_trouble(now=True)


def adopt_storage() -> Installation:
    """This database and this storage belong together from now on; whatever did so before stops."""
    installation()
    with transaction.atomic():
        row = Installation.objects.select_for_update().get()
        _write_marker(row)
    return row


def _write_marker(row: Installation) -> None:
    row.storage_mark, row.storage_marked_at = uuid.uuid4(), timezone.now()
    name = marker_name(row.pk)
    content = {
        "what": _WHAT,
        "installation": str(row.pk),
        "mark": str(row.storage_mark),
        "database": dialect_of(connection).identity(),
        "written": row.storage_marked_at.isoformat(timespec="seconds"),
    }
    # Some storages would give a second file of the name another one.
    default_storage.delete(name)
    saved = default_storage.save(name, ContentFile(json.dumps(content, indent=1).encode()))
    if saved != name:
        default_storage.delete(saved)
        raise OSError("the storage gave the marker another name")
    row.save(update_fields=["storage_mark", "storage_marked_at"])


def forget_marker(installation_id: uuid.UUID) -> None:
    """Take an installation's marker out of this storage."""
    default_storage.delete(marker_name(installation_id))


def sample_of_files() -> Sample:
    """The newest and the oldest stored files that the database knows: how many of them are in the storage."""
    names = list(_some_names())
    return Sample(len(names), sum(1 for name in names if default_storage.exists(name)))


def _some_names() -> Iterator[str]:
    for entry in get_registry().ordered:
        for column in entry.columns.values():
            if isinstance(column.rule, EraseFile) and isinstance(column.field, FileField):
                name = column.field.name
                rows = entry.model._base_manager.filter(**{f"{name}__gt": ""})
                newest = rows.order_by("-pk").values_list("pk", name)[:SAMPLE]
                yield from dict([*newest, *rows.order_by("pk").values_list("pk", name)[:SAMPLE]]).values()


def begin_web() -> None:
    """The web starts: mark the storage if that was not done yet, or say in the log what is wrong."""
    try:
        trouble = begin_storage()
    except Error as error:
        logger.warning("the file storage is not looked at: the database does not answer (%s)", type(error).__name__)
        return
    except OSError as error:
        logger.error("the file storage could not be marked (%s)", type(error).__name__)
        return
    finally:
        # Nothing is shared with processes that are forked from this one.
        connections.close_all()
    if trouble:
        logger.error("nothing is purged: %s", TEXTS[trouble])
        return
    for text in bucket_troubles():
        logger.error("%s", text)


def text_for_customers() -> str:
    """What somebody is told who cannot do anything about it."""
    return _(
        "Nothing is purged at the moment: the platform’s file storage has to be looked at by those who run it. "
        "Nothing was accepted; please try again later."
    )
