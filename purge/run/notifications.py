"""Who is told what about a request: counts and its ID, never whom it purged."""

from __future__ import annotations

import logging
from datetime import timedelta
from math import ceil
from typing import Any

from django.db.models import Sum
from django.utils import timezone
from django.utils.functional import lazy

from purge.choices import Fate, Reader, Reason
from purge.host import get_host
from purge.models import PurgeRequest
from purge.routes.policy import policy_for
from purge.standing import CUSTOMERS, sentence_for

logger = logging.getLogger(__name__)


def completion_facts(purge_request: PurgeRequest) -> dict[str, Any]:
    """Counts for the notification: of the account that asked, and of no other."""
    fates = list(purge_request.subjects.filter(account_id=purge_request.account_id or 0).values_list("role", "fate"))
    erased = [reason for reason, fate in fates if fate in (Fate.ERASED, Fate.GONE)]
    return {
        "people": sum(1 for reason in erased if reason == Reason.SELECTED),
        "other_rows": sum(1 for reason in erased if reason != Reason.SELECTED),
        "kept": sum(1 for reason, _fate in fates if reason == Reason.KEPT),
        "rows": purge_request.steps.aggregate(total=Sum("own_done"))["total"] or 0,
        "follow_ups": purge_request.follow_ups.filter(done_at=None, account_id=purge_request.account_id or 0).count(),
    }


def recipients_of(purge_request: PurgeRequest) -> list[int]:
    """The initiator while they are there and active in the account; otherwise its active administrators."""
    if purge_request.account_id is None:
        return []
    administrators = get_host().administrators(purge_request.account_id)
    initiator = purge_request.initiator_id
    if initiator is not None and get_host().may_be_notified(initiator, purge_request.account_id):
        return [initiator]
    return [person_id for person_id in administrators if person_id != initiator]


def notify_completion(purge_request: PurgeRequest) -> None:
    """Notify as the route says, and the administrators of other accounts of what is left for them to do.

    What is asked again after a restore and was completed before then has been told: it is of nobody.
    """
    host = get_host()
    told_before = purge_request.replays and purge_request.initiator_id is None
    if policy_for(purge_request).notify is not None and not told_before:
        host.notify(
            kind="completed",
            reference=purge_request.reference,
            request_id=purge_request.pk,
            account_id=purge_request.account_id,
            recipients=recipients_of(purge_request),
            facts=completion_facts(purge_request),
        )
    for account_id in purge_request.follow_ups.values_list("account_id", flat=True).distinct():
        kinds = dict.fromkeys(
            purge_request.follow_ups.filter(account_id=account_id, done_at=None).values_list("kind", flat=True)
        )
        there = host.administrators(account_id)
        # Where nobody is left who could act, support is told, and with the request's ID.
        host.notify(
            kind="follow_ups",
            reference=purge_request.reference if account_id == purge_request.account_id or not there else "",
            request_id=purge_request.pk,
            account_id=account_id,
            recipients=there or [*host.support_staff(), *host.operators()],
            facts={"kinds": sorted(kinds), "count": purge_request.follow_ups.filter(account_id=account_id).count()},
        )


def notify_responsible(purge_request: PurgeRequest, kind: str) -> None:
    """A reminder: the people who follow this request in its account."""
    if purge_request.account_id is not None:
        _notify(
            purge_request, kind, recipients_of(purge_request), Reader.ADMINISTRATOR, account_id=purge_request.account_id
        )


def notify_trouble(purge_request: PurgeRequest, kind: str) -> None:
    """A request that does not go on by itself, or is late: who follows it in its account, and always support and the
    operators. Each time that it comes into this state; the ledger has noted it already, and counts.
    """
    logger.warning("purge request %s needs somebody: %s", purge_request.reference, kind)
    host = get_host()
    support, operators = host.support_staff(), host.operators()
    of_the_account = [pk for pk in recipients_of(purge_request) if pk not in (*support, *operators)]
    time = max(1, purge_request.ledger.filter(event=kind).count())
    _notify(
        purge_request, kind, of_the_account, Reader.ADMINISTRATOR, account_id=purge_request.account_id, occurrence=time
    )
    _notify(purge_request, kind, support, Reader.SUPPORT, occurrence=time)
    _notify(purge_request, kind, operators, Reader.OPERATOR, occurrence=time, operators_mailbox=True)


def _notify(purge_request: PurgeRequest, kind: str, recipients: list[int], reader: Reader, **options: Any) -> None:
    get_host().notify(
        kind=kind,
        reference=purge_request.reference,
        request_id=purge_request.pk,
        recipients=recipients,
        facts=facts_for(purge_request, reader),
        **{"account_id": None, **options},
    )


def facts_for(purge_request: PurgeRequest, reader: Reader) -> dict[str, Any]:
    """What a notification about trouble says to this kind of reader: the sentence of the request's page, put into words
    when each recipient's notification is, in their language."""
    now = PurgeRequest.across_accounts.get(
        pk=purge_request.pk
    )  # the caller's may be older than what it has just changed
    facts = {
        "says": lazy(sentence_for, str)(now, reader),
        "customer": reader in CUSTOMERS,
        "days_left": max(0, ceil((now.due_at - timezone.now()) / timedelta(days=1))),
    }
    # Places of other accounts are among them.
    return facts if reader in CUSTOMERS else {**facts, "residue": now.residue_left}
