"""Columns whose values are encrypted before they reach the database, and that no form shows again.

Use one for whatever this installation signs in with elsewhere: ``secret = EncryptedTextField(_("password"))``. The
attribute is the plain value. A form shows an empty field; left empty, what is stored stays. A purge reads the
values decrypted; ``dumpdata`` leaves them out. A lookup can only ask whether there is a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import Exact, IsNull
from django.utils.translation import gettext_lazy as _

from keys.encryption import decrypt, encrypt
from purge.fields import BoundedJSON, Opaque, SafeJSONField

NOT_SHOWN = _("Not shown. Left empty, it stays as it is.")


class IsEmpty(Exact):
    """The only comparison there is: with nothing."""

    def get_prep_lookup(self) -> Any:
        if self.rhs not in ("", None):
            raise FieldError("An encrypted column can only be compared with an empty value.")
        return self.rhs


class Encrypted(Opaque):
    """What both kinds share: written into by forms, never read by them."""

    attname: str

    def readable(self, stored: Any) -> str:
        return decrypt(str(stored))

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "exact":
            return IsEmpty
        if lookup_name == "isnull":
            return IsNull
        raise FieldError(f"An encrypted column has no lookup {lookup_name!r}: the database cannot read it.")

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError("The database cannot read an encrypted column.")


def encrypted_names(model: type[models.Model]) -> set[str]:
    """The names of a model's encrypted fields."""
    fields: Iterable[Any] = model._meta.local_fields
    return {field.attname for field in fields if isinstance(field, Encrypted)}


class EncryptedTextField(Encrypted, models.TextField):
    """A secret: a password, a token, a key."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return value if value is None else decrypt(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        prepared = super().get_db_prep_save(value, connection)
        return encrypt(prepared) if isinstance(prepared, str) and prepared else prepared

    def value_from_object(self, obj: models.Model) -> Any:
        """What a form, and ``dumpdata``, read of a row."""
        return ""

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        if data:
            super().save_form_data(instance, data)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(
            **{
                "widget": forms.PasswordInput(attrs={"autocomplete": "new-password"}),
                "help_text": " ".join(filter(None, [str(self.help_text), str(NOT_SHOWN)])),
                **{name: value for name, value in kwargs.items() if name != "widget"},
            }
        )


class WriteOnlyJSON(BoundedJSON):
    """What is to change of a stored object: an object itself, or nothing."""

    default_error_messages = {"object": _('Write an object, such as {"key": "value"}.')}

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)

    def clean(self, value: Any) -> Any:
        data = super().clean(value)
        if data is not None and not isinstance(data, dict):
            raise forms.ValidationError(self.error_messages["object"], code="object")
        return data


class EncryptedJSONField(Encrypted, SafeJSONField):
    """Several secrets by name, a JSON object, kept as one encrypted text."""

    def get_internal_type(self) -> str:
        return "TextField"

    def db_check(self, connection: Any) -> None:
        return None

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return value if value is None else json.loads(decrypt(value), cls=self.decoder)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        return encrypt(json.dumps(self.get_prep_value(value), cls=self.encoder))

    def value_from_object(self, obj: models.Model) -> None:
        return None

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        """Names that were typed are set, or taken away with ``null``; all others stay."""
        if data:
            stored = getattr(instance, self.attname) or {}
            merged = {**stored, **data}
            setattr(instance, self.name, {name: value for name, value in merged.items() if value is not None})

    def formfield(self, **kwargs: Any) -> Any:
        help_text = _(
            'Not shown. Type what is to change: {"name": "new value"}, or null to take a name away; all others stay.'
        )
        return super().formfield(**{"form_class": WriteOnlyJSON, "help_text": help_text, **kwargs})
