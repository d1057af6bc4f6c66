"""A forgotten password: one mail to the mailbox, with a link for each account in which it is somebody's.

The answer is the same whether the address is anybody's or not, and so is the work: a task is put in for nobody, too.
Whoever puts the address into many accounts of their own hides nobody's: the task goes through all of them, a mail and
a task for each so many.
What the link carries is no address, and nothing that a log keeps; it is good once, for an hour, until somebody has
signed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import identity_key
from purge.worker.queue import enqueue
from users.invitations.tokens import invitations
from users.models import AccountKind, AccountState, User, UserState
from users.services import ServiceError, password_renew
from users.sign_in.client import client_address
from users.sign_in.limits import BY_ADDRESS_FORGOTTEN, BY_NAME_FORGOTTEN, Count, place_of, take

TASK, FURTHER_TASK = "users.tasks.forgotten_password", "users.tasks.forgotten_password_further"
#: How many accounts one mail names; the others are in mails that follow.
OF_A_MAIL = 20
#: By how many of those who have the address a task is told which it is: itself it is in no task, and one of them may be
#: gone or have another one by then.
MOST_NAMED = 20


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
    # Where nothing was typed that could be an address, as much is asked: no row has such a key.
    people = User.objects.filter(_gets_in(), email_key=key or "-", state=UserState.ACTIVE)
    found = people.order_by(F("last_login").desc(nulls_last=True), "pk")[:MOST_NAMED]
    enqueue(TASK, *found.values_list("pk", flat=True))
    return 0


def _gets_in() -> Q:
    """:attr:`users.models.User.is_active` as a condition, but for the state: else accounts that are shut would fill
    what is looked at."""
    unexpired = Q(account__expires_on=None) | Q(account__expires_on__gte=timezone.localdate())
    creator = Q(account__kind=AccountKind.TRIAL, account__creator=F("pk"))
    return Q(unexpired, account__state=AccountState.ACTIVE) | creator


def links_for(user_ids: Sequence[int], *, after: int = 0) -> tuple[list[Link], int | None]:
    """Links of the next so many who have the address that most of these users still have, and after which row the
    others come; None when there are none.

    Who signed in last stands first in a mail. Who signs in at a provider only has no link.
    """
    keys = dict(User.objects.filter(pk__in=user_ids, email_key__isnull=False).values_list("pk", "email_key"))
    told = Counter(keys[pk] for pk in user_ids if pk in keys)
    if not told:
        return [], None
    ((key, _number),) = told.most_common(1)
    people = User.objects.filter(email_key=key, state=UserState.ACTIVE, pk__gt=after).select_related("account")
    found = list(people.filter(_gets_in(), account__provider_demanded=False).order_by("pk")[: OF_A_MAIL + 1])
    here = found[:OF_A_MAIL]
    last = here[-1].pk if len(found) > OF_A_MAIL else None
    here.sort(key=lambda user: (user.last_login is None, -user.last_login.timestamp() if user.last_login else 0))
    return [Link(user.pk, user.account.name, _url(user)) for user in here], last


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
