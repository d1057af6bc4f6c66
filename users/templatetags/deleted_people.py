"""Who was deleted or restored a moment ago, by name: from the numbers that a message carries, at the moment when it is
read."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from users.models import User, UserKind
from users.permissions import DELETE_PERMISSION
from users.tenancy.messages import DELETED, RESTORED, ids_said
from users.tenancy.scope import scoped

register = template.Library()
#: Who is named one by one; of more, how many there are.
MOST_NAMED = 3


@register.simple_tag(takes_context=True)
def deleted_people(context: dict[str, Any], message: Any) -> dict[str, Any] | None:
    """What a message says of people who were deleted, and who of them can still be restored; None of other messages,
    and where nobody is deleted any more whom the reader may see."""
    people = _people(context, message, DELETED)
    return {"ids": [pk for pk, _name, _kind in people], "text": _deleted(_names(people))} if people else None


@register.simple_tag(takes_context=True)
def restored_people(context: dict[str, Any], message: Any) -> dict[str, Any] | None:
    """The same of people who were restored: who is there still, where their pages are, and whether the reader may
    delete them again."""
    people = _people(context, message, RESTORED)
    if not people:
        return None
    return {
        "ids": [pk for pk, _name, _kind in people],
        "text": _restored(_names(people)),
        "pages": _pages(people),
        "can_delete": context["request"].user.has_perm(DELETE_PERMISSION),
    }


def _people(context: dict[str, Any], message: Any, what: str) -> list[tuple[int, str, str]]:
    """(number, name, kind) of those of whom the message says this, who are in this state and the reader's to see."""
    ids, request = ids_said(message, what), context.get("request")
    if not ids or request is None:
        return []
    people = User.objects.filter(pk__in=ids, deleted_at__isnull=what == RESTORED)
    return list(scoped(people, "account", request.user).order_by("name", "pk").values_list("pk", "name", "kind"))


def _names(people: list[tuple[int, str, str]]) -> list[str]:
    return [name for _pk, name, _kind in people]


def _pages(people: list[tuple[int, str, str]]) -> list[tuple[str, str]]:
    """(words, address): the page of one person, or the lists of several."""
    lists = {UserKind.INTERNAL: "internaluser", UserKind.EXTERNAL: "externaluser"}
    if len(people) == 1:
        [(pk, _name, kind)] = people
        return [(_("Open their page"), reverse(f"admin:users_{lists[UserKind(kind)]}_change", args=[pk]))]
    words = {UserKind.INTERNAL: _("Open in Internal Users"), UserKind.EXTERNAL: _("Open in External Users")}
    kinds = {kind for _pk, _name, kind in people}
    return [(words[kind], reverse(f"admin:users_{lists[kind]}_changelist")) for kind in words if kind in kinds]


def _deleted(names: list[str]) -> str:
    if len(names) == 1:
        return _("%(name)s is deleted.") % {"name": names[0]}
    if len(names) <= MOST_NAMED:
        return _("%(names)s and %(name)s are deleted.") % _all_but_last(names)
    named, more = _first(names)
    text = ngettext("%(names)s and %(n)d more are deleted.", "%(names)s and %(n)d more are deleted.", more)
    return text % {"names": named, "n": more}


def _restored(names: list[str]) -> str:
    if len(names) == 1:
        text = _("%(name)s is restored, as Learner. Earlier roles and keys to the API are not given back.")
        return text % {"name": names[0]}
    if len(names) <= MOST_NAMED:
        text = _(
            "%(names)s and %(name)s are restored, as Learners. Earlier roles and keys to the API are not given back."
        )
        return text % _all_but_last(names)
    named, more = _first(names)
    text = ngettext(
        "%(names)s and %(n)d more are restored, as Learners. Earlier roles and keys to the API are not given back.",
        "%(names)s and %(n)d more are restored, as Learners. Earlier roles and keys to the API are not given back.",
        more,
    )
    return text % {"names": named, "n": more}


def _all_but_last(names: list[str]) -> dict[str, str]:
    return {"names": ", ".join(names[:-1]), "name": names[-1]}


def _first(names: list[str]) -> tuple[str, int]:
    """The first names, and how many more there are."""
    return ", ".join(names[: MOST_NAMED - 1]), len(names) - MOST_NAMED + 1
