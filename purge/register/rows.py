"""A request as the register shows it, to people and to programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.choices import AskedBy, Basis, Origin, Route
from purge.host import get_host
from purge.models import PurgeRequest, RegisterNote
from purge.register.notes import NO_NOTE, Note
from purge.register.staff import staff_names
from purge.selectors import first_completed
from purge.standing import Standing, duration_text, moment_text, standings


@dataclass(frozen=True)
class RegisterRow:
    """``deadline``: overdue, late, in time, or '' while it is open and not due. ``reason``: '' for those who are not of
    the account. ``first_completed``: where it was reopened afterwards."""

    purge_request: PurgeRequest
    standing: Standing
    account: str
    initiator: str
    note: Note
    answer_by: date | None
    first_completed: datetime | None

    @property
    def type(self) -> str:
        return str(Route(self.purge_request.route).label)

    @property
    def started_by(self) -> str:
        return str(Origin(self.purge_request.origin).label)

    @property
    def asked_by(self) -> str:
        return str(AskedBy(self.note.asked_by).label) if self.note.asked_by else ""

    @property
    def basis(self) -> str:
        return str(Basis(self.note.basis).label) if self.note.basis else ""

    @property
    def took(self) -> timedelta | None:
        completed = self.purge_request.completed_at
        return completed - self.purge_request.accepted_at if completed is not None else None

    @property
    def took_text(self) -> str:
        return duration_text(self.took) if self.took is not None else ""

    @property
    def is_late(self) -> bool | None:
        """Whether it is over the deadline, completed or not; None: it is open and not due, or was cancelled."""
        completed = self.purge_request.completed_at
        if completed is not None:
            return completed > self.purge_request.due_at
        return True if self.purge_request.is_overdue else None

    @property
    def deadline(self) -> str:
        if self.is_late is None:
            return ""
        if self.purge_request.completed_at is None:
            return _("Overdue")
        return _("late") if self.is_late else _("in time")

    def as_json(self) -> dict[str, Any]:
        request = self.purge_request
        return {
            "request": request.reference,
            "account": request.account_id,
            "state": str(self.standing.state),
            "type": request.route,
            "started_by": request.origin,
            "initiator": self.initiator,
            **{name: value or None for name, value in vars(self.note).items() if name != "received_on"},
            "received_on": _iso(self.note.received_on),
            "answer_by": _iso(self.answer_by),
            "accepted": _iso(request.accepted_at),
            "due": _iso(request.due_at),
            "first_completed": _iso(self.first_completed),
            "completed": _iso(request.completed_at),
            "seconds": round(self.took.total_seconds()) if self.took is not None else None,
            "late": self.is_late,
            "people": request.selected_count,
        }

    def as_cells(self) -> list[str]:
        """For a spreadsheet: under :data:`HEADS`."""
        request = self.purge_request
        return [
            request.reference,
            self.account,
            self.standing.label,
            self.type,
            self.started_by,
            self.initiator,
            self.asked_by,
            self.basis,
            self.note.ticket,
            self.note.reason,
            _iso(self.note.received_on) or "",
            _iso(self.answer_by) or "",
            _iso(request.accepted_at) or "",
            _iso(request.due_at) or "",
            _iso(self.first_completed) or "",
            _iso(request.completed_at) or "",
            self.took_text,
            self.deadline,
            str(request.selected_count),
        ]

    @property
    def accepted(self) -> str:
        return moment_text(self.purge_request.accepted_at, self.standing.zone)

    @property
    def completed(self) -> str:
        return moment_text(self.purge_request.completed_at, self.standing.zone)

    @property
    def first_completed_text(self) -> str:
        return moment_text(self.first_completed, self.standing.zone)


HEADS = (
    gettext_lazy("Request ID"),
    gettext_lazy("Account"),
    gettext_lazy("State"),
    gettext_lazy("Type of purge"),
    gettext_lazy("Started by"),
    gettext_lazy("Initiator"),
    gettext_lazy("Asked by"),
    gettext_lazy("Basis"),
    gettext_lazy("Ticket"),
    gettext_lazy("Reason"),
    gettext_lazy("Letter received on"),
    gettext_lazy("Answer the person by"),
    gettext_lazy("Accepted"),
    gettext_lazy("Due"),
    gettext_lazy("First completed"),
    gettext_lazy("Completed"),
    gettext_lazy("Time to completion"),
    gettext_lazy("Late or in time"),
    gettext_lazy("People selected"),
)


def rows_for(requests: Sequence[PurgeRequest], reader: Any) -> list[RegisterRow]:
    """The requests of a page, which the reader may follow; the number of statements does not depend on how many."""
    stand, first = standings(requests, reader), first_completed(requests)
    notes = {row.pk: row for row in RegisterNote.objects.filter(request__in=[each.pk for each in requests])}
    names = staff_names((each.initiator_id for each in requests), reader)
    own = get_host().account_of(reader)
    ids = {each.account_id or each.excluded_account_id for each in requests} - {None}
    accounts = get_host().accounts([pk for pk in ids if pk is not None])
    rows = []
    for each in requests:
        noted = notes.get(each.pk)
        note = Note.of(noted) if noted is not None else NO_NOTE
        if own is None or own != each.account_id:
            note = Note(note.asked_by, note.basis, note.ticket, note.received_on)
        account = accounts.get(each.account_id or each.excluded_account_id or 0)
        rows.append(
            RegisterRow(
                purge_request=each,
                standing=stand[each.pk],
                account=account.name if account else "",
                initiator=names.get(each.initiator_id or 0, ""),
                note=note,
                answer_by=noted.answer_by if noted is not None else None,
                first_completed=first.get(each.pk),
            )
        )
    return rows


def _iso(moment: date | datetime | None) -> str | None:
    return (
        moment.isoformat(timespec="seconds") if isinstance(moment, datetime) else moment.isoformat() if moment else None
    )
