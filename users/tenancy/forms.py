"""The forms of tenants' rows: they set the account of a new row, and refuse rows of another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.models import Account, User
from users.tenancy.scope import account_id_at, account_path_of


class AccountPage(Protocol):
    """What a form asks of the page that it stands on (:class:`users.tenancy.admin.TenantAdmin`)."""

    admin_site: admin.AdminSite

    @property
    def path_to_account(self) -> str: ...

    def set_account(self, request: HttpRequest, obj: Any, change: bool) -> None: ...


class TenantForm(forms.ModelForm):
    """The form of a :class:`users.tenancy.admin.TenantAdmin`, which makes one of any form: it sets the account of a
    new row, refuses rows of another one, and shows the refusal of a service."""

    tenant_admin: AccountPage | None = None
    tenant_request: HttpRequest | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.tenant_admin is not None and self.tenant_request is not None and self.instance.pk is None:
            self.tenant_admin.set_account(self.tenant_request, self.instance, change=False)

    @property
    def acting_user(self) -> User:
        """Who posts the form."""
        assert self.tenant_request is not None
        return cast(User, self.tenant_request.user)

    def _get_validation_exclusions(self) -> set[str]:
        # Constraints over the account and a name are checked although the account is not in the form.
        return cast("set[str]", super()._get_validation_exclusions()) - {"account"}  # type: ignore[misc]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        if self.tenant_admin is not None:
            self._refuse_other_accounts(self.tenant_admin, cleaned)
        refusal = getattr(self.tenant_request, "refusal", None)
        if refusal is not None:
            self.add_error(None, ValidationError(refusal.messages))
        return cleaned

    def _refuse_other_accounts(self, model_admin: AccountPage, cleaned: dict[str, Any]) -> None:
        """A row names rows of its own account only, whoever posts it."""
        path, own = model_admin.path_to_account, cleaned.get("account")
        account_id = own.pk if isinstance(own, Account) else None
        if account_id is None and (self.instance.pk is not None or path == "account"):
            account_id = account_id_at(self.instance, path)
        for name, value in list(cleaned.items()):
            for row in _rows_in(value):
                their_path = account_path_of(type(row), model_admin.admin_site)
                other = account_id_at(row, their_path) if their_path and name != "account" else None
                account_id = other if account_id is None else account_id
                if other not in (None, account_id):
                    self.add_error(name, _("Choose something of the same account."))
                    break


class ServiceForm(TenantForm):
    """A form that is saved by a service: ``perform`` calls it with ``cleaned_data`` and returns the row.

    A refusal (:class:`users.services.ServiceError`) becomes an error of the form, and nothing is saved.
    """

    def perform(self) -> models.Model:
        raise NotImplementedError


def _rows_in(value: Any) -> Iterator[models.Model]:
    if isinstance(value, models.Model):
        yield value
    elif isinstance(value, models.QuerySet):
        yield from value


#: Rows that an inline form may have, unless there are more already.
MOST_ROWS = 100


class BoundedRows(forms.models.BaseInlineFormSet):
    """However many rows a client says it sends, no more forms are made than the page may have, or the row has already;
    what is beyond is refused in a sentence."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = min(self.max_num or MOST_ROWS, MOST_ROWS)
        if self.is_bound and (self.management_form.cleaned_data["TOTAL_FORMS"] or 0) > most:
            self.absolute_max = max(most, self.get_queryset().count())

    def add_fields(self, form: Any, index: Any) -> None:
        """The number of a row that a form says it changes is one of the rows that hang from this one; Django looks for
        it among all there are."""
        super().add_fields(form, index)
        assert self.model is not None
        number = form.fields.get(self.model._meta.pk.name)
        if isinstance(number, forms.ModelChoiceField):
            number.queryset = self.queryset


class NamedInputs(BoundedRows):
    """Rows of a table whose inputs have names: there is no label beside them, only the head of their column."""

    def add_fields(self, form: Any, index: Any) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            # A choice of rows may be wrapped in the buttons that add one.
            widget = getattr(field.widget, "widget", field.widget)
            if field.label and not widget.is_hidden:
                widget.attrs.setdefault("aria-label", capfirst(field.label))


class NamedDateTime(AdminSplitDateTime):
    """A date and a time whose boxes each have a name for those who hear the page."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        for widget, name in zip(self.widgets, (gettext_lazy("Date"), gettext_lazy("Time")), strict=True):
            widget.attrs["aria-label"] = name

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Beside the time stands where it is that time: in the account's zone, which need not be the browser's."""
        context = super().get_context(name, value, attrs)
        context["time_label"] = _("Time (%(zone)s):") % {"zone": timezone.get_current_timezone_name()}
        return context
