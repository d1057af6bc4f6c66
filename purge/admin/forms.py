"""Forms of the purge's own pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.forms.utils import ErrorDict, ErrorList
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from purge.choices import AskedBy, Basis
from purge.pages.freshness import FreshForm
from purge.register.notes import MOST_REASON, MOST_TICKET, NO_NOTE, Note


class LookUpForm(forms.Form):
    """A request ID as somebody heard it, an address or a Unique User ID: posted, and never in an address bar."""

    text = forms.CharField(
        label=_("Request ID, email address or Unique User ID"),
        max_length=400,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "spellcheck": "false"}),
    )


class NoteForm(forms.Form):
    """What somebody writes down about a purge. Nothing of it has to be said."""

    #: In messages that are kept until the page is shown again: without what was sent.
    NOT_ON_THE_LIST = {"invalid_choice": _("Choose one from the list.")}

    asked_by = forms.ChoiceField(
        label=_("Asked by"), choices=[("", "–"), *AskedBy.choices], required=False, error_messages=NOT_ON_THE_LIST
    )
    basis = forms.ChoiceField(
        label=_("Basis"), choices=[("", "–"), *Basis.choices], required=False, error_messages=NOT_ON_THE_LIST
    )
    ticket = forms.CharField(
        label=_("Ticket"),
        max_length=MOST_TICKET,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("At most 40 characters, without blanks and without @."),
    )
    received_on = forms.DateField(
        label=_("Letter received on"),
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "off"}),
        help_text=_("The person is to be answered one month later."),
        error_messages={"invalid": _("Give a day as year, month and day, such as 2026-11-30.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text=_("It stays for good, so name nobody: no names, addresses, logins or IDs."),
    )

    #: So that no page has two fields of the same name.
    PREFIX = "note"

    def __init__(self, data: Any = None, *, before: Note = NO_NOTE, form_id: str = "") -> None:
        """``form_id``: of the form on the page that its fields belong to, where they do not stand within it."""
        super().__init__(data, prefix=self.PREFIX, initial=asdict(before))
        if form_id:
            for field in self.fields.values():
                field.widget.attrs["form"] = form_id

    def say(self, errors: Mapping[str, str]) -> None:
        """Show what the form was answered when it was sent."""
        self._errors = ErrorDict({name: ErrorList([text]) for name, text in errors.items() if name in self.fields})

    @property
    def said(self) -> dict[str, str]:
        """What is wrong, by the names of fields."""
        return {name: " ".join(map(str, texts)) for name, texts in self.errors.items()}

    @property
    def summary(self) -> list[tuple[str, str]]:
        """(id of the field, what is wrong)."""
        return [(self[name].id_for_label, text) for name, text in self.said.items()]

    @property
    def is_open(self) -> bool:
        """Whether somebody has to see it: something was typed, or is wrong."""
        return bool(self.errors) or any(self.initial.values())

    @property
    def note(self) -> Note:
        """What was said of what can be read; of the rest nothing."""
        return Note(**{name: value for name, value in getattr(self, "cleaned_data", {}).items() if value})


class MessageForm(forms.Form):
    """A message of the identity provider, as somebody has it before them. Posted, and never in an address bar."""

    email = forms.CharField(
        label=_("Email"), max_length=320, required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    adobe_id = forms.CharField(
        label=_("Login at the identity provider"),
        max_length=320,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    reference = forms.CharField(
        label=_("Reference of the sender"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("The same one again is the same request. It is kept for good, and must not name the person."),
    )


class GoOnForm(FreshForm):
    """Before a request is released or tried again: the number that the page shows, and the password if it is due."""

    field_order = ("number", "password")
    number = forms.IntegerField(widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}))

    def __init__(self, data: Any = None, *, request: HttpRequest, number: int, label: str) -> None:
        super().__init__(data, request=request)
        self.expected = number
        self.fields["number"].label = label
        if number < 2:
            # For one person there is nothing to count: the page names the account and says what goes.
            del self.fields["number"]

    def clean_number(self) -> int:
        number: int = self.cleaned_data["number"]
        if number != self.expected:
            raise forms.ValidationError(
                gettext("You typed %(typed)d, but the page says %(n)d. Nothing was erased.")
                % {"typed": number, "n": self.expected}
            )
        return number
