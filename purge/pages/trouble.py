"""What went wrong, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import Fate, Status
from purge.models import PurgeRequest
from purge.pages.requests import WORKING
from purge.routes.scope import DOOMED_REASONS

# ---------------------------------------------------------------- trouble


@dataclass(frozen=True)
class Trouble:
    """What went wrong, in plain words, and what happens next."""

    what: str
    next: str


def trouble_of(purge_request: PurgeRequest, *, account_id: int | None = None) -> Trouble | None:
    """None while all is well. ``account_id``: count the people of this account alone, for readers who learn of no
    other."""
    if purge_request.status == Status.RESIDUE and account_id is not None:
        return Trouble(
            _("After the erasure, personal data was found where there should be none."),
            _("Support looks at the places and clears them. The request completes when a full search finds nothing."),
        )
    if purge_request.status == Status.RESIDUE:
        return Trouble(
            ngettext(
                "After the erasure, personal data was found in %(n)d place that should have none.",
                "After the erasure, personal data was found in %(n)d places that should have none.",
                purge_request.residue_left,
            )
            % {"n": purge_request.residue_left},
            _(
                "Support looks at the places listed below. Once they are mended, “Try again” erases what is left; the "
                "request completes only when a full search finds nothing."
            ),
        )
    if purge_request.status == Status.NEEDS_ATTENTION:
        return Trouble(
            f"{_what_failed(purge_request)} {_who_is_gone(purge_request, account_id)}",
            _("The purge is paused and needs help. You can retry safely."),
        )
    if purge_request.status in WORKING and purge_request.next_attempt_at is not None:
        return Trouble(
            f"{_what_failed(purge_request)} {_who_is_gone(purge_request, account_id)}",
            _("It is tried again by itself %(when)s (attempt %(n)d).")
            % {"when": _when(purge_request.next_attempt_at), "n": purge_request.attempts + 1},
        )
    return None


def _what_failed(purge_request: PurgeRequest) -> str:
    match purge_request.error_class:
        case "PersonCannotBeDeleted":
            if purge_request.error_step in ("", "unknown"):
                return _("Somebody could not be erased because another table still refers to them.")
            return _(
                "Somebody could not be erased because the table “%(table)s” still refers to them and no rule says what "
                "to do with it."
            ) % {"table": purge_request.error_step}
        case "WorkerDied":
            return _("The worker stopped again and again while it was at this request.")
        case "MoreRowsThanPlanned":
            return _(
                "The step “%(step)s” was about to change more rows than were chosen for it. That piece of work was "
                "taken back. Trying again does not help until it is known whose rows the others are."
            ) % {"step": purge_request.error_step or _("unknown")}
        case "HashKeyMissing":
            return _("The key that recognises purged addresses is missing or was changed, so nothing can be proved.")
        case "ObjectNotInPrerequisiteState":
            return _(
                "The database lets no row of “%(table)s” be deleted or changed as that is set up, for example because "
                "it is published for replication and has no replica identity. Trying again does not help until an "
                "operator has changed that."
            ) % {"table": purge_request.error_step or _("unknown")}
        case "InsufficientPrivilege":
            return _(
                "The database does not give this product the rights that it needs on “%(table)s”. Trying again does "
                "not help until an operator has granted them."
            ) % {"table": purge_request.error_step or _("unknown")}
        case "FilesLocked" | "FilesOnHold":
            return _("The file storage keeps some stored files: they are locked there. Everything else is erased.")
        case "FilesRefused":
            return _(
                "The file storage does not let this product erase some stored files: the right %(right)s is missing. "
                "Everything else is erased."
            ) % {"right": purge_request.error_step or _("unknown")}
        case "OperationalError" | "InterfaceError":
            return _("The database could not be reached, or was too busy.")
        case "":
            return _("It stopped.")
        case name:
            step = purge_request.error_step or _("unknown")
            return _("An error stopped it: %(error)s at “%(step)s”.") % {"error": name, "step": step}


def _who_is_gone(purge_request: PurgeRequest, account_id: int | None) -> str:
    """How many people are erased and how many are not, counted."""
    people = purge_request.subjects.filter(role__in=DOOMED_REASONS).exclude(fate=Fate.RELEASED)
    if account_id is not None:
        people = people.filter(account_id=account_id)
    fates = list(people.values_list("fate", flat=True))
    left = sum(1 for fate in fates if fate in (Fate.WAITING, Fate.STUCK))
    gone = len(fates) - left
    if not fates:
        return ""
    if not gone:
        return ngettext(
            "Nobody is erased yet: %(n)d person is still there.",
            "Nobody is erased yet: %(n)d people are still there.",
            left,
        ) % {"n": left}
    if not left:
        return ngettext("%(n)d person is erased, nobody is left.", "%(n)d people are erased, nobody is left.", gone) % {
            "n": gone
        }
    erased = ngettext("%(n)d person is erased", "%(n)d people are erased", gone) % {"n": gone}
    rest = ngettext("%(n)d is still there", "%(n)d are still there", left) % {"n": left}
    return _("%(erased)s, %(rest)s.") % {"erased": erased, "rest": rest}


def technical_text(purge_request: PurgeRequest) -> str:
    """What support needs to mend a failure: the last error's class, step, and names of what refused; no values."""
    if purge_request.status != Status.NEEDS_ATTENTION and purge_request.next_attempt_at is None:
        return ""
    events = ("needs_attention", "person_stuck", "failed")
    facts: dict[str, Any] = {}
    for entry in purge_request.ledger.filter(event__in=events).order_by("-pk")[:2]:
        facts = {**entry.facts, **facts}
    shown = [f"{name} {facts[name]}" for name in ("state", "constraint", "table") if facts.get(name)]
    at = purge_request.error_step or facts.get("step") or _("unknown")
    return ", ".join([f"{purge_request.reference}: {purge_request.error_class or _('unknown')}", f"step {at}", *shown])


def _when(moment: datetime) -> str:
    wait = moment - timezone.now()
    if wait <= timedelta(0):
        return _("in a moment")
    minutes = int(wait.total_seconds() // 60)
    if not minutes:
        return _("in less than a minute")
    return ngettext("in about %(n)d minute", "in about %(n)d minutes", minutes) % {"n": minutes}
