"""Who was deleted a moment ago, by name: from the numbers that a message carries, at the moment when it is read."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from users.models import User
from users.tenancy.messages import deleted_ids
from users.tenancy.scope import scoped

register = template.Library()
#: Who is named one by one; of more, how many there are.
MOST_NAMED = 3


@register.simple_tag(takes_context=True)
def deleted_people(context: dict[str, Any], message: Any) -> dict[str, Any] | None:
    """What a message says of people who were deleted, and who of them can still be restored; None of other messages,
    and where nobody is deleted any more whom the reader may see."""
    ids = deleted_ids(message)
    request = context.get("request")
    if not ids or request is None:
        return None
    people = scoped(User.objects.filter(pk__in=ids, deleted_at__isnull=False), "account", request.user)
    found = dict(people.order_by("name", "pk").values_list("pk", "name"))
    return {"ids": list(found), "text": _sentence(list(found.values()))} if found else None


def _sentence(names: list[str]) -> str:
    if len(names) == 1:
        return _("%(name)s is deleted.") % {"name": names[0]}
    if len(names) <= MOST_NAMED:
        first, last = ", ".join(names[:-1]), names[-1]
        return _("%(names)s and %(name)s are deleted.") % {"names": first, "name": last}
    more = len(names) - MOST_NAMED + 1
    text = ngettext("%(names)s and %(n)d more are deleted.", "%(names)s and %(n)d more are deleted.", more)
    return text % {"names": ", ".join(names[: MOST_NAMED - 1]), "n": more}
