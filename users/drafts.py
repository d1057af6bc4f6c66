"""What somebody is about to purge: begun, found again, and ended."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from users.models import PurgeDraft, User

#: How long something selected or shown is worth something.
DRAFT_LIVES = timedelta(hours=24)
#: Of each kind and user; the oldest go.
MOST_DRAFTS = 40


def draft_begin(
    *,
    user: User,
    kind: str,
    account_id: int | None,
    people: Iterable[int] = (),
    address: str = "",
    facts: Mapping[str, Any] | None = None,
) -> PurgeDraft:
    """Keep what a user has selected, for a day."""
    drafts = PurgeDraft.objects.filter(user=user, kind=kind).order_by("-created_at", "-pk")
    if old := list(drafts.values_list("pk", flat=True)[MOST_DRAFTS - 1 :]):
        PurgeDraft.objects.filter(user=user, pk__in=old).delete()
    return PurgeDraft.objects.create(
        user=user,
        kind=kind,
        account_id=account_id,
        plans_ended=user.plans_ended,
        people=list(people),
        address=address,
        facts=dict(facts or {}),
    )


def draft_of(*, user: User, kind: str, token: str | None = None) -> PurgeDraft | None:
    """A user's draft of this token, or their latest of the kind; None when there is none, it is another's, too old, or
    has ended."""
    since = timezone.now() - DRAFT_LIVES
    drafts = PurgeDraft.objects.filter(user=user, kind=kind, created_at__gt=since, plans_ended=user.plans_ended)
    if token is not None:
        try:
            drafts = drafts.filter(token=uuid.UUID(token))
        except ValueError:
            return None
    return drafts.order_by("-created_at", "-pk").first()


def draft_change(draft: PurgeDraft, **columns: Any) -> None:
    """Write columns of a draft; one that has ended meanwhile stays ended."""
    for name, value in columns.items():
        setattr(draft, name, value)
    PurgeDraft.objects.filter(user=draft.user_id, pk=draft.pk).update(**columns)


def draft_end(draft: PurgeDraft) -> None:
    PurgeDraft.objects.filter(user=draft.user_id, pk=draft.pk).delete()


def drafts_clear() -> int:
    """Remove the drafts that are too old; how many there were."""
    number, _by_model = PurgeDraft.objects.filter(created_at__lt=timezone.now() - DRAFT_LIVES).delete()
    return number
