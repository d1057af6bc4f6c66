"""What those who did something are called, as a reader may know them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from purge.host import TenantKind, get_host
from purge.standing import OPERATE


def staff_names(ids: Iterable[int | None], reader: Any) -> dict[int, str]:
    """What people who did something are called, as ``reader`` may know them; drawn now, and stored nowhere.

    Whoever is of an account reads the names of its own people; support those of the platform's; operators all.
    """
    wanted = {pk for pk in ids if pk is not None}
    if not wanted:
        return {}
    host = get_host()
    people, names, own = host.people(wanted), host.names(wanted), host.account_of(reader)
    if own is None and reader.has_perm(OPERATE):
        return names
    accounts = host.accounts({person.account_id for person in people})
    shown = {}
    for person in people:
        of_platform = accounts[person.account_id].kind == TenantKind.SYSTEM
        if person.account_id == own or (own is None and of_platform):
            shown[person.id] = names[person.id]
        else:
            shown[person.id] = _("an operator of the platform") if own is not None else _("somebody of the account")
    return shown
