"""Passkeys: what a browser is asked to sign, and what it answers. The library looks at signatures, origin and counter.

A passkey may sign somebody in by itself: it is something they have, unlocked by something they know or are. So each is
made to be found without a name, and to ask for its owner's finger or PIN.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from allauth.mfa.webauthn.internal import auth as library
from django.db import DatabaseError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from users.models import User
from users.second_factor.factors import FACTORS, MOST_PASSKEYS, Kind, added
from users.services import ServiceError
from users.services.rows import locked
from users.sign_in.confirmed import require_confirmed
from users.sign_in.staying import browser_words

logger = logging.getLogger(__name__)

#: More than any browser says.
LONGEST_ANSWER = 20_000


def no_answer(error: Exception) -> None:
    """Whatever the library stumbles over in what a browser has sent (bytes in CBOR, curves, JSON in JSON) is no answer;
    what the database says is not the browser's."""
    if isinstance(error, DatabaseError):
        raise error
    logger.info("no answer of a passkey: %s", type(error).__name__)


def _read(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_ANSWER:
        raise ValueError
    said = json.loads(text)
    if not isinstance(said, dict):
        raise TypeError
    return said


def creation_options(user: User) -> dict[str, Any]:
    """What the page gives to the browser to make one. The challenge is kept in the session."""
    return dict(library.begin_registration(user, passwordless=True))


def passkey_add(*, user: User, request: HttpRequest, answer: str, confirmed: bool = False) -> None:
    """Keep a passkey that the browser has just made. ``confirmed``: as for :func:`.factors.app_add`.

    Of what the browser says only what is needed to look at signatures is kept.
    """
    if not confirmed:
        require_confirmed()
    try:
        said = _read(answer)
        credential = {
            **{name: str(said[name]) for name in ("id", "rawId", "type")},
            "response": {name: str(said["response"][name]) for name in ("clientDataJSON", "attestationObject")},
            "clientExtensionResults": {"credProps": {"rk": True}},
        }
        library.parse_registration_response(credential)
        library.complete_registration(credential)
    except Exception as error:  # noqa: BLE001 - see no_answer
        no_answer(error)
        raise ServiceError(_("The passkey was not made. Try again."), code="wrong") from None
    with transaction.atomic():
        current = locked(user)
        if FACTORS.filter(user=current, type=Kind.WEBAUTHN).count() >= MOST_PASSKEYS:
            raise ServiceError(_("You have %(n)d passkeys. Remove one first.") % {"n": MOST_PASSKEYS}, code="many")
        # In our words: a name that somebody types could be another person's.
        name = browser_words(request.META.get("HTTP_USER_AGENT", ""))
        library.WebAuthn.add(current, name, credential)
        added(current, "passkey added")


def request_options(user: User | None) -> dict[str, Any]:
    """What the page gives to the browser to sign in with one: of a user who is known, or of whoever has one."""
    return dict(library.begin_authentication(user))


def passkey_fits(user: User | None, answer: str) -> User | None:
    """Whose passkey has signed: of the user who is known, or of whoever the browser says and the signature shows."""
    try:
        said = _read(answer)
        library.parse_authentication_response(said)
        owner = user if user is not None else library.extract_user_from_response(said)
        row = library.complete_authentication(owner, said)
    except Exception as error:  # noqa: BLE001 - see no_answer
        no_answer(error)
        return None
    row.record_usage()
    found: User | None = User.objects.select_related("account").filter(pk=row.user_id).first()
    return found
