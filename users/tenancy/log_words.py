"""What an entry of the admin's log says, in the words and the language of whoever reads it."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

#: What is changed of people and is no column of theirs.
BESIDE_COLUMNS = {
    "roles": gettext_lazy("roles"),
    "groups": gettext_lazy("groups"),
    "permissions": gettext_lazy("permissions"),
    "invitation": gettext_lazy("invitation"),
    "welcome email": gettext_lazy("welcome email"),
    "second_factors": gettext_lazy("second factors"),
}


def record_of(entry: LogEntry) -> str:
    """Which row an entry is about: "User 12"."""
    model = _model_of(entry)
    if model is None:
        return "–"
    return capfirst(f"{model._meta.verbose_name} {entry.object_id or ''}".strip())


def changes_of(entry: LogEntry) -> str:
    """What was done to it: "Changed: name, Unique User ID. Added session instructor 7." """
    try:
        parts = json.loads(entry.change_message) if entry.change_message else []
    except ValueError:
        return entry.change_message
    if not isinstance(parts, list):
        return entry.change_message
    said = " ".join(filter(None, (_sentence(part, _model_of(entry)) for part in parts if isinstance(part, dict))))
    plain = {ADDITION: _("Added."), DELETION: _("Deleted.")}
    return said or plain.get(entry.action_flag, _("Nothing was changed."))


def _model_of(entry: LogEntry) -> type[models.Model] | None:
    return entry.content_type.model_class() if entry.content_type is not None else None


def _sentence(part: dict[str, Any], model: type[models.Model] | None) -> str:
    for done, about in part.items():
        row, hanging = _hanging_row(about, model)
        fields = ", ".join(_label(str(name), hanging or model) for name in about.get("fields", ()))
        match done, bool(row):
            case "added", True:
                return _("Added %(row)s.") % {"row": row}
            case "added", False:
                return _("Added.")
            case "changed", True:
                return _("Changed %(row)s: %(fields)s.") % {"row": row, "fields": fields}
            case "changed", False:
                return _("Changed: %(fields)s.") % {"fields": fields}
            case "deleted", True:
                return _("Deleted %(row)s.") % {"row": row}
    return ""


def _hanging_row(about: dict[str, Any], model: type[models.Model] | None) -> tuple[str, type[models.Model] | None]:
    """A row that hangs from the one that the entry is about, by kind and number, and its model."""
    if "object" not in about:
        return "", None
    name, _space, number = str(about["object"]).rpartition(" ")
    try:
        hanging = apps.get_model(model._meta.app_label, name) if model is not None else None
    except LookupError:
        hanging = None
    kind = hanging._meta.verbose_name if hanging is not None else _(str(about.get("name", "")))
    return f"{kind} {number}" if number.isdigit() else str(kind), hanging


def _label(name: str, model: type[models.Model] | None) -> str:
    """What a field is called on the page on which it was changed."""
    if name in BESIDE_COLUMNS:
        return str(BESIDE_COLUMNS[name])
    try:
        field = model._meta.get_field(name) if model is not None else None
    except FieldDoesNotExist:
        field = None
    return str(getattr(field, "verbose_name", "")) or name.replace("_", " ")
