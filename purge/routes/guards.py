"""What makes a request wait for an operator before it goes on. Asked at acceptance, when its plan is made, and again
whenever it grows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, Sum
from django.utils import timezone

from purge.choices import Reason, Status, Trust
from purge.host import TenantKind, get_host
from purge.models import LedgerEntry, PurgeRequest
from purge.routes.policy import Policy, policy_for
from purge.routes.scope import DOOMED_REASONS
from purge.routes.targets import Target

#: Why a part waits for a proof, or for an operator.
UNPROVED = "unproved"
#: What a request's ledger says when it goes on because of a proof.
PROVED = "proved"
#: Of everybody in a request: the account, and the reason.
Reached = Collection[tuple[int, str]]


def reached_of(targets: Iterable[Target]) -> Reached:
    return [(target.person.account_id, str(target.reason)) for target in targets]


def reached_elsewhere(account_id: int | None, reached: Reached) -> int:
    """How many people of other accounts go."""
    return sum(1 for account, reason in reached if reason in DOOMED_REASONS and account != account_id)


def trust_in(kind: TenantKind) -> Trust:
    """How far accounts of this kind reach into others. What has no such account has nothing to prove."""
    return Trust(settings.PURGE_REACH_TRIAL if kind == TenantKind.TRIAL else settings.PURGE_REACH_ENTERPRISE)


def most_elsewhere(account_id: int) -> int:
    """How many people and rows of other accounts an account's purges may reach in a day."""
    facts = get_host().accounts([account_id]).get(account_id)
    trial = facts is not None and facts.kind == TenantKind.TRIAL
    most: int = settings.PURGE_RATE_GUARD_TRIAL if trial else settings.PURGE_RATE_GUARD
    return most


def reason_to_hold_whole(policy: Policy, reached: Reached) -> str:
    """Why a whole request waits for an operator: it would empty trial accounts of many people. '' when it need not."""
    members = sum(1 for _account, reason in reached if reason == Reason.MEMBER)
    return "members" if policy.delete_users_of_created_trials and members > settings.PURGE_MAX_PEOPLE else ""


def reason_to_hold_elsewhere(
    account_id: int, initiator_id: int | None, reached: Reached, *, rows: int = 0, but: int | None = None
) -> str:
    """Why what a request does in other accounts waits for an operator: the purges of its account, or of whoever asked,
    reach many people and rows there in a day.

    ``rows``: those that are changed there, where they are known already. ``but``: the request itself, where it is
    stored.
    """
    elsewhere = reached_elsewhere(account_id, reached) + rows
    if not elsewhere:
        return ""
    day_ago = timezone.now() - timedelta(days=1)
    # What waited for a proof was accepted long ago, and reaches them from that day on.
    waited = Exists(LedgerEntry.objects.filter(request=OuterRef("pk"), event=PROVED, at__gte=day_ago))
    since = Q(accepted_at__gte=day_ago) | Q(Q(part_of__isnull=False), waited)
    # What is asked again after a restore was counted on its day.
    today = PurgeRequest.across_accounts.filter(since, replays="").exclude(status=Status.CANCELLED)
    # What nobody has let through yet for want of a proof has reached nobody.
    today = today.exclude(status=Status.HELD, held_reason=UNPROVED)
    if but is not None:
        today = today.exclude(pk=but)
    of_account = Q(account_id=account_id) | Q(part_of__account_id=account_id)
    counted = [of_account]
    if initiator_id is not None:
        selves = get_host().same_person(initiator_id)
        counted.append(Q(initiator_id__in=selves) | Q(part_of__initiator_id__in=selves))
    most = most_elsewhere(account_id)
    for mine in counted:
        before = today.filter(mine).aggregate(n=Sum(F("other_account_count") + F("other_row_count"), default=0))["n"]
        if before + elsewhere > most:
            return "rate"
    return ""


def reason_to_hold_again(purge_request: PurgeRequest, reached: Reached, *, rows: int | None = None) -> str:
    """The same for a request that has grown to these people, or whose plan has these rows elsewhere, whatever was
    released before."""
    asked = purge_request.part_of or purge_request
    if whole := reason_to_hold_whole(policy_for(purge_request), reached):
        return whole
    if asked.account_id is None:
        return ""
    rows = purge_request.other_row_count if rows is None else rows
    return reason_to_hold_elsewhere(asked.account_id, asked.initiator_id, reached, rows=rows, but=purge_request.pk)
