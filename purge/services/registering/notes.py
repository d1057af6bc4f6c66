"""The note of a request: written with it, added later, completed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from purge.host import Person, get_host
from purge.models import PurgeRequest, RegisterNote
from purge.register.notes import NO_NOTE, CannotNote, Note, check_names_nobody, check_note, write_note
from purge.run.claims import note as note_in_ledger
from purge.services.refusals import NotAllowed, NoteRefused


def may_note(acting_user: Any, purge_request: PurgeRequest) -> bool:
    """Whether somebody may write into the register about a request: who may purge in its account."""
    account_id = purge_request.account_id
    return account_id is not None and get_host().may_purge(acting_user.pk, account_id)


def register_note_set(*, acting_user: Any, purge_request: PurgeRequest, note: Note) -> RegisterNote:
    """Add the note of a request, or write another in its place. Of what stays as it is nothing is asked again.

    Raises :class:`NoteRefused`; then nothing has changed.
    """
    if not may_note(acting_user, purge_request) or purge_request.account_id is None:
        raise NotAllowed("permission", _("Only who may purge in this account can write into its register."))
    with transaction.atomic():
        # Who is gone meanwhile is compared by what is left of them: the request's row is what both wait for.
        current = PurgeRequest.across_accounts.select_for_update().get(pk=purge_request.pk)
        row = RegisterNote.across_accounts.filter(request=current).first()
        before = Note.of(row)
        if row is not None and note == before:
            return row
        try:
            check_note(note, account_id=purge_request.account_id)
            check_names_nobody(_new_texts(note, before), of=current)
        except CannotNote as refusal:
            raise NoteRefused(refusal.field, str(refusal)) from None
        written = write_note(current, note, changed_by=acting_user)
        note_in_ledger(current, "noted", actor_id=acting_user.pk)
    return written


def check_first_note(note: Note, *, account_id: int, people: Iterable[Person]) -> None:
    """Before a request is accepted with it. Raises :class:`NoteRefused`."""
    try:
        check_note(note, account_id=account_id)
        check_names_nobody(note, people=people)
    except CannotNote as refusal:
        raise NoteRefused(refusal.field, str(refusal)) from None


def note_checked(note: Note, *, account_id: int, user_ids: Collection[int]) -> tuple[Note, dict[str, str]]:
    """Of a note about people who are to be purged, what can be kept, and why the rest cannot, by the names of fields.
    Changes nothing."""
    people = get_host().people(user_ids) if not note.is_empty else []
    kept, refused = NO_NOTE, {}
    for each in fields(Note):
        alone = replace(NO_NOTE, **{each.name: getattr(note, each.name)})
        try:
            check_first_note(alone, account_id=account_id, people=people)
        except NoteRefused as refusal:
            refused[refusal.field] = str(refusal)
        else:
            kept = replace(kept, **{each.name: getattr(note, each.name)})
    return kept, refused


def _new_texts(note: Note, before: Note) -> Note:
    return Note(
        ticket=note.ticket if note.ticket != before.ticket else "",
        reason=note.reason if note.reason != before.reason else "",
    )
