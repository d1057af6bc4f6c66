"""Where a request stands, in one of five states, for whoever reads about it.

The only source for list, page, progress, commands, notification, mail, tile and filter: what is said of a request in
one place cannot contradict another. The engine's own :class:`purge.choices.Status` stays behind it.

Waits run side by side from acceptance and never add up. Shown is the one that a person has to end, else the one that
ends last; the others are listed. What a customer may not know has one constant sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from purge.choices import OPEN_STATUSES, Actor, FilesStay, Reader, State, Status
from purge.hashing import HashKeyMissing, fingerprint
from purge.host import get_host
from purge.journal.noticing import Trouble, trouble
from purge.models import PurgeRequest
from purge.selectors import worker_beats, worker_patience

FOLLOW, OPERATE = "purge.follow_requests", "purge.operate_requests"

TONES = {
    State.WAITING: "warning",
    State.IN_PROGRESS: "info",
    State.NEEDS_HELP: "error",
    State.COMPLETED: "success",
    State.CANCELLED: "quiet",
}

#: Statuses in which nothing happens until support has looked.
STOPPED = (Status.NEEDS_ATTENTION, Status.RESIDUE)
#: Statuses in which a worker goes on by itself.
AT_WORK = (Status.RUNNING, Status.VERIFYING, Status.ERASED)

#: Why an operator has to look at a request; for those who see all accounts.
WHY_HELD = {
    "members": gettext_lazy("It would empty trial accounts of more than fifty other people."),
    "rate": gettext_lazy(
        "The purges of its account, or of whoever asked for it, reach unusually many users and rows of other accounts "
        "today."
    ),
    "unproved": gettext_lazy(
        "Its account has not proved that these addresses are its own, and they are in use in other accounts."
    ),
}

CUSTOMERS = (Reader.INITIATOR, Reader.ADMINISTRATOR)
OPERATORS = (Reader.OPERATOR, Reader.COMMAND_LINE)


# ---------------------------------------------------------------- what decides it


@dataclass(frozen=True)
class Wait:
    """Something that a request waits for.

    ``actor``: who ends it; ``until``: when it ends by itself, None where a person ends it. ``chosen``: the account
    chose to wait, so the request is neither late nor in trouble meanwhile. ``over``: it has ended.
    """

    kind: str
    label: str
    actor: Actor
    until: datetime | None = None
    chosen: bool = False
    over: bool = False

    @property
    def needs_a_person(self) -> bool:
        return self.actor not in (Actor.WORKER, Actor.NOBODY)


def shown_wait(waits: Sequence[Wait]) -> Wait | None:
    """The wait to name: the first that a person has to end, else the one that ends last; None when none is left."""
    left = [wait for wait in waits if not wait.over]
    for wait in left:
        if wait.needs_a_person:
            return wait
    return max(left, key=lambda wait: wait.until.timestamp() if wait.until else 0.0, default=None)


def only_chosen(waits: Sequence[Wait]) -> bool:
    """Whether all that is left to wait for was chosen by the account."""
    left = [wait for wait in waits if not wait.over]
    return bool(left) and all(wait.chosen for wait in left)


@dataclass(frozen=True)
class Silence:
    """Whether a worker answers. ``since``: its last sign of life, None when there has never been one.

    ``trouble``: why no worker takes up anything on this site; a restored backup for one. ``without_files``: those that
    answer see another file storage than the web, so they take up nothing. ``without_key``: what purged addresses are
    recognised by is missing, so nothing is proved and nothing completed.
    """

    silent: bool = False
    since: datetime | None = None
    trouble: Trouble | None = None
    without_files: bool = False
    without_key: bool = False
    #: Without any sign of life only a request that has waited so long is said to wait for a worker.
    accepted_before: datetime | None = None

    def meets(self, purge_request: PurgeRequest, now: datetime) -> bool:
        """Whether this request waits for a worker that is not there."""
        if not self.silent or purge_request.status not in (Status.QUEUED, *AT_WORK):
            return False
        if purge_request.lease_until is not None and purge_request.lease_until > now:
            return False  # somebody is at it: a command that does the work itself, or who was killed a moment ago
        return self.accepted_before is None or purge_request.accepted_at < self.accepted_before

    def condition(self, now: datetime) -> Q:
        """The same as a condition on requests."""
        if not self.silent:
            return Q(pk__in=())
        condition = Q(status__in=(Status.QUEUED, *AT_WORK)) & (Q(lease_until=None) | Q(lease_until__lte=now))
        if self.accepted_before is not None:
            condition &= Q(accepted_at__lt=self.accepted_before)
        return condition


def worker_silence(now: datetime) -> Silence:
    """Whether any worker has answered lately, and may take up work."""
    if paused := trouble():
        return Silence(silent=True, trouble=paused)
    beats = worker_beats()
    if not beats:
        return Silence(silent=True, accepted_before=now - worker_patience())
    alive = [trouble for beat_at, trouble in beats if beat_at > now - worker_patience()]
    if alive and all(alive):
        return Silence(silent=True, without_files=True)
    if alive and _key_is_missing():
        return Silence(silent=True, without_key=True)
    return Silence(silent=not alive, since=beats[0][0])


def _key_is_missing() -> bool:
    try:
        fingerprint()
    except HashKeyMissing:
        return True
    return False


def silence_text(silence: Silence, zone: str) -> str:
    """That no worker answers, for those who wait and can do nothing about it."""
    if silence.since is None:
        said = _("Purges are not being processed yet.")
    else:
        said = _("Purges are paused: the background worker has not responded since %(beat)s.")
    queued = _("New requests are queued; nothing is lost.")  # gettext finds nothing within an f-string
    return f"{said % {'beat': moment_text(silence.since, zone)}} {queued}"


# ---------------------------------------------------------------- the answer


@dataclass(frozen=True)
class Standing:
    """Where a request stands, for one reader.

    ``sentence``: what it waits for, who ends it, until when. ``who``: the one who has to act; ``until``: when it ends
    by itself or is due, None once it is over. ``waits``: everything it waits or waited for, the one shown first.
    """

    state: State
    sentence: str
    who: Actor
    who_label: str
    until: datetime | None
    zone: str
    overdue: bool = False
    waits: tuple[Wait, ...] = ()
    can_cancel: bool = False
    can_retry: bool = False
    can_release: bool = False

    @property
    def label(self) -> str:
        return str(self.state.label)

    @property
    def tone(self) -> str:
        """The colour class: quiet, info, success, warning or error."""
        return TONES[self.state]

    @property
    def others(self) -> tuple[Wait, ...]:
        """What it waits or waited for besides what the sentence says."""
        return self.waits[1:] if self.waits and not self.waits[0].over else self.waits

    def as_json(self) -> dict[str, Any]:
        return {
            "state": str(self.state),
            "label": self.label,
            "tone": self.tone,
            "sentence": self.sentence,
            "acts_next": str(self.who),
            "until": self.until,
            "overdue": self.overdue,
        }


def standing(purge_request: PurgeRequest, reader: Any, *, now: datetime | None = None) -> Standing:
    """Where a request stands, for a user (None: the command line), who may follow it."""
    return standings([purge_request], reader, now=now)[purge_request.pk]


def standings(
    purge_requests: Iterable[PurgeRequest], reader: Any, *, now: datetime | None = None
) -> dict[int, Standing]:
    """The same for many: primary key → standing. The number of queries does not depend on how many there are."""
    requests = list(purge_requests)
    now = now or timezone.now()
    silence = worker_silence(now)
    zones = zones_of(requests)
    rights = _Rights(reader)
    return {
        purge_request.pk: _standing(
            purge_request, reader_of(reader, purge_request), rights, silence, zones[purge_request.pk], now
        )
        for purge_request in requests
    }


def sentence_for(purge_request: PurgeRequest, reader: Reader, *, now: datetime | None = None) -> str:
    """The sentence alone, for a kind of reader: what a notification says to everybody of that kind."""
    now = now or timezone.now()
    silence, zone = worker_silence(now), zones_of([purge_request])[purge_request.pk]
    waits = _waits(purge_request, reader, silence, now, zone)
    return _sentence(purge_request, reader, shown_wait(waits), silence, zone)


def reader_of(user: Any, purge_request: PurgeRequest) -> Reader:
    """As whom somebody reads about a request."""
    if user is None:
        return Reader.COMMAND_LINE
    if user.has_perm(OPERATE):
        return Reader.OPERATOR
    if user.has_perm(FOLLOW):
        return Reader.SUPPORT
    return Reader.INITIATOR if user.pk == purge_request.initiator_id else Reader.ADMINISTRATOR


def zone_of(user: Any) -> str:
    """The time zone of somebody's own account; UTC for those who see all accounts."""
    account_id = get_host().account_of(user)
    account = get_host().accounts([account_id]).get(account_id) if account_id is not None else None
    return account.time_zone if account else "UTC"


def zones_of(requests: Iterable[PurgeRequest]) -> dict[int, str]:
    """In which time zone everybody reads a request's dates: its account's, so that nobody reads another day.

    What was split off from a request is due when that is, and on the same day.
    """
    requests = list(requests)
    accounts = {
        purge_request.pk: purge_request.account_id or purge_request.excluded_account_id for purge_request in requests
    }
    facts = get_host().accounts({pk for pk in accounts.values() if pk is not None})
    return {pk: facts[account].time_zone if account in facts else "UTC" for pk, account in accounts.items()}


class _Rights:
    """What a reader may do, asked once for each account."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._purges: dict[int, bool] = {}

    def may_cancel(self, purge_request: PurgeRequest, reader: Reader) -> bool:
        if reader in OPERATORS:
            return True
        if purge_request.account_id is None:
            return False
        if purge_request.account_id not in self._purges:
            self._purges[purge_request.account_id] = get_host().may_purge(self.user.pk, purge_request.account_id)
        return self._purges[purge_request.account_id]


def _standing(
    purge_request: PurgeRequest, reader: Reader, rights: _Rights, silence: Silence, zone: str, now: datetime
) -> Standing:
    waits = _waits(purge_request, reader, silence, now, zone)
    shown = shown_wait(waits)
    state = _state(purge_request, shown)
    who = _who(purge_request, shown)
    overdue = purge_request.is_open and purge_request.due_at < now and not only_chosen(waits)
    ordered = tuple(sorted(waits, key=lambda wait: wait is not shown))
    not_begun = purge_request.status in (Status.HELD, Status.QUEUED) and not purge_request.planned
    return Standing(
        state=state,
        sentence=_sentence(purge_request, reader, shown, silence, zone),
        who=who,
        who_label=who_label(who, reader),
        until=_until(purge_request, shown),
        zone=zone,
        overdue=overdue,
        waits=ordered,
        can_cancel=not_begun and rights.may_cancel(purge_request, reader),
        can_retry=purge_request.status in STOPPED or _waits_for_next_attempt(purge_request),
        can_release=purge_request.status == Status.HELD and reader in OPERATORS,
    )


def _waits_for_next_attempt(purge_request: PurgeRequest) -> bool:
    return purge_request.status in (Status.QUEUED, *AT_WORK) and purge_request.next_attempt_at is not None


def _state(purge_request: PurgeRequest, shown: Wait | None) -> State:
    match purge_request.status:
        case Status.COMPLETED:
            return State.COMPLETED
        case Status.CANCELLED:
            return State.CANCELLED
        case Status.NEEDS_ATTENTION | Status.RESIDUE:
            return State.NEEDS_HELP
        case _open:
            return State.WAITING if shown is not None else State.IN_PROGRESS


def _who(purge_request: PurgeRequest, shown: Wait | None) -> Actor:
    if not purge_request.is_open:
        return Actor.NOBODY
    if purge_request.status in STOPPED:
        return Actor.SUPPORT
    return shown.actor if shown is not None else Actor.WORKER


def _until(purge_request: PurgeRequest, shown: Wait | None) -> datetime | None:
    if not purge_request.is_open:
        return None
    if purge_request.status == Status.NEEDS_ATTENTION and purge_request.files_locked_until:
        return purge_request.files_locked_until
    return shown.until if shown and shown.until else purge_request.due_at


# ---------------------------------------------------------------- waits

PLATFORM_CHECK, WORKER, NEXT_ATTEMPT, TURN = "platform_check", "worker", "next_attempt", "turn"


def _waits(purge_request: PurgeRequest, reader: Reader, silence: Silence, now: datetime, zone: str) -> list[Wait]:
    """Everything a request waits or waited for; those that a person ends in the order in which they have to end."""
    waits: list[Wait] = []
    if not purge_request.is_open or purge_request.status in STOPPED:
        return waits
    if purge_request.status == Status.HELD:
        waits.append(Wait(PLATFORM_CHECK, _("The platform's check"), Actor.OPERATOR))
    elif purge_request.released_at is not None and reader not in CUSTOMERS:
        waits.append(Wait(PLATFORM_CHECK, _("The platform's check"), Actor.OPERATOR, over=True))
    if silence.meets(purge_request, now):
        label = _("The operators' look at this site") if silence.trouble else _("A worker")
        waits.append(Wait(WORKER, label, Actor.OPERATOR))
    if _waits_for_next_attempt(purge_request):
        label = _("The next attempt, %(when)s") % {"when": moment_text(purge_request.next_attempt_at, zone)}
        waits.append(Wait(NEXT_ATTEMPT, label, Actor.WORKER, until=purge_request.next_attempt_at))
    if purge_request.status == Status.QUEUED and not any(not wait.over for wait in waits):
        waits.append(Wait(TURN, _("Its turn"), Actor.WORKER))
    return waits


# ---------------------------------------------------------------- words


def _sentence(purge_request: PurgeRequest, reader: Reader, shown: Wait | None, silence: Silence, zone: str) -> str:
    due = moment_text(purge_request.due_at, zone)
    match purge_request.status:
        case Status.COMPLETED:
            return _("Completed and checked on %(when)s.") % {"when": moment_text(purge_request.completed_at, zone)}
        case Status.CANCELLED:
            return _("Cancelled. Nothing was erased, and everybody is as they were before.")
        case Status.NEEDS_ATTENTION if purge_request.error_class in list(FilesStay):
            return _files_stay_text(purge_request, reader, zone)
        case Status.NEEDS_ATTENTION:
            return _stopped_text(purge_request, reader) % {"due": due, **_failure(purge_request)}
        case Status.RESIDUE:
            return _found_text(reader) % {"due": due}
    if shown is None:
        return _working_text(purge_request) % {"due": due}
    match shown.kind:
        case "platform_check":
            return _check_text(reader) % {"why": _why(purge_request), "due": due}
        case "worker":
            return _silence_text(purge_request, reader, silence, zone) % {"due": due}
        case "next_attempt":
            when = moment_text(purge_request.next_attempt_at, zone)
            return _attempt_text(reader) % {"when": when, "n": purge_request.attempts + 1, **_failure(purge_request)}
        case _turn:
            return _("Waiting for its turn. It starts by itself, there is nothing to do. Due %(due)s.") % {"due": due}


def _why(purge_request: PurgeRequest) -> str:
    return str(WHY_HELD.get(purge_request.held_reason, gettext_lazy("It is unusual.")))


def _failure(purge_request: PurgeRequest) -> dict[str, str]:
    return {"error": purge_request.error_class or _("unknown"), "step": purge_request.error_step or _("unknown")}


def _check_text(reader: Reader) -> str:
    if reader in CUSTOMERS:
        return _("Waiting for the platform's check. An operator ends it, there is nothing for you to do. Due %(due)s.")
    if reader in OPERATORS:
        return _("Waiting for the platform's check: %(why)s Release it, or cancel it. Due %(due)s.")
    return _("Waiting for the platform's check: %(why)s An operator releases it, or cancels it. Due %(due)s.")


def _silence_text(purge_request: PurgeRequest, reader: Reader, silence: Silence, zone: str) -> str:
    if silence.trouble:
        begins = silence.trouble.for_operators if reader in OPERATORS else silence.trouble.for_customers
    elif silence.without_files:
        begins = _("The worker sees another file storage than the web.")
        if reader in CUSTOMERS:
            begins = _("The platform's file storage has to be looked at by those who run it.")
    elif silence.without_key:
        begins = _("PURGE_HASH_KEY is not set (32 characters at least).")
        if reader in CUSTOMERS:
            begins = _("Purging is paused while we check the installation. Support has been notified.")
    elif silence.since is not None:
        begins = _("No worker has answered since %(since)s.") % {"since": moment_text(silence.since, zone)}
    else:
        begins = _("No worker is running.")
    if purge_request.started_at is not None:
        safe = _("The request is safe, nothing is lost.")
    elif reader in CUSTOMERS:
        safe = _("Your request is safe, nothing has been erased.")
    else:
        safe = _("The request is safe, nothing has been erased.")
    if silence.trouble and reader in OPERATORS:
        ends = _("Due %(due)s.")
    elif silence.trouble:
        ends = _("It goes on by itself once they have. Due %(due)s.")
    elif silence.without_key and reader in OPERATORS:
        ends = _("Restore it from its backup (manage.py check). Due %(due)s.")
    elif silence.without_key:
        ends = _("It goes on by itself once an operator has mended that. Due %(due)s.")
    elif silence.without_files and reader in OPERATORS:
        ends = _("See manage.py purge_storage. Due %(due)s.")
    elif silence.without_files:
        ends = _("It goes on by itself once an operator has mended that. Due %(due)s.")
    elif reader in OPERATORS:
        ends = _("Start a worker (manage.py worker). Due %(due)s.")
    else:
        ends = _("It goes on by itself once an operator has started a worker. Due %(due)s.")
    return f"{begins} {safe} {ends}"


def _attempt_text(reader: Reader) -> str:
    if reader in CUSTOMERS:
        return _("An attempt failed. The next one begins by itself on %(when)s, nothing is lost.")
    return _(
        "An attempt failed (%(error)s at “%(step)s”). Attempt %(n)s begins by itself on %(when)s, or with “Try again”."
    )


def _working_text(purge_request: PurgeRequest) -> str:
    if purge_request.status == Status.ERASED:
        return _("Everything is erased. The final check of every text follows by itself, tonight at the latest.")
    if purge_request.status == Status.VERIFYING:
        return _("Everything is erased. Now the database is searched for anything left, by itself. Due %(due)s.")
    return _("The purge is running by itself. There is nothing to do. Due %(due)s.")


def _stopped_text(purge_request: PurgeRequest, reader: Reader) -> str:
    if reader in CUSTOMERS:
        return _("The purge stopped, nothing is lost. Support has to help: give them the request ID. Due %(due)s.")
    if reader == Reader.SUPPORT:
        return _("The purge stopped (%(error)s at “%(step)s”). You, the support, have to look into it. Due %(due)s.")
    return _("The purge stopped (%(error)s at “%(step)s”). Support has to look into it. Due %(due)s.")


def _files_stay_text(purge_request: PurgeRequest, reader: Reader, zone: str) -> str:
    """Everything but some stored files is erased, and the file storage keeps those."""
    if purge_request.error_class == FilesStay.LOCKED and reader in CUSTOMERS:
        text = _(
            "Stored files could not be erased until %(until)s: the file storage keeps them until then. It goes on by "
            "itself, and support has been told. Due %(due)s."
        )
    elif purge_request.error_class == FilesStay.LOCKED:
        text = _(
            "Stored files could not be erased until %(until)s: an object lock of the bucket keeps them. It is tried "
            "again by itself then, or with “Try again”. Due %(due)s."
        )
    elif reader in CUSTOMERS:
        text = _(
            "Stored files could not be erased, everything else is. Support has to help: give them the request ID. Due "
            "%(due)s."
        )
    elif purge_request.error_class == FilesStay.ON_HOLD:
        text = _(
            "Stored files could not be erased until a legal hold on them is lifted in the bucket. Then “Try "
            "again”. Due %(due)s."
        )
    else:
        text = _(
            "Stored files could not be erased until the product has the right %(step)s on the bucket. Grant it, then "
            "“Try again”. Due %(due)s."
        )
    until = moment_text(purge_request.files_locked_until, zone)
    return text % {"until": until, "due": moment_text(purge_request.due_at, zone), **_failure(purge_request)}


def _found_text(reader: Reader) -> str:
    if reader in CUSTOMERS:
        return _("Data was found after the purge. Support has to clear it: give them the request ID. Due %(due)s.")
    if reader == Reader.SUPPORT:
        return _("Data was found after the purge. You, the support, have to clear it and try again. Due %(due)s.")
    return _("Data was found after the purge. Support has to clear it and try again. Due %(due)s.")


def who_label(who: Actor, reader: Reader) -> str:
    """Who has to act, as a phrase for this reader."""
    match who:
        case Actor.NOBODY:
            return _("nobody: the purge is over")
        case Actor.WORKER:
            return _("nothing for you to do")
        case Actor.OPERATOR:
            return _("an operator (you)") if reader in OPERATORS else _("an operator of the platform")
        case Actor.SUPPORT if reader in CUSTOMERS:
            return _("support: give them the request ID")
        case _support:
            return _("support (you)") if reader == Reader.SUPPORT else _("support")


# ---------------------------------------------------------------- moments


def zone_named(zone: str) -> ZoneInfo:
    """The time zone of this name, or UTC where the database of zones does not know it."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def duration_text(took: timedelta) -> str:
    """A length of time, rounded as people say it."""
    if took < timedelta(minutes=1):
        return _("under 1 minute")
    minutes = round(took.total_seconds() / 60)
    if minutes < 120:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = round(hours / 24)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def moment_text(moment: datetime | None, zone: str) -> str:
    """A moment with its zone: "29 Nov 2026, 12:10 CET"; "–" for none."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment, zone_named(zone))
    name = local.tzname() or "UTC"
    # Zones without letters of their own are called after their distance.
    name = f"UTC{name}" if name[0] in "+-" else name
    return f"{date_format(local, 'DATE_FORMAT')}, {local:%H:%M} {name}"


# ---------------------------------------------------------------- the same as a query


def in_state(state: str | None, now: datetime | None = None) -> Q:
    """The requests of a state, as a condition: the filter of a list and the number on a tile agree with the page."""
    now = now or timezone.now()
    waits = Q(status__in=(Status.HELD, Status.QUEUED)) | Q(status__in=AT_WORK, next_attempt_at__isnull=False)
    waits |= worker_silence(now).condition(now)
    match state:
        case State.WAITING:
            return waits
        case State.IN_PROGRESS:
            return Q(status__in=AT_WORK) & ~waits
        case State.NEEDS_HELP:
            return Q(status__in=STOPPED)
        case State.COMPLETED:
            return Q(status=Status.COMPLETED)
        case _cancelled:
            return Q(status=Status.CANCELLED)


def is_late(now: datetime | None = None) -> Q:
    """The requests that should have been completed by now."""
    return Q(status__in=OPEN_STATUSES, due_at__lt=now or timezone.now())
