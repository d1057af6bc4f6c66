"""The forms of people, groups and accounts, and what an action on several people asks for."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from purge.addresses import is_address
from users.models import AccountKind, ExternalProfile, Role, User, UserGroup, UserKind
from users.selectors import groups_in_use
from users.services import (
    DeletedUserHasIt,
    account_create,
    account_update,
    group_create,
    group_update,
    password_set,
    user_create,
    user_update,
)
from users.tenancy import ServiceForm

#: The button by which a deleted user is brought back; its value is the user's number.
BRING_BACK = "bring_back"


class ChangesForm(ServiceForm):
    """A form whose service is told only what the reader has changed."""

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}


class PersonForm(ChangesForm):
    """Adding and changing people. Addresses are checked by the service, which also takes those with umlauts."""

    kind: str = UserKind.INTERNAL
    email = forms.CharField(label=_("Email"), max_length=320, widget=forms.EmailInput)
    new_password = forms.CharField(
        label=_("Set a password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "For a first sign-in. Leave blank to keep the current password. Administrators change theirs themselves."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Somebody else's: the browser must not offer the reader's own beside a field for a password.
        for name in ("email", "unique_user_id", "adobe_id"):
            if name in self.fields:
                self.fields[name].widget.attrs["autocomplete"] = "off"

    def _get_validation_exclusions(self) -> set[str]:
        # The service decides what is taken: the address of a deleted user is not, it brings them back.
        return super()._get_validation_exclusions() | {"email", "account"}

    def perform(self) -> User:
        changes = self.changes()
        password = changes.pop("new_password", "")
        if self.instance.pk is None:
            return self._add(password)
        user = user_update(acting_user=self.acting_user, user=self.instance, **changes)
        if password:
            password_set(acting_user=self.acting_user, user=user, password=password)
        return user

    def _add(self, password: str) -> User:
        # The names that the form shows; the others keep the model's defaults.
        values = {name: value for name, value in self.cleaned_data.items() if name not in ("new_password", "account")}
        return user_create(
            acting_user=self.acting_user,
            account=self.instance.account,
            kind=self.kind,
            password=password or None,
            bring_back=self._agreed(),
            **values,
        )

    def clean(self) -> dict[str, Any]:
        if isinstance(getattr(self.tenant_request, "refusal", None), DeletedUserHasIt):
            # The form is shown again with a question: what was typed is not typed twice.
            cast(forms.PasswordInput, self.fields["new_password"].widget).render_value = True
        return super().clean()

    def _agreed(self) -> int | None:
        """The deleted user that the reader was asked about, and wants back."""
        number = str(self.data.get(BRING_BACK, ""))
        return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


class ExternalPersonForm(PersonForm):
    kind = UserKind.EXTERNAL


class GroupForm(ChangesForm):
    def perform(self) -> UserGroup:
        if self.instance.pk is None:
            values = {name: value for name, value in self.cleaned_data.items() if name != "account"}
            return group_create(acting_user=self.acting_user, account=self.instance.account, **values)
        return group_update(acting_user=self.acting_user, group=self.instance, **self.changes())


class AccountForm(ChangesForm):
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=lambda: [(name, name) for name in _time_zones()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields and self.instance.kind != AccountKind.SYSTEM:
            # There is one system account, and it is made with the site.
            kind: Any = self.fields["kind"]
            kind.choices = [choice for choice in kind.choices if choice[0] != AccountKind.SYSTEM]

    def clean_support_emails(self) -> str:
        """One kind of separator, and addresses only."""
        text: str = self.cleaned_data["support_emails"]
        addresses = [part.strip() for part in text.replace(",", ";").replace("\n", ";").split(";") if part.strip()]
        if not all(is_address(address) for address in addresses):
            raise ValidationError(_("Give email addresses, with semicolons between them."))
        return "; ".join(addresses)

    def perform(self) -> Any:
        if self.instance.pk is None:
            return account_create(acting_user=self.acting_user, **self.cleaned_data)
        changes = self.changes()
        if changes.get("creator") is not None:
            changes["creator_missing"] = False
        return account_update(acting_user=self.acting_user, account=self.instance, **changes)


def _time_zones() -> list[str]:
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


class PeopleActionForm(forms.Form):
    """The question of an action on several people of one account; without fields, only a confirmation."""

    def __init__(self, account_id: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account_id = account_id


class RoleForm(PeopleActionForm):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class ChooseGroupForm(PeopleActionForm):
    group = forms.ModelChoiceField(label=_("Group"), queryset=UserGroup.objects.none())

    def __init__(self, account_id: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(account_id, *args, **kwargs)
        field: Any = self.fields["group"]
        field.queryset = groups_in_use(account_id)


class ChooseProfileForm(PeopleActionForm):
    profile = forms.ModelChoiceField(label=_("Registration profile"), queryset=ExternalProfile.objects.none())

    def __init__(self, account_id: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(account_id, *args, **kwargs)
        field: Any = self.fields["profile"]
        field.queryset = ExternalProfile.objects.filter(account_id=account_id, enabled=True).order_by("name", "pk")
