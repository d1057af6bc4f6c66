"""What the database knows of the purge log, and what the two disagree about."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from purge.choices import JournalTrouble
from purge.models.requests import PurgeRequest


class JournalMark(models.Model):
    """How far a request has come in its life, and how far the purge log outside the database says so.

    ``reached`` counts what a restored backup has to know (accepted, people added later, completed, cancelled) and is
    raised by the transaction in which it happens; lines carry it as ``n``, so a database that is behind a line has gone
    back. ``written``: the highest that was read in the log. ``chain``, ``seq``: the last line that this request's own
    transactions wrote ahead of their commit.
    """

    request = models.OneToOneField(PurgeRequest, models.CASCADE, primary_key=True, related_name="journal_mark")
    reached = models.PositiveIntegerField(default=1)
    written = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)
    chain = models.CharField(max_length=120, blank=True, default="")
    seq = models.BigIntegerField(default=0)

    class Meta:
        indexes = (
            models.Index(fields=("changed_at",), condition=Q(written__lt=F("reached")), name="purge_journal_behind"),
            models.Index(fields=("chain", "seq"), name="purge_journal_line"),
        )

    def __str__(self) -> str:
        return f"journal mark {self.pk}"


class JournalChain(models.Model):
    """How far this database has read a file of the purge log: it goes back with the database, so what follows is news.

    ``offset`` bytes, the number and the hash of the last line. The lines up to there were on the disk, and what they
    tell was known to this database or has become a :class:`JournalAlarm`.
    """

    name = models.CharField(max_length=120, unique=True)
    offset = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, default="")
    read_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class JournalAlarm(models.Model):
    """Why purges wait: the purge log tells what this database does not know, or is not the log that it remembers.

    ``reference``, ``event``, ``number``: the request and what it had reached; empty where the log itself is at fault.
    A row goes when the difference does, or when an operator acknowledges it, which is a line of the log.
    """

    kind = models.CharField(max_length=10, choices=JournalTrouble.choices)
    chain = models.CharField(max_length=120)
    seq = models.BigIntegerField()
    reference = models.CharField(max_length=16, blank=True, default="", db_index=True)
    event = models.CharField(max_length=20, blank=True, default="")
    number = models.PositiveIntegerField(default=0)
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("kind", "chain", "seq"), name="purge_journal_alarm_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.chain} {self.seq}"
