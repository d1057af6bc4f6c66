"""One try to sign in: limits, the one user who is meant, one password looked at, what is noted.

Every refusal but the one for too many tries costs the same: exactly one hash, whoever the address belongs to and in
however many accounts; and any refusal asks and writes as often, whether the address is anybody's or not. So nobody
learns from the time, nor from the words, whose address it is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, Value, When
from django.http import HttpRequest
from django.utils import timezone

from purge.addresses import identity_key
from purge.journal.site_fence import lets_in
from users.models import ROLES_WITH_ACCESS, LoginEvent, User, UserRole, UserState
from users.second_factor.factors import second_step_due
from users.selectors import people_signing_in
from users.services import login_record
from users.services.rows import audit
from users.sign_in.client import client_address
from users.sign_in.limits import BY_ADDRESS, BY_BOTH, BY_NAME, Count, give_back, place_of, take, write_for_nobody

logger = logging.getLogger(__name__)

#: From an address that somebody signed in from within this time, others cannot make it slower for them.
FAMILIAR = timedelta(days=90)
#: The account that was signed in to last in this browser, by number: the first to be meant where several are possible.
COOKIE = "account"
COOKIE_SECONDS = 180 * 24 * 3600


@dataclass(frozen=True)
class Attempt:
    """``user``: whose password it was, or None. ``wait``: seconds to wait, where there were too many tries.
    ``at_provider``: whose password it was although passwords open nothing in their account."""

    user: User | None = None
    wait: int = 0
    at_provider: User | None = None


def whom_is_meant(typed: str, *, account: str | None = None, last_account: int | None = None) -> User | None:
    """The user in use whose password is looked at: of the account that is named, if one is.

    Otherwise, of those who have the address: who signed in last in this browser, who has access here, who signed in
    last. However many accounts somebody else has put the address into, naming the account finds its row.
    """
    people = people_signing_in(typed).filter(state=UserState.ACTIVE).select_related("account")
    if account is not None:
        people = people.filter(account__subdomain=account)
    roles = UserRole.objects.filter(user=OuterRef("pk"), role__in=ROLES_WITH_ACCESS)
    here = Case(When(account_id=last_account or 0, then=Value(0)), default=Value(1), output_field=IntegerField())
    access = Case(
        When(Q(is_superuser=True) | Q(is_support=True) | Q(Exists(roles)), then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return people.order_by(here, access, F("last_login").desc(nulls_last=True), "pk").first()


def password_fits(user: User | None, password: str) -> bool:
    """Whether it is the user's password, whatever it opens. As slow for nobody as for somebody."""
    if user is None:
        make_password(password)
        return False
    return user.knows_password(password)


def sign_in_attempt(request: HttpRequest, *, email: str, password: str, account: str = "") -> Attempt:
    """Try to sign somebody in to the admin: counts, looks at one password, notes what came of it.

    Raises nothing. The session is begun by the caller, who also notes the success of a sign-in that needs a second
    step (:mod:`users.second_factor.unfinished`).
    """
    user = whom_is_meant(email, account=account.strip().lower() or None, last_account=_last_account(request))
    address = client_address(request)
    counts = _counts(email, user, address)
    taken = take(*counts)
    if taken.wait:
        _note_too_many(user, taken.new)
        return Attempt(wait=taken.wait)
    fits = password_fits(user, password)
    if user is None:
        write_for_nobody()
        return Attempt()
    # While a restored backup is looked at, who is no operator learns from nothing whether the password was right.
    comes_in = fits and user.is_staff and lets_in(user)
    allowed = comes_in and user.signs_in_here
    if not (allowed and second_step_due(user)):
        browser = request.META.get("HTTP_USER_AGENT", "")
        login_record(user=user, ip_address=address, user_agent=browser, success=allowed)
    if not allowed:
        # Said to who knows the password alone: it tells in which account somebody is.
        return Attempt(at_provider=user if comes_in else None)
    give_back(*counts)
    return Attempt(user)


def refused_since(user: User) -> int:
    """How many tries to sign in as somebody were refused between their last two sign-ins."""
    events = LoginEvent.objects.filter(user=user)
    last = list(events.filter(success=True).order_by("-at", "-pk").values_list("at", flat=True)[:2])
    if len(last) < 2:
        return 0
    return events.filter(success=False, at__gt=last[1], at__lte=last[0]).count()


def _last_account(request: HttpRequest) -> int | None:
    text = request.COOKIES.get(COOKIE, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _counts(email: str, user: User | None, address: str | None) -> list[Count]:
    name = identity_key(email)
    counts: list[Count] = []
    if not is_familiar(user, address):
        counts.append((BY_NAME, name))
    if address is not None:
        counts += [(BY_ADDRESS, place_of(address)), (BY_BOTH, f"{name} {place_of(address)}")]
    return counts


def is_familiar(user: User | None, address: str | None) -> bool:
    """Whether somebody has signed in from this address of late."""
    if address is None:
        return False
    since, number = timezone.now() - FAMILIAR, user.pk if user is not None else 0
    return LoginEvent.objects.filter(user_id=number, ip_address=address, success=True, at__gte=since).exists()


def _note_too_many(user: User | None, new: frozenset[str]) -> None:
    """Once an hour and limit: in the user's history, and as a line that names nobody."""
    if not new:
        return
    logger.warning("sign-in slowed: too many tries by %s", ", ".join(sorted(new)))
    if not new & {BY_NAME.kind, BY_BOTH.kind}:
        return
    if user is None:
        write_for_nobody()
    else:
        audit(user, None, "sign-in slowed")
