"""The forms of people, groups and accounts, and what an action on several people asks for."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from purge.addresses import is_address
from purge.fields import TextLines
from users.invitations.services import account_open, user_invite
from users.models import AccountKind, ExternalProfile, Role, User, UserGroup, UserKind
from users.selectors import groups_in_use
from users.services import (
    DeletedUserHasIt,
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


#: Fields of whoever is added, and of nobody who is there already.
ADDED = ("role", "invite")
#: The fields of a new account's first administrator.
ADMINISTRATOR = ("administrator_name", "administrator_email")
_ROLE_HELP = _("An Administrator manages users. Who may purge: Account settings, Purging.")
_INVITED_HELP = _("They are sent a link to set their password. Of a trial, they are the creator.")
_INVITE_HELP = _("An email with a link to set the first password. It is good for seven days.")


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

    #: Of somebody who is added: see :data:`ADDED`.
    role = forms.ChoiceField(
        label=_("Role"), required=False, choices=lambda: [("", _("Learner")), *Role.choices], help_text=_ROLE_HELP
    )
    invite = forms.BooleanField(label=_("Send an invitation"), required=False, help_text=_INVITE_HELP)
    locale = forms.ChoiceField(label=_("Language"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "locale" in self.fields:
            cast(forms.ChoiceField, self.fields["locale"]).choices = _languages(self.instance.locale)
        # Somebody else's: the browser must not offer the reader's own beside a field for a password.
        for name in ("email", "unique_user_id", "adobe_id"):
            if name in self.fields:
                self.fields[name].widget.attrs["autocomplete"] = "off"

    def _get_validation_exclusions(self) -> set[str]:
        # The service decides what is taken: the address of a deleted user is not, it brings them back.
        return super()._get_validation_exclusions() | {"email", "account"}

    def perform(self) -> User:
        changes = {name: value for name, value in self.changes().items() if name not in ADDED}
        password = changes.pop("new_password", "")
        if self.instance.pk is None:
            return self._add(password)
        user = user_update(acting_user=self.acting_user, user=self.instance, **changes)
        if password:
            password_set(acting_user=self.acting_user, user=user, password=password)
        return user

    def _add(self, password: str) -> User:
        # The names that the form shows; the others keep the model's defaults.
        others = ("new_password", "account", *ADDED)
        values = {name: value for name, value in self.cleaned_data.items() if name not in others}
        back, role = self._agreed(), self.cleaned_data["role"]
        with transaction.atomic():
            user = self._create(password, values, back, role)
            if self.cleaned_data["invite"]:
                user_invite(acting_user=self.acting_user, user=user)
        return user

    def _create(self, password: str, values: dict[str, Any], back: int | None, role: str) -> User:
        return user_create(
            acting_user=self.acting_user,
            account=self.instance.account,
            kind=self.kind,
            password=password or None,
            # Whoever comes back does so as Learner, which the button says.
            roles=[role] if role and back is None else (),
            bring_back=back,
            **values,
        )

    def clean(self) -> dict[str, Any]:
        if isinstance(getattr(self.tenant_request, "refusal", None), DeletedUserHasIt):
            # The form is shown again with a question: what was typed is not typed twice.
            cast(forms.PasswordInput, self.fields["new_password"].widget).render_value = True
        if self.cleaned_data.get("invite") and self.cleaned_data.get("new_password"):
            self.add_error("invite", _("Set a password, or send an invitation to set one: not both."))
        return super().clean()

    def _agreed(self) -> int | None:
        """The deleted user that the reader was asked about, and wants back."""
        number = str(self.data.get(BRING_BACK, ""))
        return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def _languages(stored: str) -> list[tuple[str, Any]]:
    """The site's languages, and what stands there already: an import or an earlier version may have put in others."""
    offered = [("", _("As the browser says")), *settings.LANGUAGES]
    return offered if stored in dict(offered) else [*offered, (stored, stored)]


class ExternalPersonForm(PersonForm):
    kind = UserKind.EXTERNAL


class GroupForm(ChangesForm):
    def perform(self) -> UserGroup:
        if self.instance.pk is None:
            values = {name: value for name, value in self.cleaned_data.items() if name != "account"}
            return group_create(acting_user=self.acting_user, account=self.instance.account, **values)
        return group_update(acting_user=self.acting_user, group=self.instance, **self.changes())


class AccountForm(ChangesForm):
    """An account's settings; of a new one also who is its first administrator, by invitation."""

    administrator_name = forms.CharField(label=_("Name"), max_length=200, required=False)
    administrator_email = forms.CharField(
        label=_("Email"), max_length=320, required=False, widget=forms.EmailInput, help_text=_INVITED_HELP
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=lambda: [(name, name) for name in _time_zones()])

    class Meta:
        field_classes = {"footer_links": TextLines}
        help_texts = {"footer_links": _("One per line.")}

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
            return account_open(acting_user=self.acting_user, **self.cleaned_data)
        changes = {name: value for name, value in self.changes().items() if name not in ADMINISTRATOR}
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
