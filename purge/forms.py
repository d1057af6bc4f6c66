"""Forms of the purge's own pages."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ReferenceForm(forms.Form):
    """A request ID, typed as somebody heard it."""

    reference = forms.CharField(
        label=_("Request ID"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "PUR-7Q4M-2KX9-H", "spellcheck": "false"}),
    )


class PersonForm(forms.Form):
    """An address or Unique User ID: posted, hashed, never stored and never in an address bar."""

    text = forms.CharField(
        label=_("E-mail address or Unique User ID"),
        max_length=400,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
