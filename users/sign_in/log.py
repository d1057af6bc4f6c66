"""What is noted about signing in."""

from __future__ import annotations

from django.http import HttpRequest

from users.models import UserState
from users.selectors import people_signing_in
from users.services import login_record

#: An address is in few accounts; more rows than this are not written for one attempt.
MOST_ACCOUNTS = 20


def sign_in_refused(request: HttpRequest, *, email: str) -> int:
    """Note a refused sign-in for each active user who has the address; how many there were.

    Deleted people and those being purged get no new row: the second would outlive them.
    """
    people = people_signing_in(email).filter(state=UserState.ACTIVE) if email.strip() else ()
    found = list(people[:MOST_ACCOUNTS])
    for user in found:
        login_record(
            user=user,
            ip_address=request.META.get("REMOTE_ADDR") or None,
            user_agent=request.META.get("HTTP_USER_AGENT", ""),
            success=False,
        )
    return len(found)
