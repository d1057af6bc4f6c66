"""Which users have one mailbox with another of their account, and whose keys are of earlier tables."""

from __future__ import annotations

from dataclasses import dataclass

from purge.addresses import identity_key
from users.models import User

READ_AT_ONCE = 2_000


@dataclass(frozen=True)
class Shared:
    """A user without a key. ``account``: its subdomain. ``same_mailbox_as``: the user who has the mailbox now, or None
    where nobody has. ``signs_in_as``: what the row can always sign in by."""

    account: str
    user: int
    same_mailbox_as: int | None
    state: str
    signs_in_as: str


def sharing() -> list[Shared]:
    """Everybody without a key, by account and number."""
    rows = User._base_manager.filter(email_key=None).select_related("account").order_by("account__subdomain", "pk")
    return [
        Shared(user.account.subdomain, user.pk, _holder_of(user), user.earlier_state, user.login_id) for user in rows
    ]


def _holder_of(user: User) -> int | None:
    holders = User._base_manager.filter(account_id=user.account_id, email_key=identity_key(user.email))
    return holders.values_list("pk", flat=True).first()


def outdated_keys() -> int:
    """How many users have a key that the present rules and tables do not make of their address or login."""
    rows = User._base_manager.order_by("pk").values_list("pk", "email", "email_key", "adobe_id", "adobe_key")
    number, last = 0, 0
    while part := list(rows.filter(pk__gt=last)[:READ_AT_ONCE]):
        last = part[-1][0]
        number += sum(
            (email_key is not None and email_key != identity_key(email))
            or (adobe_key != ((identity_key(adobe_id) or None) if adobe_id else None))
            for _pk, email, email_key, adobe_id, adobe_key in part
        )
    return number
