"""What a list in the admin may be asked by its address: what its own filters ask, and nothing else.

A filter over a relation, followed one relation further, answers any question about anybody's row with yes or no: a
letter of a password's hash, of an address, of a session's key. So a list answers to the exact names that its declared
filters read, whatever Django itself would allow, and to everything else with 400.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.filters import FieldListFilter, SimpleListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.forms import Media
from django.http import HttpRequest

#: Django's scripts that make a slug of a title.
_OF_SLUGS = ("/xregexp.js", "/xregexp.min.js", "/urlify.js", "/prepopulate.js")
_NAMES = "_declared_lookups"


class DeclaredLookups(admin.ModelAdmin):
    """The base of every page of the site. The site refuses to register one that does not extend it."""

    @property
    def media(self) -> Media:
        """Without the scripts by which Django makes a slug of a title: a third of a page, for fields of which there
        are none."""
        media: Media = super().media
        if self.prepopulated_fields:
            return media
        said: Any = media
        return Media(css=said._css, js=[each for each in said._js if not str(each).endswith(_OF_SLUGS)])

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        # Django's own answer lets through names of no field, among them those of annotations.
        return super().lookup_allowed(lookup, value, request) and lookup in self.declared_lookups(request)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """As Django's, which stumbles over relations that come from other tables."""
        try:
            return self.opts.get_field(to_field).concrete and super().to_field_allowed(request, to_field)
        except FieldDoesNotExist:
            return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """As Django's, to which a field without a name (``?_to_field=``) is one that does not exist."""
        return super().get_object(request, object_id, from_field or None)

    def declared_lookups(self, request: HttpRequest) -> frozenset[str]:
        """The names of the query string's parameters by which this list can be narrowed."""
        known: dict[Any, frozenset[str]] = request.__dict__.setdefault(_NAMES, {})
        if self.model not in known:
            known[self.model] = frozenset(self._names(request))
        return known[self.model]

    def _names(self, request: HttpRequest) -> set[str]:
        key = self.opts.pk.name
        names = {f"{name}{lookup}" for name in ("pk", key) for lookup in ("", "__exact", "__in")}
        if self.date_hierarchy:
            names |= {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}
        for each in self.get_list_filter(request):
            if isinstance(each, type) and issubclass(each, SimpleListFilter):
                names.add(str(each.parameter_name))
            else:
                names |= self._names_of(each, request)
        return names

    def _names_of(self, each: Any, request: HttpRequest) -> set[str]:
        """Of a filter over a column: the column itself, and what the filter's own links say."""
        path, make = each if isinstance(each, list | tuple) else (each, FieldListFilter.create)
        field = get_fields_from_path(self.model, path)[-1]
        made = make(field, request, {}, self.model, self, field_path=path)
        return {path, f"{path}__exact", *made.expected_parameters()}
