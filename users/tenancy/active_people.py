"""Naming people in forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from purge.selectors import open_request_of
from users.models import User, UserState


class ActivePeopleForm(forms.ModelForm):
    """A form in which only people in use can be newly named; whoever stands in the row already may stay there."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned = self.cleaned_data if cleaned is None else cleaned
        for name in self.changed_data:
            person = cleaned.get(name)
            if not isinstance(person, User) or person.state == UserState.ACTIVE:
                continue
            if person.state == UserState.PURGING and open_request_of([person.pk], account_id=person.account_id):
                self.add_error(name, _("This user is being purged: choose somebody else."))
            elif person.deleted_at is None:
                self.add_error(name, _("This user cannot be chosen at the moment: choose somebody else."))
            else:
                self.add_error(name, _("This user is deleted: choose somebody else, or restore the user first."))
        return cleaned
