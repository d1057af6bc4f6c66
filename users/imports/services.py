"""What pages, commands and tasks call: take a file in, choose its columns, run it, hand it out."""

from __future__ import annotations

import codecs
import csv
import io
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, cast

from django.core.files.base import ContentFile
from django.core.files.base import File as StoredFile
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.database.chunks import in_chunks
from purge.journal.site_fence import site_is_fenced
from purge.selectors import can_still_be_called_off, open_addresses_for
from purge.steps.erasing import eraser_of
from purge.steps.files import file_mentions
from purge.worker.queue import enqueue
from users.imports import mapping as headings_of
from users.imports.forecast import Forecast, forecast, foreseen, is_asked_about
from users.imports.loading import AccountClosed, Loader, TakenOver
from users.imports.managers import assign_managers
from users.imports.mapping import FIELDS, FIRST_ROWS, NEEDED, is_known, missing_in, proposal, remember
from users.imports.parsing import cleaned
from users.imports.reading import Row, Shape, UnreadableFile, people_rows, shape_of
from users.imports.survey import Survey
from users.models import Account, AccountKind, ImportLog, ImportRowError, ImportSource, ImportState, User
from users.services import ServiceError, export_begin
from users.sign_in.confirmed import require_confirmed
from users.wall import within_account

TASK = "users.tasks.run_import"
ERASE_TASK = "users.tasks.erase_import_file"
MOST_BYTES = 200 * 1024 * 1024
#: How long one delivery of the task loads rows before it puts itself back into the queue.
SLICE_SECONDS = 100.0


class ImportGone(ServiceError):
    """The import's file is not handed out any more."""

    status = 410

    def __init__(self) -> None:
        super().__init__(_("This file is no longer available since a purge."), code="gone")


# ---------------------------------------------------------------- taking a file in


def user_import_start(
    *,
    acting_user: User | None,
    account: Account,
    file: Any,
    source: str = ImportSource.UPLOAD,
    mapping: Mapping[str, str] | None = None,
    confirm: bool = False,
    renumber: bool = False,
    sure: bool = False,
    skip_purged: bool = False,
) -> ImportLog:
    """Store a file of people, propose what its columns mean, and queue the import.

    ``file``: a Django file or a binary stream. ``mapping``: field → heading, where the proposal is to be corrected.
    ``confirm``: wait for :func:`user_import_confirm`. ``renumber``: the company has changed its Unique User IDs, so a
    row with another one than the user of its address is no contradiction. ``sure``: it may change much of the account
    without asking. ``skip_purged``: who was purged before is left out. Raises :class:`ServiceError`, and nothing is
    stored, for what is no CSV, an unknown heading, or (without ``confirm``) a file without name or email column.
    """
    _refuse_account(acting_user, account)
    _refuse_while_paused()
    if not confirm:
        require_confirmed()
    stream = _binary(file)
    shape = _shape(stream)
    with closing(_rows(stream, shape)) as rows:
        first = [row.cells for row in islice(rows, FIRST_ROWS)]
        total = len(first) + sum(1 for _row in rows)
    proposed = proposal(shape.headings, account.import_mapping or {}, first, account.name)
    corrections = _corrections(shape, mapping or {})
    # What is said goes before what is only proposed, and may be left out.
    said = set(corrections.values())
    columns = {name: n for name, n in proposed.columns.items() if n not in said or name in NEEDED} | corrections
    if not confirm:
        _refuse_columns(shape.headings, columns)
    if not total:
        raise ServiceError(_("The file has headings and no rows. Add a row for each user."), code="empty")
    log = ImportLog(
        account=account,
        started_by=acting_user,
        source=source,
        encoding=_marked(shape.encoding),
        delimiter=shape.delimiter,
        mapping={
            "heading_line": shape.heading_line,
            "columns": columns,
            **_said_by_headings(shape.headings),
            **({"export": proposed.export} if proposed.export else {}),
            **({"against": {str(n): name for n, name in proposed.against.items()}} if proposed.against else {}),
            **{
                name: True
                for name, said in (("renumber", renumber), ("sure", sure), ("skip_purged", skip_purged))
                if said
            },
        },
        total_rows=total,
    )
    log.file.save("import.csv", _as_stored(stream, shape.encoding), save=False)
    try:
        with transaction.atomic():
            log.save()
            if not confirm:
                _queue(log, account, shape.headings)
    except BaseException:
        log.file.delete(save=False)
        raise
    return log


def user_import_confirm(
    *,
    acting_user: User | None,
    log: ImportLog,
    columns: Mapping[str, int] | None = None,
    sure: bool = False,
    skip_purged: bool | None = None,
) -> ImportLog:
    """Say what the columns mean (field → number from 0), remember it for the account, and queue the import.

    ``columns``: None for those that were said before. ``sure``: the answer to what an import asks that would change
    much of the account. ``skip_purged``: who was purged before is left out; None: as was said before. Doing it twice
    starts one import. Raises :class:`ServiceError` when name or email has no column, or the file is gone since a
    purge.
    """
    _refuse_account(acting_user, log.account)
    _refuse_while_paused()
    # A file may name the email and login of whoever administers the account.
    require_confirmed()
    head = import_head(acting_user=acting_user, log=log)
    columns = _columns_of(head, log.mapping["columns"] if columns is None else columns)
    _refuse_columns(head.headings, columns)
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=log.account_id)
        current = ImportLog.objects.select_for_update(of=("self",)).get(pk=log.pk)
        if current.state in (ImportState.UPLOADED, ImportState.ASKING):
            said = {name: value for name, value in current.mapping.items() if name not in ("sure", "foreseen")}
            if skip_purged is not None:
                said["skip_purged"] = skip_purged
            current.mapping = {**said, "columns": columns, **({"sure": True} if sure else {})}
            current.save(update_fields=["mapping"])
            _queue(current, account, head.headings)
    log.refresh_from_db()
    return log


def _queue(log: ImportLog, account: Account, headings: Sequence[str]) -> None:
    remembered = remember(account.import_mapping or {}, headings, log.mapping["columns"])
    Account.objects.filter(pk=account.pk).update(import_mapping=remembered)
    account.import_mapping = remembered
    log.state = ImportState.RUNNING
    log.save(update_fields=["state"])
    enqueue(TASK, log.pk)


def _said_by_headings(headings: Sequence[str]) -> dict[str, Any]:
    """What else the headings say of their cells: which states yes and no mean, and whose times are UTC."""
    yes_no = {str(number): pair for number, heading in enumerate(headings) if (pair := headings_of.yes_no_of(heading))}
    universal = [number for number, heading in enumerate(headings) if headings_of.is_universal_time(heading)]
    return {**({"yes_no": yes_no} if yes_no else {}), **({"universal": universal} if universal else {})}


def _columns_of(head: ImportHead, columns: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in columns.items() if name in FIELDS and number < len(head.headings)}


def _refuse_account(acting_user: User | None, account: Account) -> None:
    if account.kind == AccountKind.SYSTEM:
        raise ServiceError(_("People of the system account are not imported. Add them one by one."), code="system")
    if acting_user is not None and not acting_user.is_superuser and acting_user.account_id != account.pk:
        raise ServiceError(_("You can import people into your own account only."), code="account")


def _refuse_while_paused() -> None:
    """A restored database does not know who was purged since: a company's list would bring them back once more."""
    if site_is_fenced():
        raise ServiceError(
            _("This site is paused: an old backup was restored. Nobody is imported until that is dealt with."),
            code="paused",
        )


def _refuse_columns(headings: Sequence[str], columns: Mapping[str, int]) -> None:
    missing = missing_in(columns)
    if missing:
        raise ServiceError(
            _("No column is known as %(fields)s. Choose it among the headings.") % {"fields": ", ".join(missing)},
            code="columns",
        )
    if len(set(columns.values())) < len(columns):
        raise ServiceError(_("One column cannot mean two things."), code="twice")
    refusal = headings_of.refuse_people_as_headings(headings)
    if refusal:
        raise ServiceError(refusal, code="no_headings")


def _corrections(shape: Shape, mapping: Mapping[str, str]) -> dict[str, int]:
    corrected = {}
    wanted = {headings_of.plain(heading): number for number, heading in reversed(list(enumerate(shape.headings)))}
    for name, heading in mapping.items():
        if name not in FIELDS:
            raise ServiceError(
                _("Unknown field “%(field)s”. There are: %(fields)s.") % {"field": name, "fields": ", ".join(FIELDS)},
                code="field",
            )
        number = wanted.get(headings_of.plain(heading))
        if number is None:
            raise ServiceError(_("The file has no such heading for “%(field)s”.") % {"field": name}, code="heading")
        corrected[name] = number
    return corrected


def _binary(file: Any) -> BinaryIO:
    """A seekable stream of bytes. Refuses what is too big."""
    if not isinstance(file, StoredFile):
        file = StoredFile(file)
    if file.size > MOST_BYTES:
        most = MOST_BYTES // (1024 * 1024)
        raise ServiceError(_("The file is larger than %(most)d MB. Split it.") % {"most": most}, code="too_big")
    return _stream_of(file)


def _shape(stream: BinaryIO) -> Shape:
    try:
        return shape_of(stream, is_known)
    except UnreadableFile as reason:
        raise ServiceError(str(reason), code="unreadable") from None


def _rows(stream: BinaryIO, shape: Shape) -> Generator[Row]:
    return people_rows(stream, encoding=shape.encoding, delimiter=shape.delimiter, heading_line=shape.heading_line)


def _stream_of(stored: StoredFile[bytes]) -> BinaryIO:
    """The open stream below Django's file."""
    return cast(BinaryIO, stored.file)


_MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def _marked(encoding: str) -> str:
    return "utf-16" if encoding in _MARKS else encoding


def _as_stored(stream: BinaryIO, encoding: str) -> StoredFile[bytes]:
    """The file as it came; UTF-16 gets its mark, by which a purge knows how to read it."""
    stream.seek(0)
    mark = _MARKS.get(encoding)
    return ContentFile(mark + stream.read()) if mark else StoredFile(stream)


# ---------------------------------------------------------------- looking into it


def import_forecast(
    *,
    acting_user: User | None,
    log: ImportLog,
    columns: Mapping[str, int] | None = None,
    skip_purged: bool | None = None,
    seconds: float | None = None,
) -> Forecast:
    """What the import would do now, if it were confirmed with this (as in :func:`user_import_confirm`).

    ``seconds``: how long is looked at most. Raises :class:`ImportGone`, and :class:`ServiceError` as confirming does.
    """
    head = import_head(acting_user=acting_user, log=log)
    meant = _columns_of(head, log.mapping["columns"] if columns is None else columns)
    _refuse_columns(head.headings, meant)
    supposed = copy(log)
    supposed.mapping = {**log.mapping, "columns": meant}
    if skip_purged is not None:
        supposed.mapping["skip_purged"] = skip_purged
    with import_file_open(acting_user=acting_user, log=log) as stored:
        return forecast(supposed, _stream_of(stored), seconds=seconds)


@dataclass(frozen=True)
class ImportHead:
    """The headings of a stored file and its first rows, for the page on which its columns are chosen."""

    headings: tuple[str, ...]
    rows: list[list[str]]


def import_head(*, acting_user: User | None, log: ImportLog, rows: int = 3) -> ImportHead:
    """Raises :class:`ImportGone`."""
    with import_file_open(acting_user=acting_user, log=log) as stored:
        line = int(log.mapping["heading_line"])
        common = {"encoding": log.encoding, "delimiter": log.delimiter}
        with closing(people_rows(_stream_of(stored), heading_line=line - 1, **common)) as found:
            first, *others = islice(found, rows + 1)
    headings = tuple(cleaned(cell) for cell in first.cells)
    shown = ([cleaned(cell) for cell in row.cells] for row in others)
    return ImportHead(headings, [[*cells, *[""] * len(headings)][: len(headings)] for cells in shown])


def import_people_at(*, acting_user: User | None, log: ImportLog, lines: Collection[int]) -> dict[int, str]:
    """Who is on these lines of a stored file: line → name and address, as they stand there. Raises
    :class:`ImportGone`."""
    found: dict[int, str] = {}
    if not lines:
        return found
    parser = Loader.of(log).parser
    with import_file_open(acting_user=acting_user, log=log) as stored:
        rows = people_rows(
            _stream_of(stored),
            encoding=log.encoding,
            delimiter=log.delimiter,
            heading_line=int(log.mapping["heading_line"]),
        )
        with closing(rows):
            for row in rows:
                if row.line in lines:
                    found[row.line] = f"{parser.name(row.cells)}, {parser.cell('email', row.cells)}"
                if len(found) == len(lines):
                    break
    return found


def import_file_export(*, acting_user: User | None, log: ImportLog) -> StoredFile[bytes]:
    """The stored file, to be handed out: as :func:`import_file_open`, asked about and noted."""
    with transaction.atomic():
        export_begin(acting_user=acting_user, what="file of import", number=log.pk)
        return import_file_open(acting_user=acting_user, log=log)


def import_file_open(*, acting_user: User | None, log: ImportLog) -> StoredFile[bytes]:
    """The stored file, to read. Close it.

    Raises :class:`ImportGone` (to be answered with 410) when its link is dead, or when a purge is taking an address out
    of this account that the file mentions, whether or not a worker has come to it; or that another file of the account
    mentions, if this one is older than the purge.
    """
    log.refresh_from_db(fields=["file", "link_dead_at"])
    storage, name = log.file.storage, log.file.name
    if log.link_dead_at is not None or not name or not storage.exists(name):
        raise ImportGone
    if file_mentions(storage, name, open_addresses_for(log.account_id)) or _closes_with_another(log):
        raise ImportGone
    stored: StoredFile[bytes] = storage.open(name, "rb")
    return stored


def _closes_with_another(log: ImportLog) -> bool:
    """Whether another import of the account mentions an address of a purge that began after this one was uploaded."""
    keys = open_addresses_for(log.account_id, since=log.uploaded_at)
    if not keys:
        return False
    others = ImportLog.objects.filter(account_id=log.account_id, link_dead_at=None).exclude(pk=log.pk).order_by("-pk")
    names = others.values_list("file", "error_file")
    return any(file_mentions(log.file.storage, name, keys) for pair in names for name in pair if name)


def import_bad_rows(*, acting_user: User | None, log: ImportLog) -> Iterator[str]:
    """The rows that did not go in, as CSV in pieces: line, reason, and the row, to be mended and imported again.

    Made from the stored file each time, so that no second copy of it needs looking after. Raises :class:`ImportGone`.
    """
    with transaction.atomic():
        export_begin(acting_user=acting_user, what="bad rows of import", number=log.pk)
        stored = import_file_open(acting_user=acting_user, log=log)
    return _bad_rows(stored, log)


def _bad_rows(stored: StoredFile[bytes], log: ImportLog) -> Iterator[str]:
    line = int(log.mapping["heading_line"])
    errors = log.row_errors.order_by("line", "pk").only("line", "reason")
    reasons: Iterator[tuple[int, str]] = ((error.line, error.reason) for error in in_chunks(errors))
    with stored:
        rows = people_rows(_stream_of(stored), encoding=log.encoding, delimiter=log.delimiter, heading_line=line - 1)
        with closing(rows):
            headings = next(rows)
            yield "\ufeff" + _csv_line([*headings.cells, _("Line"), _("Reason")])
            bad = next(reasons, None)
            for row in rows:
                while bad is not None and bad[0] < row.line:
                    bad = next(reasons, None)
                if bad is None:
                    return
                if bad[0] == row.line:
                    cells = [*row.cells, *[""] * (len(headings.cells) - len(row.cells))]
                    yield _csv_line([*cells, str(row.line), bad[1]])


def _csv_line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


# ---------------------------------------------------------------- running


def user_import_run(*, log_id: int, seconds: float = SLICE_SECONDS) -> str:
    """Load what of an import is not loaded yet: "over", "more" when the time was up, "nothing to do", "taken over";
    "asks" when it would change much of the account and nobody has said that it may.

    Delivered twice, or again after a kill, it goes on behind the last batch; of two at once one gives up.
    """
    log = ImportLog.objects.select_related("account").filter(pk=log_id, state=ImportState.RUNNING).first()
    if log is None:
        return "nothing to do"
    with within_account(log.account_id, log):
        return _run(log, until=time.monotonic() + seconds)


def _run(log: ImportLog, *, until: float) -> str:
    try:
        stored = _open_to_run(log)
    except FileNotFoundError:
        _fail(log.pk, _words_of_what_is_missing(log))
        return "over"
    # One handle for all walks: a purge may erase the file between them.
    with stored, Survey() as survey:
        loader = Loader.of(log)
        loader.look_through(_stream_of(stored), survey)
        if is_asked_about(log):
            seen = foreseen(log, _stream_of(stored), survey, until=until)
            if _asks(log.pk, seen):
                return "asks"
        try:
            if not loader.load(_stream_of(stored), survey, until=until):
                return "more"
        except TakenOver:
            return "taken over"
        except AccountClosed:
            _fail(log.pk, _("The account is closed since a purge, so nobody else comes in."))
            return "over"
        refused = assign_managers(loader, _stream_of(stored))
    _finish(log.pk, refused)
    return "over"


def _asks(log_id: int, seen: Forecast) -> bool:
    """Note what would change, so that it is looked at once; whether it is so much that nothing goes in before
    :func:`user_import_confirm` says so."""
    with transaction.atomic():
        log = ImportLog.objects.select_for_update(of=("self",)).get(pk=log_id)
        if log.state == ImportState.RUNNING and not log.rows_done:
            log.mapping = {**log.mapping, "foreseen": seen.numbers()}
            log.state = ImportState.ASKING if seen.is_drastic else ImportState.RUNNING
            log.save(update_fields=["state", "mapping"])
            if seen.is_drastic:
                _erase_if_closed(log_id)
    return seen.is_drastic


def user_import_discard(*, acting_user: User | None, log: ImportLog) -> None:
    """Forget an import that asks, and its file: nothing of it has gone in."""
    _refuse_account(acting_user, log.account)
    with transaction.atomic():
        current = ImportLog.objects.select_for_update(of=("self",)).get(pk=log.pk)
        if current.state == ImportState.ASKING:
            storage, name = current.file.storage, str(current.file.name)
            current.delete()
            transaction.on_commit(lambda: storage.delete(name) if name else None)


def _open_to_run(log: ImportLog) -> StoredFile[bytes]:
    if not log.file.name:
        raise FileNotFoundError
    stored: StoredFile[bytes] = log.file.storage.open(log.file.name, "rb")
    return stored


def _words_of_what_is_missing(log: ImportLog) -> str:
    missing = max(log.total_rows - log.rows_done, 0)
    return ngettext(
        "A purge removed the file, which named a purged person. %(n)d of its %(total)d rows is missing, and so "
        "are the managers. Upload one without that person.",
        "A purge removed the file, which named a purged person. %(n)d of its %(total)d rows are missing, and so "
        "are the managers. Upload one without that person.",
        missing,
    ) % {"n": missing, "total": log.total_rows}


def _finish(log_id: int, refused_managers: Sequence[tuple[int, str]]) -> None:
    with transaction.atomic():
        finished = ImportLog.objects.filter(pk=log_id, state=ImportState.RUNNING).update(
            state=ImportState.COMPLETED, finished_at=timezone.now(), total_rows=F("rows_done")
        )
        if finished:
            ImportRowError.objects.bulk_create(
                (ImportRowError(log_id=log_id, line=line, reason=reason[:300]) for line, reason in refused_managers),
                batch_size=1_000,
            )
            _erase_if_closed(log_id)


def _erase_if_closed(log_id: int) -> None:
    """A purge that took the other files of the account left this one to be read to its end; now it goes too."""
    if ImportLog.objects.filter(pk=log_id).exclude(link_dead_at=None).exclude(file="").exists():
        enqueue(ERASE_TASK, log_id)


def import_file_erase(*, log_id: int) -> bool:
    """Erase the file of an import whose link is dead and that nobody reads any more. Whether there was one."""
    closed = ImportLog.objects.exclude(state=ImportState.RUNNING).exclude(link_dead_at=None).exclude(file="")
    log = closed.filter(pk=log_id).first()
    if log is None or can_still_be_called_off(log.account_id, since=log.uploaded_at):
        return False  # a request that only begins erases the file itself, or gives the link back
    if eraser_of(log.file.storage).erase([str(log.file.name)]) is not None:
        return False  # the file storage keeps it: its name stays with its row, and the final check finds it
    ImportLog.objects.filter(pk=log_id).update(file="")
    return True


def user_import_fail(*, log_id: int, error: str) -> None:
    """Note that an import stopped; ``error`` is the class of what stopped it."""
    _fail(
        log_id,
        _("It stopped with an error (%(error)s). Upload the file again: rows that went in are not changed twice.")
        % {"error": error},
    )


def _fail(log_id: int, why: str) -> None:
    with transaction.atomic():
        failed = ImportLog.objects.filter(pk=log_id, state=ImportState.RUNNING).update(
            state=ImportState.FAILED, failure=why[:200], finished_at=timezone.now()
        )
        if failed:
            _erase_if_closed(log_id)
