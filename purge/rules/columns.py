"""What a model says of its columns: where they point, whether a text may stand there twice. Asks no database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models


def is_person(model: type[models.Model]) -> bool:
    """Whether it is the model of the people who are purged."""
    return model is apps.get_model(settings.AUTH_USER_MODEL)


def points_at(field: Any, label: str) -> bool:
    """Whether a field is a foreign key to the model of this label, or to a proxy of it."""
    target: Any = field.remote_field.model if field is not None and field.remote_field else None
    if target is None or isinstance(target, str):
        return False
    return bool(target._meta.concrete_model._meta.label_lower == label.lower())


def field_of(model: type[models.Model], name: str) -> Any:
    """The field of this name; None when there is none."""
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def is_unique(model: type[models.Model], field: models.Field[Any, Any]) -> bool:
    """Whether two rows with the same text in this column may be refused."""
    meta, name = model._meta, field.name
    if field.unique or any(name in names for names in meta.unique_together):
        return True
    unique = [constraint for constraint in meta.constraints if isinstance(constraint, models.UniqueConstraint)]
    return any(name in constraint.fields or _names(constraint.expressions, name) for constraint in unique)


def _names(expressions: Iterable[Any], name: str) -> bool:
    parts = (part for each in expressions for part in (each.flatten() if hasattr(each, "flatten") else [each]))
    return any(getattr(part, "name", None) == name for part in parts)
