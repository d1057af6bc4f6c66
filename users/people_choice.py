"""How a form asks for a person: a search box with script, a text field for the e-mail without."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from purge.addresses import address_key
from users.models import User

TYPED = "-typed"


class PersonSelect(AutocompleteSelect):
    """Searches the people whom the field offers. Without script their e-mail or Unique User ID is typed.

    An account may have a million people, so they are never listed; what is typed is looked up among the field's
    choices alone, which are those of the reader's account.
    """

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        """With words in the empty box, which are also its name for those who hear the page."""
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return {**attrs, "data-placeholder": _("Search by name, e-mail or Unique User ID")}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, attrs, renderer)
        return format_html(
            '{}<noscript><label class="typed-person">{} <input type="text" name="{}"></label></noscript>',
            field,
            _("or type the e-mail or Unique User ID"),
            name + TYPED,
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        typed = str(data.get(name + TYPED, "")).replace("\x00", "").strip()
        return self._person_of(typed) if typed else super().value_from_datadict(data, files, name)

    def _person_of(self, typed: str) -> int:
        """The id of the person; one that nobody has when nobody fits, which the field refuses."""
        people = self.choices.queryset if hasattr(self.choices, "queryset") else User.objects.none()
        by_email = people.filter(email_key=address_key(typed)).values_list("pk", flat=True).first()
        return by_email or people.filter(unique_user_id=typed).values_list("pk", flat=True).first() or 0
