"""Taking in a file, running an import, handing a stored file out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import PurePath
from typing import IO, Any

from django.core.files.base import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.executors import file_mentions, storage_of
from purge.queue import enqueue
from purge.registry import get_registry
from purge.selectors import open_addresses_for
from users.imports import mapping as columns
from users.imports.loading import Superseded, data_rows, load
from users.imports.reading import Table, UnreadableFile, look_at
from users.models import Account, ImportLog, ImportSource, ImportState, User
from users.services import ServiceError

logger = logging.getLogger(__name__)

MOST_BYTES = 200 * 1024 * 1024


class LinkDead(ServiceError):
    """The stored file is no longer handed out: HTTP 410."""

    def __init__(self) -> None:
        super().__init__(_("This file is no longer available since a purge."), code="gone")


def user_import_start(
    *,
    acting_user: User | None,
    account: Account,
    file: IO[bytes],
    source: str = ImportSource.UPLOAD,
    mapping: Mapping[str, int] | None = None,
    wait: bool = False,
) -> ImportLog:
    """Store a file and queue its import; with ``wait`` people look at the proposed columns first.

    ``mapping``: field → position of its column, instead of the proposal. Raises :class:`ServiceError` when the file
    cannot be read or lacks a needed column.
    """
    try:
        table = look_at(file, columns.is_heading if mapping is None and not account.import_mapping else None)
        if mapping is None and account.import_mapping:
            table = look_at(file, lambda cells: not columns.missing(columns.propose(cells, account.import_mapping)))
    except UnreadableFile as unreadable:
        raise ServiceError(str(unreadable), code="unreadable") from None
    positions = dict(mapping) if mapping is not None else columns.propose(table.headings, account.import_mapping)
    _check_mapping(positions, table)
    file.seek(0)
    with transaction.atomic():
        log = ImportLog(
            account=account,
            started_by=acting_user,
            source=source,
            encoding=table.encoding,
            delimiter=table.delimiter,
            mapping={"positions": positions, "headings": table.headings[:200], "heading_line": table.heading_line},
        )
        log.file.save("users.csv", File(file, name="users.csv"), save=False)
        log.save()
        if not wait:
            _enqueue(log)
    return log


def _check_mapping(positions: Mapping[str, int], table: Table) -> None:
    missing = columns.missing(positions)
    if missing:
        raise ServiceError(
            _("Say which column holds: %(fields)s.") % {"fields": ", ".join(missing)}, code="missing_column"
        )
    if any(position >= len(table.headings) for position in positions.values()):
        raise ServiceError(_("The file has fewer columns than that."), code="missing_column")
    if len(set(positions.values())) < len(positions):
        raise ServiceError(_("A column can stand for one thing only."), code="used_twice")


def _enqueue(log: ImportLog) -> None:
    enqueue("users.tasks.run_import", log.pk)


def user_import_confirm(
    *, acting_user: User | None, log: ImportLog, positions: Mapping[str, int], remember: bool = True
) -> ImportLog:
    """Start an uploaded import with the columns that somebody has looked at, and remember what he corrected."""
    with transaction.atomic():
        locked = ImportLog.objects.select_for_update(of=("self",)).select_related("account").get(pk=log.pk)
        if locked.state != ImportState.UPLOADED:
            raise ServiceError(_("This import has begun already."), code="begun")
        table = table_of(locked)
        _check_mapping(positions, table)
        locked.mapping = {**locked.mapping, "positions": dict(positions)}
        locked.save(update_fields=["mapping"])
        if remember and dict(positions) != columns.propose(table.headings):
            columns.remember(locked.account, table.headings, positions)
        _enqueue(locked)
    log.refresh_from_db()
    return log


def table_of(log: ImportLog) -> Table:
    """How the file of a log is read."""
    return Table(log.encoding, log.delimiter, list(log.mapping["headings"]), int(log.mapping["heading_line"]))


def run_import(log_id: int) -> None:
    """Import a stored file, from where it was left. Delivered twice: the second finds nothing to do."""
    claimed = ImportLog.objects.filter(pk=log_id, state__in=(ImportState.UPLOADED, ImportState.RUNNING))
    if not claimed.update(state=ImportState.RUNNING):
        return
    log = ImportLog.objects.select_related("account", "started_by").get(pk=log_id)
    if not log.file:
        _fail(
            log, _("The file was erased by a purge before it was imported. Upload it again without the purged people.")
        )
        return
    table, positions = table_of(log), {name: int(at) for name, at in log.mapping["positions"].items()}
    with log.file.open("rb") as stored:
        if not log.total_rows:
            total = sum(1 for _row in data_rows(stored.file, table))
            ImportLog.objects.filter(pk=log.pk).update(total_rows=total)
        try:
            load(log, stored.file, table, positions)
        except Superseded:
            logger.info("import %s is being done by another worker", log.pk)


def _fail(log: ImportLog, why: str) -> None:
    ImportLog.objects.filter(pk=log.pk).update(state=ImportState.FAILED, failure=why, finished_at=timezone.now())


# ---------------------------------------------------------------- stored files


def import_file_open(*, log: ImportLog, name: str = "file") -> Any:
    """The stored file (``name``: "file"), opened. Raises :class:`LinkDead` since a purge.

    A worker looks through the files of an account some time after acceptance; until then it is done here, so that no
    link outlives the acceptance of a purge whose addresses its file mentions.
    """
    stored = getattr(log, name)
    if log.link_dead_at is not None or not stored or not stored.storage.exists(stored.name):
        raise LinkDead
    keys = open_addresses_for(log.account_id, since=log.uploaded_at)
    entry = get_registry().entry_of(ImportLog)
    if keys and entry is not None and file_mentions(storage_of(entry.columns[name]), stored.name, keys):
        ImportLog.objects.filter(pk=log.pk, link_dead_at=None).update(link_dead_at=timezone.now())
        raise LinkDead
    return stored.open("rb")


def download_name(log: ImportLog) -> str:
    return str(PurePath(f"users-{log.uploaded_at:%Y-%m-%d}-{log.pk}.csv"))
