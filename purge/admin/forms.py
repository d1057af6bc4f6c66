"""Forms of the purge's own pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from purge.pages.freshness import FreshForm


class LookUpForm(forms.Form):
    """A request ID as somebody heard it, an address or a Unique User ID: posted, and never in an address bar."""

    text = forms.CharField(
        label=_("Request ID, email address or Unique User ID"),
        max_length=400,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "spellcheck": "false"}),
    )


class GoOnForm(FreshForm):
    """Before a request is released or tried again: the number that the page shows, and the password if it is due."""

    field_order = ("number", "password")
    number = forms.IntegerField(widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}))

    def __init__(self, data: Any = None, *, request: HttpRequest, number: int, label: str) -> None:
        super().__init__(data, request=request)
        self.expected = number
        self.fields["number"].label = label
        if not number:
            del self.fields["number"]

    def clean_number(self) -> int:
        number: int = self.cleaned_data["number"]
        if number != self.expected:
            raise forms.ValidationError(gettext("The page says %(n)d.") % {"n": self.expected})
        return number
