"""What a request does: its plan, the rows it has reached, the files that go, and what it leaves people to do."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from purge.choices import Done, StepState
from purge.models.requests import PurgeRequest


class PurgeStep(models.Model):
    """One step of the stored plan. ``cursor``: last candidate looked at by a walk whose declined rows stay.

    ``late``: rows beyond the plan, written after it was made and counted when it was used up. A step never does more
    than both together. ``own_…``: of those, the rows of the requesting account, which are all that its administrators
    read.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=160)
    #: Read and written by nobody: a step is named from its key, in the reader's language. Stays for one release, since
    #: processes of the one before may still run beside the new ones.
    words = models.CharField(max_length=200, default="", db_default="")
    planned = models.BigIntegerField(default=0)
    late = models.BigIntegerField(default=0, db_default=0)
    done = models.BigIntegerField(default=0)
    own_planned = models.BigIntegerField(default=0, db_default=0)
    own_done = models.BigIntegerField(default=0, db_default=0)
    cursor = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=StepState.choices, default=StepState.WAITING)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("request", "key"), name="purge_step_once"),)

    def __str__(self) -> str:
        return self.key


class ReachedRows(models.Model):
    """How many rows of an account that did not ask were changed by a request because of what stood in them: what that
    account reads. ``model``: their label."""

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="reached")
    account_id = models.BigIntegerField()
    model = models.CharField(max_length=100)
    rows = models.BigIntegerField(default=0)

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("request", "account_id", "model"), name="purge_reached_once"),)

    def __str__(self) -> str:
        return f"{self.model} of account {self.account_id}"


class DoomedFile(models.Model):
    """A stored file to be erased: the link is dead and committed, the file goes next (``erased_at``).

    The row goes when the request is closed: until then the proof looks whether the file is there again.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="files")
    name = models.CharField(max_length=400)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("request", "name"), name="purge_file_once"),)

    def __str__(self) -> str:
        return f"file {self.pk}"


class FileReading(models.Model):
    """Stored files of a model that were read for an open request and mention none of its addresses, by ranges of rows.

    ``digest``: over what the request looks for, and the row, column and name of each such file of the rows above
    ``after`` up to ``upto``. A range whose files give another digest has a file that was not read.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="file_readings")
    model = models.CharField(max_length=100)
    after = models.BigIntegerField()
    upto = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("request", "model", "after"), name="purge_reading_once"),)

    def __str__(self) -> str:
        return f"{self.model} {self.after} to {self.upto}"


class FollowUp(models.Model):
    """Something that people still have to do after a purge: what an app has declared as a consequence."""

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="follow_ups")
    kind = models.CharField(max_length=40)
    account_id = models.BigIntegerField(db_index=True)
    model = models.CharField(max_length=100)
    row = models.BigIntegerField()
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    done_at = models.DateTimeField(null=True)
    #: Why somebody marked it as done; empty where it was done by doing it.
    marked = models.CharField(max_length=20, choices=Done.choices, blank=True, default="", db_default="")

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("request", "kind", "model", "row"), name="purge_follow_up_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.model} {self.row}"
