"""What the engine remembers about its own work.

Nothing here holds an address or a name after a request is closed: :class:`Identifier` rows are deleted in the closing
transaction, :class:`SuppressionHash` rows (keyed hashes) and counts stay. People and accounts are referred to by number
without a foreign key, since both may be gone; only those who act (initiator, operator) are references.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from purge.choices import (
    OPEN_STATUSES,
    AskedBy,
    Basis,
    Beyond,
    Done,
    Fate,
    IdentifierKind,
    JournalTrouble,
    Level,
    NoticeState,
    Origin,
    Reach,
    Reason,
    Route,
    Status,
    StepState,
    Store,
    UnopenedKind,
    Verdict,
)
from purge.hashing import current_form


class PurgeRequestQuerySet(models.QuerySet["PurgeRequest"]):
    def open(self) -> PurgeRequestQuerySet:
        """Those that are not over: everything but completed and cancelled."""
        return self.filter(status__in=OPEN_STATUSES)

    def begun(self) -> PurgeRequestQuerySet:
        """Those that work on their people: open, and not waiting for leave to begin."""
        return self.open().exclude(status=Status.HELD, started_at=None)

    def overdue(self) -> PurgeRequestQuerySet:
        return self.open().filter(due_at__lt=timezone.now())


_Requests = models.Manager.from_queryset(PurgeRequestQuerySet)


class PurgeRequestManager(_Requests):
    """Of this name, which a platform's walls keep: what checks types goes by it."""


class PurgeRequest(models.Model):
    """One submission: at most fifty people, one request ID, one completion notice per recipient.

    ``people_left``, ``steps_left`` and ``residue_left`` are kept by the engine in the transactions that change what
    they count; the CHECK makes ``completed`` impossible while one of them is not zero or nothing was verified.
    ``fence`` grows with every claim: a worker whose number is stale cannot commit a chunk.
    """

    reference = models.CharField(_("request ID"), max_length=16, unique=True)
    route = models.CharField(_("route"), max_length=20, choices=Route.choices)
    origin = models.CharField(_("came by"), max_length=10, choices=Origin.choices)
    account_id = models.BigIntegerField(_("account"), null=True, db_index=True)
    reach = models.CharField(_("reach"), max_length=10, choices=Reach.choices, default=Reach.EVERYWHERE)
    #: The request from which this one was split off; what it does in other accounts, its account does not see.
    part_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="parts", verbose_name=_("split off from")
    )
    initiator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("initiator")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.QUEUED)
    token = models.UUIDField(_("form token"), null=True, unique=True, editable=False)
    external_reference = models.CharField(_("reference of the sender"), max_length=200, null=True)
    policy = models.JSONField(_("policy when accepted"), default=dict)
    key_fingerprint = models.CharField(_("fingerprint of the hash key"), max_length=16)

    accepted_at = models.DateTimeField(_("accepted"), default=timezone.now)
    due_at = models.DateTimeField(_("due"))
    started_at = models.DateTimeField(_("started"), null=True)
    progress_at = models.DateTimeField(_("last progress"), null=True)
    verified_at = models.DateTimeField(_("verified"), null=True)
    patrolled_at = models.DateTimeField(_("clean patrol"), null=True)
    completed_at = models.DateTimeField(_("completed"), null=True)
    half_time_told_at = models.DateTimeField(null=True)
    overdue_told_at = models.DateTimeField(null=True)
    held_reason = models.CharField(_("why it waits"), max_length=40, blank=True, default="")
    #: The request ID that the purge log has of a purge that a restored backup undid: this one asks for it again.
    replays = models.CharField(max_length=16, blank=True, default="", db_default="", db_index=True, editable=False)
    #: When that one was accepted, and until when it was due; None of every other request.
    first_accepted_at = models.DateTimeField(_("first accepted"), null=True, editable=False)
    first_due_at = models.DateTimeField(_("first due"), null=True, editable=False)
    released_at = models.DateTimeField(_("released"), null=True)

    #: The release that accepted it, or has worked on it since (:func:`purge.rules.release.this_release`).
    begun_by = models.CharField(max_length=16, blank=True, default="", db_default="", editable=False)
    fence = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    crashes = models.PositiveIntegerField(default=0)
    verifications = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    error_class = models.CharField(_("error"), max_length=80, blank=True, default="")
    error_step = models.CharField(_("step of the error"), max_length=120, blank=True, default="")
    #: Until when the file storage keeps files that should be erased; None: it keeps none, or has no date.
    files_locked_until = models.DateTimeField(null=True, editable=False)
    planned = models.BooleanField(default=False)
    reopened = models.BooleanField(default=False)

    #: When the space of what was erased could be written again (:mod:`purge.upkeep.compaction`).
    compacted_at = models.DateTimeField(null=True, editable=False)
    #: The number of the transaction that was the next one when that was first tried (SQLite: 0); None: never yet.
    horizon = models.BigIntegerField(null=True, editable=False)

    selected_count = models.PositiveIntegerField(default=0)
    other_account_count = models.PositiveIntegerField(default=0)
    #: Rows of other accounts that its plan changes, beside those of people who go.
    other_row_count = models.BigIntegerField(default=0, db_default=0)
    kept_count = models.PositiveIntegerField(default=0)
    rows_planned = models.BigIntegerField(default=0)
    rows_done = models.BigIntegerField(default=0)
    people_left = models.PositiveIntegerField(default=0)
    steps_left = models.PositiveIntegerField(default=0)
    residue_left = models.PositiveIntegerField(default=0)
    #: Unique User IDs that were too many to be looked for in texts where nothing says whose they are.
    ids_unsought = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    #: For pages and whoever else works for one account: a platform may let it refuse what names none.
    objects = PurgeRequestManager()
    #: For the engine, which works for all of them at once.
    across_accounts = PurgeRequestManager()

    class Meta:
        verbose_name = _("purge request")
        verbose_name_plural = _("purge requests")
        ordering = ("-accepted_at", "-id")
        permissions = (
            ("purge_people", _("Can purge deleted users")),
            ("follow_requests", _("Can follow the purge requests of every account")),
            ("operate_requests", _("Can release, retry and cancel purge requests of every account")),
        )
        constraints = (
            models.CheckConstraint(
                name="purge_completed_only_when_proved",
                condition=~Q(status=Status.COMPLETED)
                | Q(
                    people_left=0,
                    steps_left=0,
                    residue_left=0,
                    verified_at__isnull=False,
                    completed_at__isnull=False,
                    planned=True,
                ),
            ),
            models.UniqueConstraint(
                fields=("external_reference",),
                condition=~Q(status=Status.CANCELLED),
                name="purge_external_reference_once",
            ),
            models.CheckConstraint(
                name="purge_part_belongs_to_no_account",
                condition=Q(
                    origin=Origin.ELSEWHERE,
                    reach=Reach.OTHERS,
                    part_of__isnull=False,
                    account_id=None,
                    initiator=None,
                    token=None,
                    selected_count=0,
                )
                | (~Q(origin=Origin.ELSEWHERE) & ~Q(reach=Reach.OTHERS) & Q(part_of=None)),
            ),
            models.CheckConstraint(name="purge_due_after_acceptance", condition=Q(due_at__gte=F("accepted_at"))),
        )
        indexes = (
            models.Index(fields=("status", "next_attempt_at"), name="purge_request_claim"),
            models.Index(fields=("account_id", "-accepted_at"), name="purge_request_account"),
            # What the register goes by, of an account and of all.
            models.Index(fields=("account_id", "-completed_at"), name="purge_request_completed"),
            models.Index(fields=("-accepted_at", "-id"), name="purge_request_all"),
            models.Index(fields=("-completed_at", "-id"), name="purge_request_all_completed"),
            models.Index(fields=("account_id",), condition=Q(completed_at__gt=F("due_at")), name="purge_request_late"),
            models.Index(fields=("id",), condition=Q(compacted_at=None), name="purge_request_uncompacted"),
        )

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def asked_at(self) -> datetime:
        """Since when an identifier that somebody took is theirs: what is asked again was asked for before."""
        return self.first_accepted_at or self.accepted_at

    @property
    def excluded_account_id(self) -> int | None:
        """The account that another request of the same submission cleans; None where this one leaves out none."""
        return self.part_of.account_id if self.part_of is not None else None

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.due_at < timezone.now()


class Subject(models.Model):
    """One person in the scope of a request, by number.

    ``frozen_at``: since when this request holds their user row; None while it waits, and for those who stay.
    ``earlier_state``: what they were before.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="subjects")
    person_id = models.BigIntegerField(db_index=True)
    account_id = models.BigIntegerField()
    role = models.CharField(max_length=10, choices=Reason.choices)
    fate = models.CharField(max_length=10, choices=Fate.choices, default=Fate.WAITING)
    earlier_state = models.CharField(max_length=20, blank=True, default="")
    frozen_at = models.DateTimeField(null=True)
    stuck_table = models.CharField(max_length=128, blank=True, default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("request", "person_id"), name="purge_subject_once"),)

    def __str__(self) -> str:
        return f"user {self.person_id}"


class Identifier(models.Model):
    """A plain identifier that an open request still needs. Deleted when the request is closed or cancelled.

    ``value``: an identity key, from which follows what texts are searched for; ``form``: its normal form
    (:mod:`purge.hashing`). ``written``: how the people have it stored where that is another writing, one a line:
    systems that know an address by its digest made it of that. ``account_id``: the one account in which it is taken
    out; null: in every account that the route cleans. ``local``: whether there is such an account. ``match``: the route
    chose its people by it.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=10, choices=IdentifierKind.choices)
    value = models.CharField(max_length=400)
    form = models.CharField(max_length=40, default=current_form)
    person_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    local = models.BooleanField(default=False)
    match = models.BooleanField(default=True)
    written = models.TextField(default="", db_default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "kind", "value"), condition=Q(account_id=None), name="purge_identifier_once"
            ),
            models.UniqueConstraint(
                fields=("request", "kind", "value", "account_id"),
                condition=Q(account_id__isnull=False),
                name="purge_identifier_once_there",
            ),
        )

    def __str__(self) -> str:
        return f"identifier {self.pk}"


class SuppressionHash(models.Model):
    """The keyed hash of an identifier that was purged, under which request, with which key.

    ``form``: the normal form that was hashed (:mod:`purge.hashing`); digests of different forms are never compared.
    ``taken_out``: an address that the request takes out of texts; the patrol looks for it. ``account_id``: it is on the
    suppression list of this account (:mod:`purge.routes.suppression`), as that of ``person_id``, or, where a request is
    about an address that was no user's, of nobody.
    ``only_account_id``: the one account in which it is taken out; null: wherever the route cleans. ``match``: the route
    chose its people by it.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="hashes")
    person_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=10, choices=IdentifierKind.choices)
    digest = models.CharField(max_length=32, db_index=True)
    form = models.CharField(max_length=40, default=current_form)
    key_fingerprint = models.CharField(max_length=16)
    local = models.BooleanField(default=False)
    taken_out = models.BooleanField(default=True)
    only_account_id = models.BigIntegerField(null=True)
    match = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "kind", "form", "digest"),
                condition=Q(person_id=None, only_account_id=None),
                name="purge_hash_once",
            ),
            models.UniqueConstraint(
                fields=("request", "kind", "form", "digest", "only_account_id"),
                condition=Q(person_id=None, only_account_id__isnull=False),
                name="purge_hash_once_there",
            ),
            models.UniqueConstraint(
                fields=("request", "person_id", "kind", "form", "digest", "local"),
                condition=Q(person_id__isnull=False),
                name="purge_hash_of_person_once",
            ),
        )

    def __str__(self) -> str:
        return f"hash {self.pk}"


class IdentifierSet(models.Model):
    """What one person of a request is searched for beside the writings of their addresses: digests of these, opaque
    ids, IDs and logins. One row a person; one without ``person_id`` for an address that is no user's.

    ``everywhere``, ``there``: keyed hashes, :data:`purge.hashing.HASH_BYTES` bytes each, one behind the other; the
    latter of what is taken out in the person's own account (``account_id``) alone. The plain forms are derived again
    from :class:`Identifier` while the request is open. ``kinds``: how many identifiers of each kind they come from, for
    the request's page. ``names``: keyed hashes of the words of the person's name, which are searched for nowhere: a
    text about the request is refused where it has one of them (:mod:`purge.register.naming`).
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="identifier_sets")
    person_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    everywhere = models.BinaryField(default=b"")
    there = models.BinaryField(default=b"")
    names = models.BinaryField(default=b"", db_default=b"")
    kinds = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "person_id"),
                condition=Q(person_id__isnull=False),
                name="purge_identifier_set_once",
            ),
            models.UniqueConstraint(
                fields=("request",), condition=Q(person_id=None), name="purge_identifier_set_of_nobody_once"
            ),
        )

    def __str__(self) -> str:
        return f"identifier set {self.pk}"


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


class LedgerEntry(models.Model):
    """The append-only story of a request: event names, numbers and ids."""

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="ledger")
    at = models.DateTimeField(default=timezone.now)
    event = models.CharField(max_length=60)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ("id",)
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")

    def __str__(self) -> str:
        return self.event

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValueError("A ledger entry is never changed.")
        super().save(*args, **kwargs)


class RegisterNote(models.Model):
    """What people have written down about a request, for the register: why, for whom, by which letter.

    ``ticket``: a number of another system, without blanks or @. ``received_on``: the day of the letter;
    ``answer_by``: one calendar month later, when its sender must have an answer; no deadline of the request's. All but
    ``reason`` are fixed words, numbers and dates; ``reason`` is free text, and is refused where it names anybody of the
    request (:mod:`purge.register`). It stands in this table alone: in no ledger, log or certificate.
    """

    request = models.OneToOneField(PurgeRequest, models.CASCADE, primary_key=True, related_name="register_note")
    account_id = models.BigIntegerField()
    asked_by = models.CharField(_("asked by"), max_length=20, choices=AskedBy.choices, blank=True, default="")
    basis = models.CharField(_("basis"), max_length=20, choices=Basis.choices, blank=True, default="")
    ticket = models.CharField(_("ticket"), max_length=40, blank=True, default="")
    received_on = models.DateField(_("letter received on"), null=True, blank=True)
    answer_by = models.DateField(_("answer the person by"), null=True, editable=False)
    reason = models.TextField(_("reason"), max_length=1_000, blank=True, default="")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        verbose_name = _("note for the register")
        verbose_name_plural = _("notes for the register")
        constraints = (
            models.CheckConstraint(
                name="purge_note_has_both_dates",
                condition=Q(received_on=None, answer_by=None)
                | Q(received_on__isnull=False, answer_by__isnull=False, answer_by__gt=F("received_on")),
            ),
            models.CheckConstraint(
                name="purge_note_ticket_is_no_address", condition=~Q(ticket__contains="@") & ~Q(ticket__contains=" ")
            ),
        )
        indexes = (
            models.Index(fields=("account_id", "asked_by"), name="purge_note_asked_by"),
            models.Index(fields=("account_id", "basis"), name="purge_note_basis"),
            models.Index(fields=("account_id", "ticket"), name="purge_note_ticket"),
            models.Index(fields=("account_id", "received_on"), name="purge_note_received"),
        )

    def __str__(self) -> str:
        return f"note of request {self.pk}"


class ImsNotice(models.Model):
    """What an enterprise account's administrators are told when the identity provider reports a purged identity.

    ``identifier`` is what the message came with; it is taken out when the notice closes.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="notices")
    account_id = models.BigIntegerField(db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    identifier = models.CharField(max_length=400, blank=True, default="")
    state = models.CharField(max_length=10, choices=NoticeState.choices, default=NoticeState.OPEN)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        verbose_name = _("identity-provider notice")
        verbose_name_plural = _("identity-provider notices")
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("request", "account_id", "user"), name="purge_notice_once"),
            models.CheckConstraint(
                name="purge_closed_notice_names_nobody", condition=Q(state=NoticeState.OPEN) | Q(identifier="")
            ),
        )

    def __str__(self) -> str:
        return f"notice {self.pk}"


class LookUp(models.Model):
    """Who asked "was this person purged?": the hash that was asked for and its normal form, never the text.

    ``account_id``: of whoever asked; None: of those who see all accounts.
    """

    at = models.DateTimeField(default=timezone.now)
    account_id = models.BigIntegerField(null=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    digest = models.CharField(max_length=32)
    form = models.CharField(max_length=40, default=current_form)
    found = models.PositiveIntegerField(default=0)

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        indexes = (models.Index(fields=("account_id", "-at", "-id"), name="purge_look_ups_of_account"),)

    def __str__(self) -> str:
        return f"look-up {self.pk}"


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


class StaffNamesShown(models.Model):
    """Somebody had a report say who started the requests of a period: who asked, when, and how many it named.

    ``account_id``: None where it was about all accounts.
    """

    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    account_id = models.BigIntegerField(null=True, db_index=True)
    first_day = models.DateField()
    last_day = models.DateField()
    people = models.PositiveIntegerField(default=0)

    objects = models.Manager()
    across_accounts = models.Manager()

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"names shown {self.pk}"


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
