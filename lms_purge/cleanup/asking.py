"""Whom somebody asks who may not purge."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from users.selectors import who_may_purge

#: Colleagues who are named; with more of them, how many there are says enough.
MOST_NAMED = 3


def whom_to_ask(account_id: int | None) -> str:
    """One sentence for the greyed button. Names are those of colleagues of the same account."""
    holders = who_may_purge(account_id) if account_id is not None else None
    if holders is None or not (number := holders.count()):
        return _("You may not purge, and nobody in this account may. Ask the operator of this site.")
    names = ", ".join(holders.values_list("name", flat=True)[:MOST_NAMED])
    if number > MOST_NAMED:
        text = _("You may not purge. %(n)d Administrators of this account may; ask one of them, such as %(names)s.")
        return text % {"n": number, "names": names}
    text = ngettext(
        "You may not purge. Ask the Administrator who may: %(names)s.",
        "You may not purge. Ask one of the Administrators who may: %(names)s.",
        number,
    )
    return text % {"names": names}
