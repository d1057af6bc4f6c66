"""The months in which people were deleted, in the account's time zone, and how many they are."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, F

from purge.database.chunks import streamed
from purge.standing import zone_named
from users.models import Account, DeletedCount, User


def zone_of(account: Account) -> ZoneInfo:
    """The time zone of an account; UTC where its name is not known here."""
    return zone_named(account.time_zone)


def month_of(moment: datetime, account: Account) -> str:
    """The month of a moment in the account's time zone, "YYYY-MM"."""
    return moment.astimezone(zone_of(account)).strftime("%Y-%m")


def deleted_months_rebuild(*, account: Account) -> None:
    """Reckon the month of every deletion anew (the account's time zone has changed), and the counts by month."""
    with transaction.atomic():
        rows = User.objects.filter(account=account, deleted_at__isnull=False).only("pk", "deleted_at", "deleted_month")
        changed = []
        for user in streamed(rows):
            month = month_of(user.deleted_at, account)
            if month != user.deleted_month:
                user.deleted_month = month
                changed.append(user)
        User.objects.bulk_update(changed, ["deleted_month"], batch_size=500)
        deleted_counts_rebuild(account=account)


def deleted_counts_rebuild(*, account: Account) -> None:
    """Count the deleted users of an account by month, from the rows."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        DeletedCount.objects.filter(account=account).delete()
        counted = (
            User.objects.filter(account=account, deleted_at__isnull=False)
            .values_list("deleted_month")
            .annotate(n=Count("pk"))
            .order_by()
        )
        DeletedCount.objects.bulk_create(
            DeletedCount(account=account, month=month, n=number) for month, number in counted
        )


def deleted_count_change(*, account_id: int, month: str, by: int) -> None:
    """Keep the summary right, in the caller's transaction."""
    counts = DeletedCount.objects.filter(account_id=account_id, month=month)
    if by < 0:
        counts.filter(n__gte=-by).update(n=F("n") + by)
        counts.filter(n=0).delete()
        return
    if not counts.update(n=F("n") + by):
        _count, created = DeletedCount.objects.get_or_create(account_id=account_id, month=month, defaults={"n": by})
        if not created:
            counts.update(n=F("n") + by)
