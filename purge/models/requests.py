"""A request, the people in it, and what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from purge.choices import OPEN_STATUSES, Fate, Origin, Reach, Reason, Route, Status


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
