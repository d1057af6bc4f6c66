"""How long evidence is kept, and how much of it has gone."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from purge.choices import Route


class EvidencePeriod(models.Model):
    """How long a kind of evidence is kept, in days (:mod:`purge.upkeep.evidence`); None: without an end.

    ``decided_at``: since when; None while nobody has decided, so that nothing goes.
    """

    kind = models.CharField(max_length=20, unique=True)
    days = models.PositiveIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.kind


class EvidenceCount(models.Model):
    """What stays of requests whose evidence has gone: numbers by account, month and route.

    ``month``: its first day, in the account's time zone. ``accepted`` counts by the month of acceptance, the others by
    that of the end. ``people``: who were erased, of them ``own`` in the account that asked.
    """

    account_id = models.BigIntegerField(null=True)
    month = models.DateField()
    route = models.CharField(max_length=20, choices=Route.choices)
    accepted = models.PositiveIntegerField(default=0)
    completed = models.PositiveIntegerField(default=0)
    late = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    people = models.PositiveBigIntegerField(default=0)
    own = models.PositiveBigIntegerField(default=0)

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("account_id", "month", "route"),
                condition=Q(account_id__isnull=False),
                name="purge_evidence_count_once",
            ),
            models.UniqueConstraint(
                fields=("month", "route"), condition=Q(account_id=None), name="purge_evidence_count_of_nobody_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.route}"
