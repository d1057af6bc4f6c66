"""Files that are made for one reader and never stored: the list, the owners of outside copies, transcripts."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.selectors import OutsideCopy
from learning.models import AssignedSkill, AwardedBadge, Certificate, Enrolment
from purge.database.chunks import in_chunks
from purge.pages.moments import file_name
from users.models import DeletedUser
from users.services import export_begin, zone_of

#: What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BOM = "\ufeff"


def formula_safe(value: Any) -> str:
    """A cell that a spreadsheet shows as it is, and never reckons."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def csv_export(
    contents: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    acting_user: Any,
    account_id: int | None,
    what: str,
    number: int | None = None,
) -> StreamingHttpResponse:
    """A CSV attachment of people, written while it is sent. The byte-order mark tells spreadsheets that it is UTF-8.
    Its name says the ``contents``, the account, if it is of one, and the day.
    Who takes it out is asked who they are, and noted: ``what`` it is, and the number of what it is of."""
    export_begin(acting_user=acting_user, what=what, number=number)
    writer = csv.writer(_Echo())

    def lines() -> Iterator[str]:
        yield BOM + writer.writerow([formula_safe(cell) for cell in head])
        for row in rows:
            yield writer.writerow([formula_safe(cell) for cell in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(contents, "csv", account_id=account_id)}"'
    response["Cache-Control"] = "no-store"
    return response


# ---------------------------------------------------------------- the list


def people_rows(parts: Iterable[QuerySet[DeletedUser]]) -> Iterator[list[Any]]:
    """Deleted users in the order of the list, a chunk in memory at a time."""
    for part in parts:
        for person in in_chunks(part.select_related("account", "deleted_by")):
            yield [
                person.name,
                person.email,
                person.unique_user_id,
                person.get_kind_display(),
                _minute(person.deleted_at, person),
                person.deleted_by.name if person.deleted_by else "",
            ]


def people_head() -> list[str]:
    return [_("Name"), _("Email"), _("Unique User ID"), _("Kind"), _("Date deleted"), _("Deleted by")]


def _minute(moment: Any, person: Any) -> str:
    """A moment in the account's time zone, with its offset: "2026-11-29T12:10+01:00"."""
    return timezone.localtime(moment, zone_of(person.account)).isoformat(timespec="minutes") if moment else ""


# ---------------------------------------------------------------- outside copies


def outside_head() -> list[str]:
    return [_("Name"), _("Email"), _("Application"), _("Organisation"), _("Contact")]


def outside_rows(copies: Iterable[OutsideCopy]) -> Iterator[list[Any]]:
    for copy in copies:
        yield [copy.name, copy.email, copy.application, copy.organisation, copy.contact]


def mail_texts(copies: Iterable[OutsideCopy]) -> list[tuple[str, str, str]]:
    """(application, whom to write to, ready text) for each application that holds data of the people."""
    people: dict[tuple[str, str], list[str]] = {}
    for copy in copies:
        people.setdefault((copy.application, copy.contact), []).append(f"- {copy.name}, {copy.email}")
    opening = _(
        "we erase the personal data of the following people from our learning platform. You received data of them "
        "through “%(application)s”. Please erase it too, and confirm to us when that is done."
    )
    return [
        (application, contact, "\n".join([_("Hello,"), "", opening % {"application": application}, "", *lines]))
        for (application, contact), lines in people.items()
    ]


# ---------------------------------------------------------------- transcripts


def transcript_head() -> list[str]:
    return [_("Name"), _("Email"), _("Unique User ID"), _("Record"), _("Title"), _("State"), _("Date")]


def transcript_rows(ids: Collection[int]) -> Iterator[list[Any]]:
    """What the people have learned, by kind of record, person by person."""
    for record, title, state, date, rows in _records(ids):
        for row in in_chunks(rows.select_related("user__account").order_by("user__name", "user_id", "pk")):
            person = row.user
            moment = _minute(date(row), person)
            yield [person.name, person.email, person.unique_user_id, record, title(row), state(row), moment]


def _records(ids: Collection[int]) -> list[tuple[str, Any, Any, Any, QuerySet[Any]]]:
    return [
        (
            _("Enrolment"),
            lambda row: row.course.title,
            lambda row: row.get_state_display(),
            lambda row: row.completed_at or row.enrolled_at,
            Enrolment.objects.filter(user_id__in=ids).select_related("course"),
        ),
        (
            _("Certificate"),
            lambda row: row.course.title,
            lambda row: row.number,
            lambda row: row.issued_at,
            Certificate.objects.filter(user_id__in=ids).select_related("course"),
        ),
        (
            _("Badge"),
            lambda row: row.badge.name,
            lambda row: "",
            lambda row: row.awarded_at,
            AwardedBadge.objects.filter(user_id__in=ids).select_related("badge"),
        ),
        (
            _("Skill"),
            lambda row: row.skill.name,
            lambda row: row.get_level_display(),
            lambda row: row.achieved_at or row.assigned_at,
            AssignedSkill.objects.filter(user_id__in=ids).select_related("skill"),
        ),
    ]
