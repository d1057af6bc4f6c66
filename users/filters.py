"""Which deleted users a list, an export or a command is about. Declared once, so that all of them agree."""

from __future__ import annotations

import re

import django_filters
from django import forms
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from users.models import User, UserKind
from users.selectors import people_found

MONTH = re.compile(r"^[0-9]{4}-(0[1-9]|1[0-2])$", re.ASCII)


class MonthField(forms.CharField):
    """A month, "YYYY-MM"."""

    default_validators = [RegexValidator(MONTH, _("Give a month as year and number, such as 2026-01."))]


class MonthFilter(django_filters.CharFilter):
    field_class = MonthField


class CleanupFilter(django_filters.FilterSet):
    """Deleted users by month of deletion (account's time zone), kind, and the beginning of a name, address or ID."""

    month = MonthFilter(field_name="deleted_month", label=_("Month of deletion"))
    kind = django_filters.ChoiceFilter(choices=UserKind.choices, label=_("Kind"), empty_label=_("All users"))
    q = django_filters.CharFilter(method="beginning_with", label=_("Name, email or Unique User ID begins with"))

    class Meta:
        model = User
        fields = ("month", "kind", "q")

    def beginning_with(self, rows: QuerySet[User], _name: str, text: str) -> QuerySet[User]:
        return people_found(rows, text)
