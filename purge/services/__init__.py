"""Everything that changes a purge request: submit, release, cancel, try again, look up; and the purge log.

Admin pages, commands and tasks call these; every refusal is a :class:`PurgeRefused` whose message says what to do
instead, and leaves nothing half-done.
"""

from purge.register.notes import Note
from purge.services.accepting import Identities
from purge.services.following import (
    follow_up_done,
    follow_up_undone,
    locked_files_retry,
    may_follow,
    notice_decline,
    proved_parts_release,
    purge_cancel,
    purge_release,
    purge_retry,
)
from purge.services.identity_provider import ImsPreview, purge_preview_ims, purge_submit_ims
from purge.services.looking_up import Whereabouts, look_up, sentences_of
from purge.services.refusals import NotAllowed, NoteRefused, PurgeRefused, SelectionChanged
from purge.services.registering.notes import may_note, note_checked, register_note_set
from purge.services.replay.asking import Decisions, purge_replay
from purge.services.replay.judging import Finding, Judged, Judgement, Task, replay_judge
from purge.services.restoring import journal_acknowledge
from purge.services.selection import Selection
from purge.services.submission import (
    Batch,
    LeftOut,
    Preview,
    purge_preview,
    purge_preview_address,
    purge_submit,
    purge_submit_address,
    purge_submit_batch,
)
from purge.services.taking_out import purge_take_out

__all__ = [
    "Batch",
    "Decisions",
    "Finding",
    "Identities",
    "ImsPreview",
    "Judged",
    "Judgement",
    "LeftOut",
    "NotAllowed",
    "Note",
    "NoteRefused",
    "Preview",
    "PurgeRefused",
    "Selection",
    "SelectionChanged",
    "Task",
    "Whereabouts",
    "follow_up_done",
    "follow_up_undone",
    "journal_acknowledge",
    "locked_files_retry",
    "look_up",
    "may_follow",
    "may_note",
    "note_checked",
    "notice_decline",
    "proved_parts_release",
    "purge_cancel",
    "purge_preview",
    "purge_preview_address",
    "purge_preview_ims",
    "purge_release",
    "purge_replay",
    "purge_retry",
    "purge_submit",
    "purge_submit_address",
    "purge_submit_batch",
    "purge_submit_ims",
    "purge_take_out",
    "register_note_set",
    "replay_judge",
    "sentences_of",
]
