"""Bulk user imports and their stored files."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from purge.fields import SafeJSONField
from users.models.accounts import Account
from users.models.people import User
from users.wall import OfAccount


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    RUNNING = "running", _("Running")
    ASKING = "asking", _("Needs your answer")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


class ImportSource(models.TextChoices):
    UPLOAD = "upload", _("Upload")
    CONNECTOR = "connector", _("Connector")
    COMMAND = "command", _("Command line")


def import_path(log: ImportLog, _file_name: str) -> str:
    return f"accounts/{log.account.public_id}/imports/{uuid.uuid4().hex}.csv"


def error_path(log: ImportLog, _file_name: str) -> str:
    return f"accounts/{log.account.public_id}/imports/{uuid.uuid4().hex}-errors.csv"


class ImportLog(OfAccount):
    """One bulk user import: who, when, how many rows; its file until a purge kills the link (``link_dead_at``)."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="imports", verbose_name=_("account"))
    started_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("started by")
    )
    source = models.CharField(_("source"), max_length=12, choices=ImportSource.choices, default=ImportSource.UPLOAD)
    file = models.FileField(_("file"), upload_to=import_path, max_length=200, blank=True, default="")
    error_file = models.FileField(_("rows not imported"), upload_to=error_path, max_length=200, blank=True, default="")
    uploaded_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)
    encoding = models.CharField(_("encoding"), max_length=20, blank=True, default="")
    delimiter = models.CharField(_("delimiter"), max_length=4, blank=True, default="")
    mapping = SafeJSONField(_("columns"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=ImportState.choices, default=ImportState.UPLOADED)
    failure = models.CharField(_("why it failed"), max_length=200, blank=True, default="")
    total_rows = models.PositiveIntegerField(_("rows"), default=0)
    rows_done = models.PositiveIntegerField(_("rows read"), default=0)
    added = models.PositiveIntegerField(_("added"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    revived = models.PositiveIntegerField(_("revived"), default=0)
    previously_purged = models.PositiveIntegerField(_("previously purged"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    link_dead_at = models.DateTimeField(_("link dead since"), null=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("Import Logs")
        ordering = ("-uploaded_at", "-id")

    def __str__(self) -> str:
        return f"import {self.pk}"

    @property
    def encoding_name(self) -> str:
        """The encoding as programs that save files call it."""
        if self.encoding == "cp1252":
            return str(_("Windows (Western)"))
        return "UTF-16" if self.encoding.startswith("utf-16") else self.encoding.removesuffix("-sig").upper()


class ImportRowError(OfAccount):
    """A row that did not go in. The reason never quotes what the row says of a person."""

    log = models.ForeignKey(ImportLog, models.PROTECT, related_name="row_errors", verbose_name=_("import"))
    line = models.PositiveIntegerField(_("line"))
    reason = models.CharField(_("reason"), max_length=300)

    class Meta:
        verbose_name = _("bad row")
        verbose_name_plural = _("bad rows")
        ordering = ("line", "id")

    def __str__(self) -> str:
        return f"line {self.line}"


class ImportNote(OfAccount):
    """A row that needs saying and is not bad: revived, purged before (with the request ID), or left out: on hold
    elsewhere and no user here, or purged before and not wanted again."""

    log = models.ForeignKey(ImportLog, models.PROTECT, related_name="notes", verbose_name=_("import"))
    line = models.PositiveIntegerField(_("line"))
    kind = models.CharField(
        max_length=20,
        choices=(
            ("revived", _("Revived")),
            ("previously_purged", _("Purged before")),
            ("left_out", _("Left out")),
        ),
    )
    reference = models.CharField(_("request ID"), max_length=16, blank=True, default="")

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ("line", "id")

    def __str__(self) -> str:
        return f"line {self.line}"
