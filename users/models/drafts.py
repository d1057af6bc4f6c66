"""What somebody is about to purge, kept for them on the server."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.models.accounts import Account
from users.wall import OfAccount


class DraftKind(models.TextChoices):
    CONFIRMATION = "confirmation", _("Confirmation")
    LIST = "list", _("List")


class PurgeDraft(OfAccount):
    """What somebody has selected, or a page has shown them, before they purge: ids, under a token that says nothing.

    It is its user's alone, for a day, and ends by use and as soon as their plans end
    (:func:`users.services.plans_end`); a browser session that ends does not end it. ``account``: in which they act;
    None: in all of them.

    ``people``: ids of users. ``address``: of somebody who is no user; '' where it is about users, or a purge has taken
    it out. ``facts``: ids, numbers and words of the code that writes them (:mod:`lms_purge.cleanup`), never what stands
    in a row. ``note``: what was typed for the register and names nobody of the people. ``plans_ended``:
    of the user, at the beginning.
    """

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=DraftKind.choices)
    user = models.ForeignKey("users.User", models.PROTECT, related_name="purge_drafts")
    account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="purge_drafts")
    plans_ended = models.PositiveIntegerField(default=0)
    people = models.JSONField(default=list)
    address = models.CharField(max_length=400, blank=True, default="")
    facts = models.JSONField(default=dict)
    note = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("purge draft")
        verbose_name_plural = _("purge drafts")
        indexes = (models.Index(fields=("user", "kind", "-created_at"), name="users_drafts_of_user"),)

    def __str__(self) -> str:
        return f"draft {self.pk}"
