"""What makes a request wait for an operator before it goes on. Asked at acceptance, and again whenever it grows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from purge.choices import Reason, Status
from purge.models import PurgeRequest
from purge.routes.policy import Policy, policy_for
from purge.routes.scope import DOOMED_REASONS
from purge.routes.targets import Target

#: Of everybody in a request: the account, and the reason.
Reached = Collection[tuple[int, str]]


def reached_of(targets: Iterable[Target]) -> Reached:
    return [(target.person.account_id, str(target.reason)) for target in targets]


def reached_elsewhere(account_id: int | None, reached: Reached) -> int:
    """How many people of other accounts go."""
    return sum(1 for account, reason in reached if reason in DOOMED_REASONS and account != account_id)


def reason_to_hold_whole(policy: Policy, reached: Reached) -> str:
    """Why a whole request waits for an operator: it would empty trial accounts of many people. '' when it need not."""
    members = sum(1 for _account, reason in reached if reason == Reason.MEMBER)
    return "members" if policy.delete_users_of_created_trials and members > settings.PURGE_MAX_PEOPLE else ""


def reason_to_hold_elsewhere(account_id: int, reached: Reached, *, but: int | None = None) -> str:
    """Why what a request does in other accounts waits for an operator: it reaches many users there in a day.

    ``but``: the request itself, where it is stored already.
    """
    elsewhere = reached_elsewhere(account_id, reached)
    if not elsewhere:
        return ""
    day_ago = timezone.now() - timedelta(days=1)
    mine = PurgeRequest.objects.filter(Q(account_id=account_id) | Q(part_of__account_id=account_id))
    today = mine.filter(accepted_at__gte=day_ago).exclude(status=Status.CANCELLED)
    if but is not None:
        today = today.exclude(pk=but)
    before = sum(today.values_list("other_account_count", flat=True))
    return "rate" if before + elsewhere > settings.PURGE_RATE_GUARD else ""


def reason_to_hold_again(purge_request: PurgeRequest, reached: Reached) -> str:
    """The same for a request that has grown to these people, whatever was released before."""
    account_id = purge_request.account_id if purge_request.part_of is None else purge_request.part_of.account_id
    if whole := reason_to_hold_whole(policy_for(purge_request), reached):
        return whole
    return "" if account_id is None else reason_to_hold_elsewhere(account_id, reached, but=purge_request.pk)
