"""Forms of User Cleanup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms.utils import ErrorDict, ErrorList
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lms_purge.cleanup.pasted import MOST_LINES, lines_of
from purge.addresses import identity_key
from purge.pages.freshness import FreshForm
from users.models import Account, AccountKind, User
from users.services import ServiceError, user_update


class ConfirmForm(FreshForm):
    """What has to be typed. Fields that are not asked for are not there."""

    field_order = ("number", "address_again", "password")

    number = forms.IntegerField(
        max_value=99_999,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=gettext_lazy("Others are affected."),
        error_messages={"required": gettext_lazy("Type the number of people listed. Nothing was purged.")},
    )
    address_again = forms.CharField(
        label=gettext_lazy("Type the address again"),
        max_length=400,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("A connector stops, so make sure that it is the right address."),
        error_messages={"required": gettext_lazy("Type the address once more. Nothing was purged.")},
    )

    def __init__(
        self, data: Any = None, *, request: HttpRequest, people: int = 0, address: str = "", must_type: bool = False
    ) -> None:
        super().__init__(data, request=request)
        self.people, self.address = people, address
        if must_type and people > 1:
            label = _("To confirm, type the number of people listed above (%(n)d).")
            self.fields["number"].label = label % {"n": people}
        else:
            del self.fields["number"]
        if not (must_type and address):
            del self.fields["address_again"]

    def clean_number(self) -> int:
        number: int = self.cleaned_data["number"]
        if number != self.people:
            text = _("You typed %(typed)d, but %(n)d people are listed. Nothing was purged.")
            raise forms.ValidationError(text % {"typed": number, "n": self.people})
        return number

    def clean_address_again(self) -> str:
        text: str = self.cleaned_data["address_again"]
        if identity_key(text) != identity_key(self.address):
            raise forms.ValidationError(_("This is not the address that you looked up."))
        return text

    @property
    def said(self) -> dict[str, str]:
        """What is wrong, by the names of fields."""
        return {name: " ".join(map(str, texts)) for name, texts in self.errors.items()}

    @property
    def kept(self) -> dict[str, str]:
        """What was typed that can be kept until the page is shown again: numbers."""
        return {name: str(self.cleaned_data[name]) for name in ("number",) if name in self.cleaned_data}

    def say(self, errors: Mapping[str, str]) -> None:
        """Show what the form was answered when it was sent."""
        known = {name: [text] for name, text in errors.items() if name in self.fields or name == NON_FIELD_ERRORS}
        self._errors = ErrorDict({name: ErrorList(texts) for name, texts in known.items()})

    @property
    def summary(self) -> list[tuple[str, str]]:
        """(id of the field, what is wrong), for the top of the page; '' where it is about no field."""
        return [
            (self[name].id_for_label if name in self.fields else "", " ".join(map(str, texts)))
            for name, texts in self.errors.items()
        ]


class AddressForm(forms.Form):
    """Somebody who is no user, by address. Posted, so that it is in no address bar and no log."""

    address = forms.CharField(
        label=gettext_lazy("Email address"),
        max_length=400,
        widget=forms.TextInput(attrs={"type": "email", "autocomplete": "off", "spellcheck": "false"}),
    )
    account = forms.ModelChoiceField(label=gettext_lazy("Account"), queryset=Account.objects.none())

    def __init__(self, data: Any = None, *, choose_account: bool = False) -> None:
        super().__init__(data)
        if choose_account:
            self.fields["account"].queryset = Account.objects.exclude(kind=AccountKind.SYSTEM)  # type: ignore[attr-defined]
        else:
            del self.fields["account"]


class PasteForm(forms.Form):
    """A list of people. Posted, and kept nowhere but in the browser's form."""

    lines = forms.CharField(
        label=gettext_lazy("Email addresses or Unique User IDs, one per line"),
        widget=forms.Textarea(attrs={"rows": 12, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Up to 1,000 lines, as copied from a spreadsheet’s column."),
    )

    def clean_lines(self) -> str:
        text: str = self.cleaned_data["lines"]
        number = len(lines_of(text))
        if number > MOST_LINES:
            words = _("There are %(n)d lines; at most 1,000 can be looked up at once. Nothing was looked up.")
            raise forms.ValidationError(words % {"n": number})
        return text


class CorrectForm(forms.ModelForm):
    """The pencil: what can be corrected about a deleted user."""

    class Meta:
        model = User
        fields = ("email", "unique_user_id")

    def __init__(self, *args: Any, acting_user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.acting_user = acting_user

    def _post_clean(self) -> None:
        """Nothing is set on the row here: the service does that, under a lock, and has the last word."""

    def save(self, commit: bool = True) -> Any:
        """Raises nothing: a refusal becomes an error of the form, and None is returned."""
        try:
            return user_update(acting_user=self.acting_user, user=self.instance, **self.cleaned_data)
        except ServiceError as refusal:
            self.add_error(None, str(refusal))
            return None
