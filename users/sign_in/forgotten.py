"""A forgotten password: one mail to the mailbox, with a link for each account in which it is somebody's.

The answer is the same whether the address is anybody's or not, and so is the work: a task is put in for nobody, too.
What the link carries is no address, and nothing that a log keeps; it is good once, for an hour, until somebody has
signed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from purge.addresses import identity_key
from purge.worker.queue import enqueue
from users.invitations.tokens import invitations
from users.models import User, UserState
from users.services import ServiceError, password_renew
from users.sign_in.client import client_address
from users.sign_in.limits import BY_ADDRESS_FORGOTTEN, BY_NAME_FORGOTTEN, Count, place_of, take

TASK = "users.tasks.forgotten_password"
#: An address is in few accounts; whoever puts it into many of theirs makes the mail no longer than this.
MOST_ACCOUNTS = 20


@dataclass(frozen=True)
class Link:
    """Where one user sets a new password. ``account``: what the mail calls it."""

    user_id: int
    account: str
    url: str


class _Tokens(PasswordResetTokenGenerator):
    """Worth nothing any more after a new password, a sign-in, another address, or an hour."""

    key_salt = "users.sign_in.forgotten"


tokens = _Tokens()


def forgotten_request(request: HttpRequest, typed: str) -> int:
    """Have the mail sent to an address that somebody typed, if it is anybody's. Seconds to wait after too many tries,
    else 0; nothing else can be learnt."""
    key = identity_key(typed)
    counts: list[Count] = [(BY_NAME_FORGOTTEN, key)]
    if (address := client_address(request)) is not None:
        counts.append((BY_ADDRESS_FORGOTTEN, place_of(address)))
    if wait := take(*counts).wait:
        return wait
    people = User.objects.filter(email_key=key, state=UserState.ACTIVE).select_related("account")
    found = people.order_by(F("last_login").desc(nulls_last=True), "pk")[:MOST_ACCOUNTS] if key else []
    enqueue(TASK, *(user.pk for user in found if user.is_active))
    return 0


def links_for(user_ids: Iterable[int]) -> list[Link]:
    """Of those who are still in use, who signed in last first."""
    people = User.objects.filter(pk__in=list(user_ids), state=UserState.ACTIVE).select_related("account")
    people = people.filter(account__provider_demanded=False)
    return [
        Link(user.pk, user.account.name, _url(user))
        for user in people.order_by(F("last_login").desc(nulls_last=True), "pk")
        if user.is_active
    ]


def _url(user: User) -> str:
    # In the query: paths are logged.
    said = urlencode({"user": user.pk, "token": tokens.make_token(user)})
    return f"{settings.LMS_BASE_URL.rstrip('/')}{reverse('admin:forgotten_new')}?{said}"


def user_of_link(number: str, token: str) -> User | None:
    """Whose link it is, of a forgotten password or an invitation; None where it is worth nothing any more."""
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    user = User.objects.select_related("account").filter(pk=int(number), state=UserState.ACTIVE).first()
    if user is None or not user.is_active or not user.signs_in_here:
        return None
    return user if tokens.check_token(user, token) or invitations.check_token(user, token) else None


def new_password_set(*, number: str, token: str, password: str) -> User:
    """Set the new password. Raises :class:`ServiceError` where the link is worth nothing any more, or the password is
    weak."""
    with transaction.atomic():
        locked: Any = User.objects.select_for_update(of=("self",)).filter(pk=int(number) if number.isdecimal() else 0)
        user = user_of_link(number, token) if locked.first() is not None else None
        if user is None:
            raise ServiceError(_("This link is not valid any more. Ask for another one."), code="over")
        password_renew(user=user, password=password)
    return user
