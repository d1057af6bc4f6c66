"""What a request's page says of what is searched for: kinds of identifiers and how many, never one of them."""

from __future__ import annotations

from collections import Counter

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import IdentifierKind
from purge.models import PurgeRequest
from purge.routes.searched_for import EARLIER


def searched_for_lines(purge_request: PurgeRequest, *, everything: bool) -> list[str]:
    """A line for each kind, for as long as the request is remembered.

    ``everything``: for support; else only what is known of people in the account that asked.
    """
    sets = purge_request.identifier_sets.all()
    if not everything:
        sets = sets.filter(account_id=purge_request.account_id)
    found: Counter[str] = Counter()
    for kinds in sets.values_list("kinds", flat=True):
        found.update(kinds)
    return [_line(kind, number) for kind, number in sorted(found.items(), key=_place) if number]


def _place(counted: tuple[str, int]) -> int:
    return _ORDER.index(counted[0])


_ORDER = (
    str(IdentifierKind.EMAIL),
    EARLIER,
    str(IdentifierKind.LOGIN),
    str(IdentifierKind.UNIQUE_ID),
    str(IdentifierKind.PUBLIC_ID),
)


def _line(kind: str, number: int) -> str:
    match kind:
        case IdentifierKind.EMAIL:
            words = ngettext(
                "%(n)d email address, in any writing, and its MD5, SHA-1 and SHA-256",
                "%(n)d email addresses, in any writing, and their MD5, SHA-1 and SHA-256",
                number,
            )
        case IdentifierKind.LOGIN:
            words = ngettext(
                "%(n)d login, whole, in settings and where a field says that it is one",
                "%(n)d logins, whole, in settings and where a field says that it is one",
                number,
            )
        case IdentifierKind.UNIQUE_ID:
            words = ngettext(
                "%(n)d Unique User ID, in its own account, in settings and where a field says that it is one",
                "%(n)d Unique User IDs, in their own account, in settings and where a field says that it is one",
                number,
            )
        case IdentifierKind.PUBLIC_ID:
            words = ngettext("%(n)d number of this site’s own", "%(n)d numbers of this site’s own", number)
        case _earlier:
            words = ngettext(
                "%(n)d earlier email address, in its own account, likewise",
                "%(n)d earlier email addresses, in their own account, likewise",
                number,
            )
    return words % {"n": number}


def not_searched_for() -> str:
    """What no search can find."""
    return _(
        "Not searched for: names that people typed into texts, and addresses typed so that no program finds them. A "
        "Unique User ID that nothing says belongs to a person is listed, and not taken out. Not covered: salted hashes "
        "of an address, as in badges, that come after the purge, when nobody knows the address any more."
    )
