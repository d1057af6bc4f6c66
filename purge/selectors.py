"""Questions about requests that other apps, pages and commands ask."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from purge.choices import CLAIMABLE_STATUSES, OPEN_STATUSES, Fate, IdentifierKind, Reason, Status, Verdict
from purge.database import dialect_of
from purge.database.horizon import Holder, Kind
from purge.host import TenantKind, get_host
from purge.models import FollowUp, Lease, LedgerEntry, PatrolPass, PurgeRequest, ReachedRows, Subject, WorkerBeat
from purge.references import parse_reference
from purge.routes.policy import policy_for
from purge.routes.scope import current_key, searched

#: A pass over every text takes no longer than this.
LONGEST_PATROL = timedelta(hours=6)
#: Between two passes over every text that nobody asked for.
SHORTEST_PAUSE, PAUSE_TIMES = timedelta(minutes=1), 5
#: The lease of whoever gives the space of what was erased up, and the pause between two tries.
SPACE_LEASE, TRY_AGAIN_AFTER = "vacuum after purges", timedelta(minutes=1)


def request_by_reference(text: str) -> PurgeRequest | None:
    """The request of an ID that somebody typed; None when no such request exists. Of a purge that a restored backup
    undid, the one that asks for it again.

    Raises :class:`purge.references.MistypedReference`, which tells a mistyped ID from an unknown one.
    """
    reference = parse_reference(text)
    own = PurgeRequest.across_accounts.filter(reference=reference).first()
    return own or PurgeRequest.across_accounts.filter(replays=reference).order_by("-pk").first()


def requests_seen_by(user: Any) -> Any:
    """The requests that somebody signed in may follow: support staff all, administrators their account's."""
    if user.has_perm("purge.follow_requests"):
        return PurgeRequest.objects.all()
    account_id = get_host().account_of(user)
    if account_id is None or not user.has_perm("purge.view_purgerequest"):
        return PurgeRequest.objects.none()
    return PurgeRequest.objects.filter(account_id=account_id)


def account_in_open_request(account_id: int, *, new_kind: str = "") -> bool:
    """Whether an open request cleans this account or reaches people of it.

    ``new_kind``: or would, if the account were of this kind.
    """
    open_requests = PurgeRequest.across_accounts.open()
    if open_requests.filter(Q(account_id=account_id) | Q(subjects__account_id=account_id)).exists():
        return True
    account = get_host().accounts([account_id]).get(account_id)
    if account is None or TenantKind.TRIAL not in (account.kind, new_kind):
        return False
    return any(policy_for(purge_request).scrub_trial_accounts for purge_request in open_requests)


def held_by_requests(account: Any) -> QuerySet[Subject]:
    """The subjects whom open requests of an account hold in that account itself. ``account``: its id, or an expression.

    Of a request that waits: those who were selected, so that nobody restores them or selects them again. Nobody else's
    requests: that another customer purges somebody is no business of this one.
    """
    return Subject.objects.filter(
        Q(frozen_at__isnull=False) | Q(role=Reason.SELECTED),
        request__account_id=account,
        account_id=account,
        request__status__in=OPEN_STATUSES,
        fate__in=(Fate.WAITING, Fate.STUCK),
    )


def open_request_of(person_ids: Iterable[int], *, account_id: int) -> dict[int, str]:
    """Person id → ID of the open request of this account that holds them, for those whom one holds."""
    held = held_by_requests(account_id).filter(person_id__in=list(person_ids))
    return dict(held.values_list("person_id", "request__reference"))


def can_still_be_called_off(account_id: int, *, since: datetime) -> bool:
    """Whether a request accepted after ``since`` holds people of this account and can still be cancelled.

    What it has taken out of use has to be there until then.
    """
    return Subject.objects.filter(
        account_id=account_id,
        frozen_at__isnull=False,
        request__status__in=OPEN_STATUSES,
        request__planned=False,
        request__accepted_at__gte=since,
    ).exists()


def open_addresses_for(account_id: int, *, since: datetime | None = None) -> frozenset[str]:
    """Search keys of the addresses that open requests (with ``since``: those accepted since then) are taking out of
    this account.

    For a stored file that no worker has looked at yet: its link must be dead from the moment of acceptance.
    """
    requests = PurgeRequest.across_accounts.begun().select_related("part_of")
    if since is not None:
        requests = requests.filter(accepted_at__gte=since)
    account = get_host().accounts([account_id]).get(account_id)
    is_trial = account is not None and account.kind == TenantKind.TRIAL
    keys: set[str] = set()
    for purge_request in requests:
        policy = policy_for(purge_request)
        own = policy.scrub_requesting_account and purge_request.account_id == account_id
        if own or (policy.scrub_trial_accounts and is_trial and account_id != purge_request.excluded_account_id):
            identifiers = purge_request.identifiers.filter(kind=IdentifierKind.EMAIL)
            there = Q(account_id=None) | Q(account_id=account_id)
            mine = identifiers.filter(there).values_list("value", "form")
            keys.update(current_key(value, form) for value, form in mine)
    return searched(keys)


@dataclass(frozen=True)
class Lost:
    """What an account that did not ask has lost to one purge: when, how many users, and rows by their model's label."""

    at: datetime
    people: int
    rows: Mapping[str, int]


def lost_to_others(account_id: int, *, since: datetime, most: int = 50) -> list[Lost]:
    """The latest first. Counts and kinds, never by whom."""
    gone = Subject.objects.filter(account_id=account_id, fate=Fate.ERASED).values("request_id")
    touched = ReachedRows.objects.filter(account_id=account_id).values("request_id")
    others = PurgeRequest.across_accounts.filter(Q(pk__in=gone) | Q(pk__in=touched), completed_at__gte=since)
    found = list(others.exclude(account_id=account_id).order_by("-completed_at", "-pk")[:most])
    people = Counter(
        Subject.objects.filter(request__in=found, account_id=account_id, fate=Fate.ERASED).values_list(
            "request_id", flat=True
        )
    )
    rows: dict[int, dict[str, int]] = defaultdict(dict)
    reached = ReachedRows.objects.filter(request__in=found, account_id=account_id).order_by("model")
    for request_id, model, number in reached.values_list("request_id", "model", "rows"):
        rows[request_id][model] = number
    return [Lost(each.completed_at, people[each.pk], rows[each.pk]) for each in found if each.completed_at is not None]


def to_dos_left(requests: Iterable[PurgeRequest]) -> dict[int, int]:
    """Primary key → how much these requests left to do for the people of their own account; those with none left out.
    One query, whatever their number."""
    left = FollowUp.across_accounts.filter(
        request__in=[each.pk for each in requests], account_id=F("request__account_id"), done_at=None
    )
    return dict(left.order_by().values_list("request_id").annotate(n=Count("pk")))


def something_to_do() -> Q:
    """The requests that left something to do for the people of their own account, as a condition."""
    left = FollowUp.across_accounts.filter(request=OuterRef("pk"), account_id=OuterRef("account_id"), done_at=None)
    return Q(Exists(left))


# ---------------------------------------------------------------- operations


def worker_beat() -> WorkerBeat | None:
    """The latest sign of life of any worker."""
    return WorkerBeat.objects.order_by("-beat_at").first()


def worker_beats() -> list[tuple[datetime, str]]:
    """The latest signs of life, the newest first: when, and what is wrong with the file storage that it sees ('')."""
    return list(WorkerBeat.objects.order_by("-beat_at").values_list("beat_at", "trouble")[:100])


def last_beat(name: str) -> datetime | None:
    """When this cluster last began a task."""
    return WorkerBeat.objects.filter(name=name).values_list("beat_at", flat=True).first()


def worker_patience() -> timedelta:
    """How long a worker may be silent: three intervals of its canary and a task's time."""
    return timedelta(seconds=settings.PURGE_CANARY_SECONDS * 3 + 60)


def worker_is_alive() -> bool:
    """Whether a worker ran its canary within its patience."""
    beat = worker_beat()
    return beat is not None and beat.beat_at > timezone.now() - worker_patience()


def workers_without_files() -> int:
    """How many of the workers that are alive see another file storage than the one that belongs to the database."""
    alive = WorkerBeat.objects.filter(beat_at__gt=timezone.now() - worker_patience())
    return alive.exclude(trouble="").count()


def patrol_is_under_way() -> bool:
    """Whether a nightly pass has begun and not ended; one that began very long ago was killed."""
    return PatrolPass.objects.filter(finished_at=None, started_at__gt=timezone.now() - LONGEST_PATROL).exists()


def last_pass_ended() -> datetime | None:
    """When the last pass over every text came to its end; None: none has."""
    last: datetime | None = PatrolPass.objects.aggregate(last=Max("finished_at"))["last"]
    return last


def pass_is_due() -> bool:
    """Whether a pass over every text should begin now: a request waits for one, and nobody has anything else to do.

    Passes follow on one another with pauses of several times their length, so that they take a small share of the time.
    """
    if not PurgeRequest.across_accounts.filter(status=Status.ERASED).exists() or patrol_is_under_way():
        return False
    if (
        PurgeRequest.across_accounts.filter(status__in=CLAIMABLE_STATUSES)
        .exclude(next_attempt_at__gt=timezone.now())
        .exists()
    ):
        return False
    last = PatrolPass.objects.filter(finished_at__isnull=False).order_by("-finished_at").first()
    if last is None or last.finished_at is None:
        return True
    pause = max(SHORTEST_PAUSE, PAUSE_TIMES * (last.finished_at - last.started_at))
    return timezone.now() >= last.finished_at + pause


def work_to_deliver() -> list[int]:
    """Ids of requests that nobody is working on and that are due: what the reconciler puts into the queue again."""
    now = timezone.now()
    return list(
        PurgeRequest.across_accounts.filter(status__in=(Status.QUEUED, Status.RUNNING, Status.VERIFYING))
        .exclude(lease_until__gt=now)
        .exclude(next_attempt_at__gt=now)
        .order_by("accepted_at")
        .values_list("pk", flat=True)
    )


def checked_again(purge_request: PurgeRequest) -> datetime | None:
    """When a pass over every text last asked for a finished purge again and found nothing of it; None: not yet.

    Not one whose hashes were made with another key than those of that pass.
    """
    if purge_request.status != Status.COMPLETED or purge_request.completed_at is None:
        return None
    passes = PatrolPass.objects.filter(
        armed_by__endswith=f".{purge_request.key_fingerprint}",
        started_at__gt=purge_request.completed_at,
        finished_at__isnull=False,
        verdict__in=(Verdict.CLEAN, Verdict.UNOPENED, Verdict.RESIDUE),
    )
    return passes.order_by("-started_at").values_list("finished_at", flat=True).first()


def first_completed(requests: Iterable[PurgeRequest]) -> dict[int, datetime]:
    """Primary key → when a request was first completed, of those that were reopened afterwards. One query at most."""
    again = {each.pk: each.completed_at for each in requests if each.reopened}
    if not again:
        return {}
    entries = LedgerEntry.objects.filter(request__in=list(again), event="completed").order_by()
    first = entries.values_list("request_id").annotate(first=Min("at"))
    return {pk: at for pk, at in first if again[pk] is None or again[pk] - at > timedelta(seconds=1)}


# ---------------------------------------------------------------- the space of what was erased


def waiting_for_space() -> list[PurgeRequest]:
    """Completed requests of which the space, and what the planner remembers, is not yet given up."""
    return list(PurgeRequest.across_accounts.filter(status=Status.COMPLETED, compacted_at=None).order_by("pk"))


def held_back() -> tuple[int, list[Holder]]:
    """Of how many requests that was tried in vain, and who is in the way now: nobody, if it is to be tried again."""
    marks = PurgeRequest.across_accounts.filter(status=Status.COMPLETED, compacted_at=None, horizon__isnull=False)
    tried = [mark or 0 for mark in marks.values_list("horizon", flat=True)]
    if not tried:
        return 0, []
    dialect = dialect_of(connection)
    if not dialect.vacuums_tables:
        return len(tried), [Holder(Kind.READER)]
    return len(tried), dialect.holders(max(tried))


def clean_up_is_due() -> bool:
    """Whether nobody is in the way any more where somebody was, and the last try is a while ago."""
    number, holders = held_back()
    if not number or (holders and holders[0].kind != Kind.READER):
        return False
    return not Lease.objects.filter(name=SPACE_LEASE, until__gt=timezone.now() - TRY_AGAIN_AFTER).exists()
