"""The admin's log: model, id and names of fields, never what a row is called or says."""

from __future__ import annotations

import json
from typing import Any, cast

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.db import models
from django.http import HttpRequest
from django.utils.translation import override

from purge.pages.declared_lookups import DeclaredLookups
from users.tenancy.messages import QuietMessages


class QuietLog(QuietMessages, DeclaredLookups):
    """Writes the admin's log as model, id and names of fields: never what a row is called, nor what it says."""

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> LogEntry:
        return self._log(request, obj, ADDITION, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> LogEntry:
        return self._log(request, obj, CHANGE, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[LogEntry]:
        return [self._log(request, row, DELETION, "") for row in queryset]

    def _log(self, request: HttpRequest, row: models.Model, flag: int, message: Any) -> LogEntry:
        return LogEntry.objects.create(
            user_id=cast(int, request.user.pk),
            content_type=get_content_type_for_model(row),
            object_id=str(row.pk),
            object_repr=row_number(row),
            action_flag=flag,
            change_message=json.dumps(message) if isinstance(message, list) else message,
        )

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """As Django's, in field names; rows of inlines by model and id."""
        messages: list[dict[str, Any]] = []
        if add:
            messages.append({"added": {}})
        elif form.changed_data:
            messages.append({"changed": {"fields": list(form.changed_data)}})
        for formset in formsets or ():
            messages += [{"added": _named(row)} for row in formset.new_objects]
            messages += [
                {"changed": {**_named(row), "fields": list(fields)}} for row, fields in formset.changed_objects
            ]
            messages += [{"deleted": _named(row)} for row in formset.deleted_objects]
        return messages


def row_number(row: models.Model) -> str:
    """A row as the log names it: "user 12"; a proxy by the model behind it."""
    concrete = cast("type[models.Model]", row._meta.concrete_model)
    return f"{concrete._meta.model_name} {'?' if row.pk is None else row.pk}"


def _named(row: models.Model) -> dict[str, str]:
    """The kind in the words of the source: it is said in the language of each reader."""
    with override(None):
        return {"name": str(row._meta.verbose_name), "object": row_number(row)}
