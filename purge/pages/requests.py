"""How requests and their steps are told to people: words, tones, progress. No query that a page did not ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Count, Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import Actor, Fate, Origin, Status, StepState, UnopenedKind
from purge.models import FollowUp, PurgeRequest, PurgeStep, Residue
from purge.rules.registry import get_registry, person_model
from purge.standing import Standing, duration_text
from purge.steps.plan import labels_of

#: Time left is said only once it is known well: a tenth is done, and that took a while.
KNOWN_SHARE, KNOWN_SECONDS = 0.1, 15
WORKING = (Status.QUEUED, Status.RUNNING, Status.VERIFYING)


# ---------------------------------------------------------------- where a request stands


@dataclass(frozen=True)
class Progress:
    """What a progress bar shows. ``percent``: 0 to 100; ``left``: a sentence, empty while it is not known well."""

    percent: int
    step: str
    done: int
    planned: int
    left: str

    @property
    def label(self) -> str:
        return _("%(done)s of %(planned)s rows") % {
            "done": number_format(self.done, force_grouping=True),
            "planned": number_format(self.planned, force_grouping=True),
        }


def watch_state(purge_request: PurgeRequest, standing: Standing) -> str:
    """What a waiting page watches: when this word changes, it is another page."""
    if purge_request.status not in WORKING:
        return str(standing.state)
    return "working" if purge_request.next_attempt_at is None else f"waiting-{purge_request.attempts}"


def progress_of(purge_request: PurgeRequest, steps: Sequence[PurgeStep], *, everything: bool) -> Progress:
    """How far a request is. The bar never shows 100 before the proof is there.

    ``everything``: for support; else only rows of the account that asked are counted.
    """
    if everything:
        planned, done = max(purge_request.rows_planned, purge_request.rows_done), purge_request.rows_done
    else:
        done = sum(step.own_done for step in steps)
        planned = max(sum(step.own_planned for step in steps), done)
    share = done / planned if planned else 0.0
    if purge_request.status == Status.COMPLETED:
        percent = 100
    elif purge_request.status in (Status.VERIFYING, Status.ERASED):
        percent = 95
    elif purge_request.planned and not purge_request.steps_left:
        percent = 90
    else:
        percent = min(90, 5 + int(85 * share)) if purge_request.planned else 0
    return Progress(
        percent, _current_step(purge_request, steps, everything), done, planned, _time_left(purge_request, share)
    )


def _current_step(purge_request: PurgeRequest, steps: Sequence[PurgeStep], everything: bool) -> str:
    match purge_request.status:
        case Status.ERASED:
            return _("Waiting for the final check of every text")
        case Status.VERIFYING:
            return _("Looking for anything left, in every table of the database")
        case Status.RUNNING if not purge_request.planned:
            return _("Counting what there is to do")
        case Status.RUNNING:
            waiting = [
                step.key
                for step in steps
                if step.state == StepState.WAITING and (step.planned if everything else step.own_planned)
            ][:1]
            return "".join(labels_of(waiting).values()) or _("Erasing the people themselves, and files")
        case _resting:
            return ""


def _time_left(purge_request: PurgeRequest, share: float) -> str:
    if purge_request.status != Status.RUNNING or purge_request.started_at is None or not KNOWN_SHARE <= share < 1:
        return ""
    spent = (timezone.now() - purge_request.started_at).total_seconds()
    if spent < KNOWN_SECONDS:
        return ""
    seconds = spent * (1 - share) / share
    if seconds < 60:
        return _("less than a minute left")
    minutes = round(seconds / 60)
    return ngettext("about %(n)d minute left", "about %(n)d minutes left", minutes) % {"n": minutes}


@dataclass(frozen=True)
class Due:
    """The thirty days as a bar."""

    day: int
    days: int
    overdue: bool

    @property
    def label(self) -> str:
        if self.overdue:
            return _("Overdue: it should have been completed after %(days)d days") % {"days": self.days}
        return _("Day %(day)d of %(days)d") % {"day": self.day, "days": self.days}


def due_of(purge_request: PurgeRequest) -> Due:
    days = max(1, (purge_request.due_at - purge_request.accepted_at).days)
    until = purge_request.completed_at or timezone.now()
    day = min(days, max(1, (until - purge_request.accepted_at).days + 1))
    return Due(day, days, purge_request.is_overdue)


# ---------------------------------------------------------------- ledger, residue, follow-ups


@dataclass(frozen=True)
class StepLine:
    """A line of the ledger of steps."""

    label: str
    planned: int
    done: int
    left: int
    finished: bool


def step_lines(steps: Iterable[PurgeStep], *, everything: bool) -> tuple[list[StepLine], int]:
    """The steps that had something to do, and how many places were looked at and had nothing.

    ``everything``: for support; else only rows of the account that asked are counted.
    """
    steps = list(steps)
    labels = labels_of(step.key for step in steps)
    lines, empty = [], 0
    for step in steps:
        finished = step.state == StepState.DONE
        planned, done = (step.planned, step.done) if everything else (step.own_planned, step.own_done)
        if not planned and not done:
            empty += 1
            continue
        left = 0 if finished else max(0, planned - done)
        lines.append(StepLine(labels[step.key], max(planned, done) if finished else planned, done, left, finished))
    return lines, empty


def no_steps_text(purge_request: PurgeRequest) -> str:
    """What stands in the place of the steps while none has, or had, a row to do."""
    if purge_request.status == Status.CANCELLED:
        return _("The request was cancelled before any step was done.")
    if not purge_request.is_open:
        return _("No step had a row to erase or change.")
    if purge_request.planned:
        return _("No step has a row to erase or change.")
    return _("The steps are listed here as soon as the plan is made.")


@dataclass(frozen=True)
class ResidueLine:
    """Where something was found, never what."""

    place: str
    row: str
    found_at: datetime
    gone: bool
    advice: str


def residue_lines(residues: Iterable[Residue]) -> list[ResidueLine]:
    return [
        ResidueLine(
            place=f"{residue.table}.{residue.column}",
            row=residue.row,
            found_at=residue.found_at,
            gone=residue.gone_at is not None,
            advice=_advice(residue),
        )
        for residue in residues
    ]


def _advice(residue: Residue) -> str:
    model = person_model()
    if (residue.table, residue.column) == (model._meta.db_table, model._meta.pk.column):
        return _(
            "This user was purged and is back, from a backup or another system: see manage.py purge_replay --since."
        )
    if residue.ruled:
        return _("A rule treats this column: try again.")
    return _("No rule treats this column. Write one in the purge_rules.py of its app, then try again.")


@dataclass(frozen=True)
class UnopenedLine:
    """How many stored files could not be opened for one reason, and how many of them are erased."""

    kind: UnopenedKind
    files: int
    erased: int

    @property
    def label(self) -> str:
        text = ngettext("%(n)d file: %(kind)s", "%(n)d files: %(kind)s", self.files) % {
            "n": self.files,
            "kind": self.kind.label,
        }
        if not self.erased:
            return text
        return _("%(files)s (erased: %(n)d)") % {"files": text, "n": self.erased}

    def as_json(self) -> dict[str, Any]:
        return {"kind": str(self.kind), "files": self.files, "erased": self.erased}


def unopened_of(purge_request: PurgeRequest, *, everything: bool) -> list[UnopenedLine]:
    """The stored files that could not be opened, by kind. ``everything``: for support; else only those of the account
    that asked."""
    files = purge_request.unopened_files.all()
    if not everything:
        files = files.filter(account_id=purge_request.account_id or 0)
    counted = files.values("kind").annotate(n=Count("pk"), gone=Count("pk", filter=Q(erased=True))).order_by("kind")
    return [UnopenedLine(UnopenedKind(each["kind"]), each["n"], each["gone"]) for each in counted]


def erased_of(purge_request: PurgeRequest, *, everything: bool) -> int:
    """How many people it has erased. ``everything``: for support; else only those of the account that asked."""
    erased = purge_request.subjects.filter(fate=Fate.ERASED)
    return (erased if everything else erased.filter(account_id=purge_request.account_id or 0)).count()


def took_text(purge_request: PurgeRequest) -> str:
    """How long it took to its end; '' before."""
    if purge_request.completed_at is None:
        return ""
    return duration_text(purge_request.completed_at - purge_request.accepted_at)


def next_step_text(standing: Standing, to_dos: int, *, own: bool) -> str:
    """Who acts next: before the end whoever ends a wait, after it those who have something left to do.

    ``own``: for the administrators of the account that asked.
    """
    if standing.who != Actor.NOBODY:
        return str(standing.who.label)
    if not to_dos:
        return "–"
    if own:
        return ngettext("you, %(n)d to-do", "you, %(n)d to-dos", to_dos) % {"n": to_dos}
    return ngettext(
        "the account's administrators, %(n)d to-do", "the account's administrators, %(n)d to-dos", to_dos
    ) % {"n": to_dos}


@dataclass(frozen=True)
class FollowUpLine:
    """Something left for people to do. ``link`` is empty where no page shows the row."""

    follow_up: FollowUp
    label: str
    name: str
    link: str


def follow_up_lines(follow_ups: Iterable[FollowUp]) -> list[FollowUpLine]:
    """The follow-ups with the names of their rows; a query for each kind of row."""
    follow_ups = list(follow_ups)
    names: dict[tuple[str, int], str] = {}
    for label in {row.model for row in follow_ups}:
        model = apps.get_model(label)
        pks = [row.row for row in follow_ups if row.model == label]
        for instance in model._base_manager.filter(pk__in=pks):
            names[label, instance.pk] = str(instance)
    return [
        FollowUpLine(
            follow_up=row,
            label=_what_to_do(row.kind),
            name=names.get((row.model, row.row), _("no longer there")),
            link=_change_link(row.model, row.row) if (row.model, row.row) in names else "",
        )
        for row in follow_ups
    ]


def _what_to_do(kind: str) -> str:
    """The owning app's words; of one that is not installed any more nothing is left but its word for it."""
    declared = get_registry().consequences.get(kind)
    return str(declared.label) if declared is not None else kind.replace("_", " ")


def _change_link(label: str, pk: int) -> str:
    return link_to(f"admin:{label.lower().replace('.', '_')}_change", pk)


def link_to(name: str, *args: Any) -> str:
    """The address of a page, or '' where the page is not installed."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def initiator_label(purge_request: PurgeRequest) -> str:
    """Who asked for it, for the people of their own account."""
    if purge_request.origin == Origin.RULE:
        return _("an operator of the platform")
    if purge_request.initiator_id is None:
        return _("nobody who is still here")
    return str(get_user_model()._base_manager.get(pk=purge_request.initiator_id))
