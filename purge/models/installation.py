"""What an installation knows of itself: passes, drills, signs of life, who may work and who stands still."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from purge.choices import Verdict


class PatrolPass(models.Model):
    """One pass over every text of the database, and what it found.

    ``armed_by``: it was for all purges, finished ones too, under these rules, tables, decoders and keys
    (:mod:`purge.upkeep.arming`); empty: for those that waited for one. ``earlier``: how many finished ones it was for;
    ``left_out``: those whose hashes were made with another key.
    """

    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    columns = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    hits = models.PositiveIntegerField(default=0)
    unopened = models.PositiveIntegerField(default=0, db_default=0)
    armed_by = models.CharField(max_length=64, blank=True, default="", db_default="")
    earlier = models.PositiveIntegerField(default=0, db_default=0)
    left_out = models.PositiveIntegerField(default=0, db_default=0)
    verdict = models.CharField(max_length=20, choices=Verdict.choices, blank=True, default="")

    def __str__(self) -> str:
        return f"patrol {self.pk}"


class RestoreDrill(models.Model):
    """That a backup was restored beside the site, to see whether its people could be purged again: a dated test.

    ``backup_at``: the last thing that the backup knows of. ``purges``: of the purge log that it does not know;
    ``back``: people whom it brought back; ``left``: those who still were there afterwards. ``undecided``,
    ``cannot_tell``: of what an operator would have had to look at.
    """

    at = models.DateTimeField(default=timezone.now)
    seconds = models.PositiveIntegerField(default=0)
    backup_at = models.DateTimeField(null=True)
    purges = models.PositiveIntegerField(default=0)
    back = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    undecided = models.PositiveIntegerField(default=0)
    cannot_tell = models.PositiveIntegerField(default=0)
    passed = models.BooleanField(default=False)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"drill of {self.at:%Y-%m-%d}"


class WorkerBeat(models.Model):
    """A sign of life: when a cluster of the queue last began a task. One row for each that runs.

    ``trouble``: what is wrong with the file storage that it sees (:mod:`purge.installation.storage`).
    """

    name = models.CharField(max_length=60, unique=True)
    trouble = models.CharField(max_length=20, blank=True, default="")
    beat_at = models.DateTimeField()
    since = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Installation(models.Model):
    """Which installation this database belongs to: one row (:func:`purge.installation.identity.installation`).

    What lies outside the database (the file storage, the purge log) names ``id``, so that neither is taken for that of
    another database. ``storage_mark``: what the marker in the file storage has to say; None before the first start of
    the web. ``copy_of``: the id of the installation that an operator declared this one to be a copy of.
    ``server_system``, ``server_timeline``: the database server as it was last seen, and when it was seen to be another:
    a note for operators, since every failover does that.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    only = models.BooleanField(default=True, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    storage_mark = models.UUIDField(null=True, editable=False)
    storage_marked_at = models.DateTimeField(null=True, editable=False)
    copy_of = models.UUIDField(null=True, editable=False)
    copied_at = models.DateTimeField(null=True, editable=False)
    server_system = models.CharField(max_length=20, blank=True, default="", db_default="", editable=False)
    server_timeline = models.CharField(max_length=8, blank=True, default="", db_default="", editable=False)
    server_changed_at = models.DateTimeField(null=True, editable=False)
    #: When somebody last dealt with a restored backup.
    restored_at = models.DateTimeField(null=True, editable=False)
    #: The releases that have worked on this database, with blanks, the newest last (`purge.installation.releases`).
    releases = models.CharField(max_length=400, blank=True, default="", db_default="", editable=False)
    #: By which rules and tables the keys of all people were made last; "": nobody knows (`purge.installation.keying`).
    people_keyed_by = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)

    class Meta:
        constraints = (models.CheckConstraint(name="purge_one_installation", condition=Q(only=True)),)

    def __str__(self) -> str:
        return str(self.pk)


class Lease(models.Model):
    """Work of which there is one at a time (:mod:`purge.worker.leases`): who does it, and until when nobody begins."""

    name = models.CharField(max_length=40, unique=True)
    owner = models.UUIDField(null=True)
    until = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Standstill(models.Model):
    """Since when something keeps purges from going on (:mod:`purge.upkeep.standstill`). The row goes when it ends."""

    code = models.CharField(max_length=20, unique=True)
    since = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.code
