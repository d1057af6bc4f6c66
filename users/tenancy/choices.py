"""How a form asks for a row of a long list: a search box with script, a text field for what names the row without."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from purge.addresses import identity_key

TYPED = "-typed"


def is_row_number(text: Any) -> bool:
    """Whether a row can have this number: some digits, not beyond 64 bits."""
    return isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19


class TypedSelect(AutocompleteSelect):
    """Searches the rows that the field offers. Without script, what stands in one of ``columns`` is typed.

    An account may have a million rows, so they are never listed; what is typed is looked up among the field's choices
    alone, which are those of the reader's account. ``typed``: the words beside the text field.
    """

    def __init__(self, *args: Any, columns: tuple[str, ...] = (), typed: Any = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns, self.typed = columns, typed

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        """With words in the empty box, which are also its name for those who hear the page."""
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return {**attrs, "data-placeholder": self.placeholder()}

    def placeholder(self) -> str:
        return _("Type to search")

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, attrs, renderer)
        return format_html(
            '{}<noscript><label class="typed-choice">{} <input type="text" name="{}"></label></noscript>',
            field,
            self.typed,
            name + TYPED,
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        typed = str(data.get(name + TYPED, "")).replace("\x00", "").strip()
        if typed:
            return self._row_of(typed)
        chosen = super().value_from_datadict(data, files, name)
        # What no row can have as its number is refused by the field, and never asked of the database.
        return chosen if not chosen or is_row_number(chosen) else 0

    def _row_of(self, typed: str) -> int:
        """The id of the row; one that no row has when none fits, which the field refuses."""
        rows = getattr(self.choices, "queryset", None)
        return (self.find(rows, typed) if rows is not None else None) or 0

    def find(self, rows: QuerySet[Any], typed: str) -> int | None:
        for column in self.columns:
            if column == "pk" and not is_row_number(typed):
                continue
            found: int | None = rows.filter(**{column: typed}).values_list("pk", flat=True).first()
            if found is not None:
                return found
        return None


class PersonSelect(TypedSelect):
    """The same for a person, by email or Unique User ID."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, columns=("unique_user_id",), typed=_("or type the email or Unique User ID"), **kwargs)

    def placeholder(self) -> str:
        return _("Search by name, email or Unique User ID")

    def find(self, rows: QuerySet[Any], typed: str) -> int | None:
        by_email: int | None = rows.filter(email_key=identity_key(typed)).values_list("pk", flat=True).first()
        return by_email or super().find(rows, typed)
