"""What the verification found, and what it could not look into."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from purge.choices import Beyond, Level, Store, UnopenedKind
from purge.models.requests import PurgeRequest


class UnopenedFile(models.Model):
    """A stored file that could not be opened when it was looked into for a request: where it is, never its name.

    ``erased``: it went, since its column's rule says so; else it stays, and nobody can say whether it names anybody.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="unopened_files")
    table = models.CharField(max_length=128)
    column = models.CharField(max_length=128)
    row = models.BigIntegerField()
    account_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=20, choices=UnopenedKind.choices)
    erased = models.BooleanField(default=False)
    found_at = models.DateTimeField(default=timezone.now)

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "table", "column", "row", "kind"), name="purge_unopened_once"),
        )

    def __str__(self) -> str:
        return f"{self.table}.{self.column} {self.row}: {self.kind}"


class PossibleMention(models.Model):
    """A place where a Unique User ID of somebody who was purged stands as a word, and nothing says that it is theirs:
    where, never the ID. It was not taken out. ``row``: a primary key, or a number made from it."""

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="possible_mentions")
    table = models.CharField(max_length=128)
    column = models.CharField(max_length=128)
    row = models.CharField(max_length=64)
    account_id = models.BigIntegerField()
    found_at = models.DateTimeField(default=timezone.now)

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "table", "column", "row"), name="purge_possible_once"),
        )

    def __str__(self) -> str:
        return f"{self.table}.{self.column} {self.row}"


class Established(models.Model):
    """How far it was established for a request that nobody is left in a store, and when somebody looked.

    Written in the transaction that follows the look, never worked out later. A request that was completed by an earlier
    release has none; one that is reopened loses those of before.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="established")
    store = models.CharField(max_length=20, choices=Store.choices)
    level = models.CharField(max_length=20, choices=Level.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("request", "store"), name="purge_established_once"),)

    def __str__(self) -> str:
        return f"{self.store}: {self.level}"


class NotCovered(models.Model):
    """What a purge did not reach, as it was seen when the purge was completed; an outside application, before it began.

    ``name``: a standby's or slot's, a table's, a cache's: a word of the database or of the settings. ``number``,
    ``account_id``: of an application, which is named when somebody reads it. ``active_at``: when an archive had last
    taken something.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="not_covered")
    kind = models.CharField(max_length=20, choices=Beyond.choices)
    name = models.CharField(max_length=200, blank=True, default="")
    number = models.BigIntegerField(default=0)
    account_id = models.BigIntegerField(null=True)
    active_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "kind", "name", "number"), name="purge_not_covered_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Residue(models.Model):
    """Personal data found after the erasure: where, never what. ``row``: a primary key as text, or a file's number."""

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="residues")
    table = models.CharField(max_length=128)
    column = models.CharField(max_length=128)
    row = models.CharField(max_length=64)
    ruled = models.BooleanField(default=True, help_text=_("False: no rule treats this column; that has to be fixed."))
    found_at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "table", "column", "row"), name="purge_residue_once"),
        )

    def __str__(self) -> str:
        return f"{self.table}.{self.column} row {self.row}"
