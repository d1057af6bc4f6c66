"""How requests, steps and rules are told to people: words, tones, progress. No query that a page did not ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from purge.choices import Fate, NoticeState, Status, StepState
from purge.host import get_host
from purge.models import FollowUp, ImsNotice, LedgerEntry, PurgeRequest, PurgeStep, Residue
from purge.policy import Policy, policies
from purge.registry import ColumnRule, get_registry
from purge.rules import (
    Blank,
    Delete,
    DeleteAbout,
    Detach,
    EndRow,
    EraseFile,
    HandOver,
    Keep,
    Redact,
    Rule,
    TakeOut,
    Unassign,
    Withdraw,
    WithRow,
)
from purge.scope import DOOMED_ROLES
from purge.standing import Standing, moment_words, zone_named

#: Time left is said only once it is known well: a tenth is done, and that took a while.
KNOWN_SHARE, KNOWN_SECONDS = 0.1, 15

NOTICE_TONES = {NoticeState.OPEN: "warning", NoticeState.PURGED: "success", NoticeState.DECLINED: "quiet"}
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
    def words(self) -> str:
        return _("%(done)s of %(planned)s rows") % {"done": f"{self.done:,}", "planned": f"{self.planned:,}"}


def watch_state(request: PurgeRequest, standing: Standing) -> str:
    """What a waiting page watches: when this word changes, it is another page."""
    if request.status not in WORKING:
        return str(standing.state)
    return "working" if request.next_attempt_at is None else f"waiting-{request.attempts}"


def progress_of(request: PurgeRequest, steps: Sequence[PurgeStep], *, everything: bool) -> Progress:
    """How far a request is. The bar never shows 100 before the proof is there.

    ``everything``: for support; else only rows of the account that asked are counted.
    """
    if everything:
        planned, done = max(request.rows_planned, request.rows_done), request.rows_done
    else:
        done = sum(step.own_done for step in steps)
        planned = max(sum(step.own_planned for step in steps), done)
    share = done / planned if planned else 0.0
    if request.status == Status.COMPLETED:
        percent = 100
    elif request.status == Status.VERIFYING:
        percent = 95
    elif request.planned and not request.steps_left:
        percent = 90
    else:
        percent = min(90, 5 + int(85 * share)) if request.planned else 0
    return Progress(percent, _current_step(request, steps, everything), done, planned, _time_left(request, share))


def _current_step(request: PurgeRequest, steps: Sequence[PurgeStep], everything: bool) -> str:
    match request.status:
        case Status.VERIFYING:
            return _("Looking for anything left, in every table of the database")
        case Status.RUNNING if not request.planned:
            return _("Counting what there is to do")
        case Status.RUNNING:
            waiting = next(
                (
                    step.words
                    for step in steps
                    if step.state == StepState.WAITING and (step.planned if everything else step.own_planned)
                ),
                "",
            )
            return waiting or _("Erasing the people themselves, and files")
        case _resting:
            return ""


def _time_left(request: PurgeRequest, share: float) -> str:
    if request.status != Status.RUNNING or request.started_at is None or not KNOWN_SHARE <= share < 1:
        return ""
    spent = (timezone.now() - request.started_at).total_seconds()
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
    def words(self) -> str:
        if self.overdue:
            return _("Overdue: it should have been completed after %(days)d days") % {"days": self.days}
        return _("Day %(day)d of %(days)d") % {"day": self.day, "days": self.days}


def due_of(request: PurgeRequest) -> Due:
    days = max(1, (request.due_at - request.accepted_at).days)
    until = request.completed_at or timezone.now()
    day = min(days, max(1, (until - request.accepted_at).days + 1))
    return Due(day, days, request.is_overdue)


# ---------------------------------------------------------------- trouble


@dataclass(frozen=True)
class Trouble:
    """What went wrong, in plain words, and what happens next."""

    what: str
    next: str


def trouble_of(request: PurgeRequest, *, account_id: int | None = None) -> Trouble | None:
    """None while all is well. ``account_id``: count the people of this account alone, for readers who learn of no
    other."""
    if request.status == Status.RESIDUE:
        return Trouble(
            ngettext(
                "After the erasure, personal data was found in %(n)d place that should have none.",
                "After the erasure, personal data was found in %(n)d places that should have none.",
                request.residue_left,
            )
            % {"n": request.residue_left},
            _(
                "Support looks at the places listed below. Once they are mended, “Try again” erases what is left; the "
                "request completes only when a full search finds nothing."
            ),
        )
    if request.status == Status.NEEDS_ATTENTION:
        return Trouble(
            f"{_what_failed(request)} {_who_is_gone(request, account_id)}",
            _("It does not continue by itself. Nothing that was erased comes back, and nothing is erased twice."),
        )
    if request.status in WORKING and request.next_attempt_at is not None:
        return Trouble(
            f"{_what_failed(request)} {_who_is_gone(request, account_id)}",
            _("It is tried again by itself %(when)s (attempt %(n)d).")
            % {"when": _when(request.next_attempt_at), "n": request.attempts + 1},
        )
    return None


def _what_failed(request: PurgeRequest) -> str:
    match request.error_class:
        case "PersonCannotBeDeleted":
            if request.error_step in ("", "unknown"):
                return _("Somebody could not be erased because another table still refers to them.")
            return _(
                "Somebody could not be erased because the table “%(table)s” still refers to them and no rule says what "
                "to do with it."
            ) % {"table": request.error_step}
        case "WorkerDied":
            return _("The worker stopped again and again while it was at this request.")
        case "MoreRowsThanPlanned":
            return _(
                "The step “%(step)s” was about to change more rows than were chosen for it. That piece of work was "
                "taken back. Trying again does not help until it is known whose rows the others are."
            ) % {"step": request.error_step or _("unknown")}
        case "HashKeyMissing":
            return _("The key that recognises purged addresses is missing or was changed, so nothing can be proved.")
        case "OperationalError" | "InterfaceError":
            return _("The database could not be reached, or was too busy.")
        case "":
            return _("It stopped.")
        case name:
            step = request.error_step or _("unknown")
            return _("An error stopped it: %(error)s at “%(step)s”.") % {"error": name, "step": step}


def _who_is_gone(request: PurgeRequest, account_id: int | None) -> str:
    """How many people are erased and how many are not, counted."""
    people = request.subjects.filter(role__in=DOOMED_ROLES).exclude(fate=Fate.RELEASED)
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


def technical_words(request: PurgeRequest) -> str:
    """What support needs to mend a failure: the last error's class, step, and names of what refused; no values."""
    if request.status != Status.NEEDS_ATTENTION and request.next_attempt_at is None:
        return ""
    events = ("needs_attention", "person_stuck", "failed")
    facts: dict[str, Any] = {}
    for entry in request.ledger.filter(event__in=events).order_by("-pk")[:2]:
        facts = {**entry.facts, **facts}
    shown = [f"{name} {facts[name]}" for name in ("state", "constraint", "table") if facts.get(name)]
    at = request.error_step or facts.get("step") or _("unknown")
    return ", ".join([f"{request.reference}: {request.error_class or _('unknown')}", f"step {at}", *shown])


def _when(moment: datetime) -> str:
    wait = moment - timezone.now()
    if wait <= timedelta(0):
        return _("in a moment")
    minutes = int(wait.total_seconds() // 60)
    if not minutes:
        return _("in less than a minute")
    return ngettext("in about %(n)d minute", "in about %(n)d minutes", minutes) % {"n": minutes}


# ---------------------------------------------------------------- ledger, residue, follow-ups


@dataclass(frozen=True)
class StepLine:
    """A line of the ledger of steps."""

    words: str
    planned: int
    done: int
    left: int
    finished: bool


def step_lines(steps: Iterable[PurgeStep], *, everything: bool) -> tuple[list[StepLine], int]:
    """The steps that had something to do, and how many places were looked at and had nothing.

    ``everything``: for support; else only rows of the account that asked are counted.
    """
    lines, empty = [], 0
    for step in steps:
        finished = step.state == StepState.DONE
        planned, done = (step.planned, step.done) if everything else (step.own_planned, step.own_done)
        if not planned and not done:
            empty += 1
            continue
        left = 0 if finished else max(0, planned - done)
        lines.append(StepLine(step.words, max(planned, done) if finished else planned, done, left, finished))
    return lines, empty


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
            advice=_("A rule treats this column: try again.")
            if residue.ruled
            else _("No rule treats this column. Write one in the purge_rules.py of its app, then try again."),
        )
        for residue in residues
    ]


FOLLOW_UP_WORDS = {
    "connector_disabled": gettext_lazy("Connector has stopped: fill in what was blanked, or confirm it, and enable it"),
    "webhook_disabled": gettext_lazy("Webhook has stopped: fill in its user name or address and enable it"),
    "session_without_instructor": gettext_lazy("Session needs an instructor"),
    "unique_id_emptied": gettext_lazy("Unique User ID was a purged address and is empty now: give the user another"),
    "account_without_administrator": gettext_lazy("Account has no active Administrator"),
}


@dataclass(frozen=True)
class Task:
    """Something left for people to do. ``link`` is empty where no page shows the row."""

    follow_up: FollowUp
    words: str
    name: str
    link: str


def tasks_of(follow_ups: Iterable[FollowUp]) -> list[Task]:
    """The follow-ups with the names of their rows; a query for each kind of row."""
    follow_ups = list(follow_ups)
    names: dict[tuple[str, int], str] = {}
    for label in {row.model for row in follow_ups}:
        model = apps.get_model(label)
        pks = [row.row for row in follow_ups if row.model == label]
        for instance in model._base_manager.filter(pk__in=pks):
            names[label, instance.pk] = str(instance)
    return [
        Task(
            follow_up=row,
            words=str(FOLLOW_UP_WORDS.get(row.kind, row.kind.replace("_", " "))),
            name=names.get((row.model, row.row), _("no longer there")),
            link=_change_link(row.model, row.row) if (row.model, row.row) in names else "",
        )
        for row in follow_ups
    ]


def _change_link(label: str, pk: int) -> str:
    return link_to(f"admin:{label.lower().replace('.', '_')}_change", pk)


def link_to(name: str, *args: Any) -> str:
    """The address of a page, or '' where the page is not installed."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


EVENTS = {
    "grown": gettext_lazy("Users found who had been overlooked"),
    "taken_out": gettext_lazy("Taken out by an operator"),
    "accepted": gettext_lazy("Accepted"),
    "held": gettext_lazy("Waiting for the platform's check"),
    "released": gettext_lazy("Checked by an operator"),
    "planned": gettext_lazy("Plan stored"),
    "failed": gettext_lazy("Attempt failed"),
    "needs_attention": gettext_lazy("Stopped: needs help"),
    "tried_again": gettext_lazy("Tried again"),
    "people_erased": gettext_lazy("People erased"),
    "person_stuck": gettext_lazy("Somebody could not be erased"),
    "verified": gettext_lazy("Looked: something was left, so the plan runs again"),
    "residue": gettext_lazy("Personal data found"),
    "completed": gettext_lazy("Completed and verified"),
    "cancelled": gettext_lazy("Cancelled"),
}


def event_words(event: str) -> str:
    """What a ledger entry says."""
    return str(EVENTS.get(event, event.replace("_", " ")))


# ---------------------------------------------------------------- routes and data map

TICKS = (
    ("delete_selected", gettext_lazy("Selected users are erased")),
    ("delete_trial_matches", gettext_lazy("Matching users of all trial accounts are erased")),
    ("delete_matching_creators", gettext_lazy("… also a match who created that trial account")),
    ("delete_users_of_created_trials", gettext_lazy("… and then everybody else in that account")),
    ("scrub_requesting_account", gettext_lazy("Address taken out of the requesting account")),
    ("scrub_trial_accounts", gettext_lazy("Address taken out of all trial accounts")),
)


@dataclass(frozen=True)
class RouteLine:
    name: str
    ticks: list[bool]
    told: str


def route_lines() -> list[RouteLine]:
    """The policy table, as it stands under the present settings."""
    return [
        RouteLine(str(route.label), [getattr(policy, name) for name, _words in TICKS], _told(policy))
        for route, policy in policies().items()
    ]


def _told(policy: Policy) -> str:
    return str(policy.notify.label) if policy.notify else _("nobody")


@dataclass(frozen=True)
class MapLine:
    column: str
    treatment: str
    reason: str
    kept: bool


@dataclass(frozen=True)
class MapEntry:
    """One model of the data map."""

    noun: str
    model: str
    app: str
    lines: list[MapLine]


def data_map() -> list[MapEntry]:
    """Every column with a rule, grouped by what an administrator calls the rows, in the order of a purge."""
    registry = get_registry()
    return [
        MapEntry(
            noun=str(entry.rules.noun),
            model=label,
            app=str(entry.model._meta.app_config.verbose_name),
            lines=[_map_line(column) for column in entry.columns.values()],
        )
        for label, entry in sorted(
            registry.entries.items(), key=lambda item: (item[0].split(".")[0], item[1].rules.noun)
        )
        if entry.columns
    ]


def exempt_lines() -> list[tuple[str, str]]:
    """Tables that no rule looks at, with the reason."""
    return sorted((table, str(exempt.reason)) for table, exempt in get_registry().exempt.items())


def _map_line(column: ColumnRule) -> MapLine:
    rule = column.rule
    kept = isinstance(rule, Keep)
    reason = str(rule.reason) if isinstance(rule, Keep | EndRow) else _consequence(rule)
    return MapLine(str(column.field.verbose_name), treatment_words(rule), reason, kept)


def _consequence(rule: Rule) -> str:
    then = getattr(rule, "then", None)
    if not then:
        return ""
    return _("then: %(what)s") % {"what": then.rpartition(".")[2].replace("_", " ")}


def treatment_words(rule: Rule) -> str:
    """What a purge does to a column, in a few words."""
    match rule:
        case Keep():
            return _("kept")
        case Delete() | DeleteAbout():
            return _("row deleted")
        case WithRow():
            return _("goes with its row")
        case Withdraw():
            return _("row deleted, or emptied where others replied")
        case Detach():
            return _("reference removed")
        case HandOver():
            return _("handed over")
        case Unassign():
            return _("taken off")
        case Blank():
            return _("emptied where it names the person")
        case TakeOut():
            return _("the person’s address leaves the list")
        case Redact():
            return _("the address is replaced in the text")
        case EraseFile(whole_account=True):
            return _("file erased, also when its account loses somebody")
        case EraseFile():
            return _("file erased")
        case EndRow():
            return _("row deleted as soon as an address is met in it")
        case other:
            raise TypeError(f"{type(other).__name__} has no words")


def initiator_words(request: PurgeRequest) -> str:
    """Who asked for it, for the people of his own account."""
    if request.initiator_id is None:
        return _("nobody who is still here")
    return str(get_user_model()._base_manager.get(pk=request.initiator_id))


# ---------------------------------------------------------------- moments, ledger, notices


def time_tag(moment: datetime | None, zone: str) -> SafeString | str:
    """A date in a time zone, with the exact time and the zone on hover."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment, zone_named(zone))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        moment_words(moment, zone),
        date_format(local, "j M Y"),
    )


#: Facts of ledger entries that people read; the others are the engine's own. Totals count other accounts as well.
FACT_WORDS = {
    "people": gettext_lazy("people: %s"),
    "already_gone": gettext_lazy("already gone: %s"),
    "steps": gettext_lazy("steps: %s"),
    "hits": gettext_lazy("places: %s"),
    "attempt": gettext_lazy("attempt %s"),
    "error": gettext_lazy("error: %s"),
    "table": gettext_lazy("table: %s"),
    "kept": gettext_lazy("kept: %s"),
}


#: What the account that asked reads of them: ``own`` counts people, and only its own.
OWN_FACT_WORDS = {
    "own": FACT_WORDS["people"],
    "steps": FACT_WORDS["steps"],
    "attempt": FACT_WORDS["attempt"],
}
#: Events that happen because of what is in other accounts.
ELSEWHERE_EVENTS = ("grown", "held", "released", "let_go")


def fact_words(entry: LedgerEntry, *, everything: bool) -> str:
    """The numbers of a ledger entry. Zeros say nothing. ``everything``: for those who see all accounts."""
    words = FACT_WORDS if everything else OWN_FACT_WORDS
    return ", ".join(str(text) % entry.facts[key] for key, text in words.items() if entry.facts.get(key))


def history_lines(entries: Iterable[LedgerEntry], *, everything: bool) -> list[tuple[str, datetime, str]]:
    """What happened when: (words, moment, numbers), without what other accounts brought about unless ``everything``."""
    return [
        (event_words(entry.event), entry.at, fact_words(entry, everything=everything))
        for entry in entries
        if everything or entry.event not in ELSEWHERE_EVENTS
    ]


@dataclass(frozen=True)
class NoticePerson:
    """The user a notice is about, for his own account's administrators. ``link``: the page where one goes on."""

    name: str
    deleted: bool
    link: str


def notice_person(notice: ImsNotice) -> NoticePerson | None:
    """None once he is gone."""
    facts = get_host().people([notice.user_id]) if notice.user_id is not None else []
    if not facts:
        return None
    deleted = facts[0].state == "deleted"
    page = f"admin:users_{getattr(notice.user, 'kind', 'internal')}user_change"
    cleanup = link_to("admin:users_deleteduser_changelist")
    return NoticePerson(str(notice.user), deleted, cleanup if deleted else link_to(page, notice.user_id))
