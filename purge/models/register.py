"""What is written about requests and who has asked: notes, notices, look-ups."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from purge.choices import AskedBy, Basis, NoticeState
from purge.hashing import current_form
from purge.models.requests import PurgeRequest


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
