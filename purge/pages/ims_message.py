"""What a message of the identity provider would reach, for the operator who is about to take it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.host import get_host
from purge.pages.going_on import MOST_LISTED, SELECTION_LIVES, AccountGroup

SALT = "purge.ims_message"


@dataclass(frozen=True)
class Reached:
    """``people``: ids of all who go, ascending; ``number``: what has to be typed, 0 for nothing."""

    people: tuple[int, ...]
    groups: tuple[AccountGroup, ...]

    @property
    def number(self) -> int:
        return len(self.people)

    @property
    def label(self) -> str:
        return _("How many people are erased?")

    @property
    def title(self) -> str:
        if not self.people:
            return _("Nobody is erased: no user of a trial account has this address or login")
        text = ngettext("%(n)d person will be erased for good", "%(n)d people will be erased for good", self.number)
        return text % {"n": self.number}

    def sealed(self, user: Any) -> str:
        """Whom the page has shown, for its form: signed for one user."""
        return signing.dumps(self.people, salt=_salt(user), compress=True)

    def was_shown(self, text: str, user: Any) -> bool:
        """Whether a page has shown just these people to this user."""
        try:
            return bool(signing.loads(text, salt=_salt(user), max_age=SELECTION_LIVES) == list(self.people))
        except signing.BadSignature:
            return False


def _salt(user: Any) -> str:
    return f"{SALT}.{user.pk}.{get_host().plans_of(user)}"


def reached_by(people: Mapping[int, Sequence[int]]) -> Reached:
    """``people``: account id → ids of those who go there."""
    accounts = get_host().accounts(people)
    groups = [
        AccountGroup(
            account_id,
            accounts[account_id].name if account_id in accounts else _("an account that is gone"),
            len(ids),
            tuple(get_host().person_lines(list(ids)[:MOST_LISTED])),
        )
        for account_id, ids in people.items()
    ]
    ordered = tuple(sorted(groups, key=lambda group: (-group.number, group.name)))
    return Reached(tuple(sorted(pk for ids in people.values() for pk in ids)), ordered)
