"""The second factors that somebody has: set up, taken away, and looked at when something is typed.

The rows are django-allauth's (``mfa.Authenticator``), one for the app, one for the recovery codes, one a passkey;
their secrets are sealed. A code of the app is good once: which one was the last is kept with the secret, in the table,
where the library keeps it in a cache that forgets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as library
from allauth.mfa.utils import decrypt, encrypt
from django.db import transaction
from django.utils.translation import gettext as _

from purge.worker.queue import enqueue
from users.models import User
from users.second_factor.demand import is_demanded_of
from users.second_factor.enrolment import enrolment_codes_end
from users.services import ServiceError
from users.services.rows import audit, locked
from users.sign_in.confirmed import require_confirmed

FACTORS = Authenticator.objects
Kind = Authenticator.Type
#: Recovery codes alone are none: they stand in for one that was lost.
REAL = (Kind.TOTP, Kind.WEBAUTHN)
TELL_TASK = "users.tasks.tell_of_second_factor"
#: Of passkeys that one person can have.
MOST_PASSKEYS = 10


@dataclass(frozen=True)
class Factors:
    """What somebody has. ``app``: their app's row, or None; ``codes_left``: None where there are no recovery codes."""

    app: Any
    passkeys: tuple[Any, ...]
    codes_left: int | None

    def __bool__(self) -> bool:
        return self.app is not None or bool(self.passkeys)


def factors_of(user: User) -> Factors:
    rows = list(FACTORS.filter(user=user).order_by("pk"))
    codes = next((row for row in rows if row.type == Kind.RECOVERY_CODES), None)
    return Factors(
        app=next((row for row in rows if row.type == Kind.TOTP), None),
        passkeys=tuple(row for row in rows if row.type == Kind.WEBAUTHN),
        codes_left=None if codes is None else len(RecoveryCodes(codes).get_unused_codes()),
    )


def has_second_factor(user: User) -> bool:
    return bool(FACTORS.filter(user=user, type__in=REAL).exists())


def second_step_due(user: User) -> bool:
    """Whether a password alone does not sign somebody in."""
    return has_second_factor(user) or is_demanded_of(user)


# ---------------------------------------------------------------- what is typed


def code_fits(user: User, typed: str) -> bool:
    """Whether it is a code of somebody's app that was not used before, or one of their recovery codes; which is used
    up by that. Tries are counted by who calls."""
    with transaction.atomic():
        rows = {
            row.type: row
            for row in FACTORS.select_for_update().filter(user=user, type__in=(Kind.TOTP, Kind.RECOVERY_CODES))
        }
        row = rows.get(Kind.TOTP)
        if row is not None and _app_code_fits(row, typed):
            return True
        row = rows.get(Kind.RECOVERY_CODES)
        if row is None or not RecoveryCodes(row).validate_code(typed):
            return False
        audit(user, user, "recovery code used")
        tell(user)
    return True


def _app_code_fits(row: Any, typed: str) -> bool:
    counter = _counter_of(decrypt(row.data["secret"]), typed)
    if counter is None or counter <= row.data.get("last_counter", -1):
        return False
    row.data["last_counter"] = counter
    row.save(update_fields=["data"])
    row.record_usage()
    return True


def _counter_of(secret: str, typed: str) -> int | None:
    """Which half minute a code belongs to, of now, the one before and the one after; None: to none of them."""
    for counter in library.yield_hotp_counters_from_time():
        expected = library.format_hotp_value(library.hotp_value(secret, counter))
        if library.compare_user_code(actual=typed, expected=expected):
            return int(counter)
    return None


# ---------------------------------------------------------------- set up, taken away


def app_secret() -> str:
    """A new secret for an app: 160 bits, in letters and digits."""
    return str(library.generate_totp_secret())


def app_add(*, user: User, secret: str, code: str, confirmed: bool = False) -> None:
    """Set up somebody's app, which has shown that it knows the secret.

    ``confirmed``: it is part of a sign-in, in which a code for it was typed. Raises :class:`ServiceError` for a wrong
    code, and where there is an app already.
    """
    if not confirmed:
        require_confirmed()
    counter = _counter_of(secret, code)
    if counter is None:
        raise ServiceError(
            _("This is not the code that your app should show. Look at its clock, and try again."), code="wrong"
        )
    with transaction.atomic():
        current = locked(user)
        if FACTORS.filter(user=current, type=Kind.TOTP).exists():
            raise ServiceError(_("You have an app already. Remove it first."), code="have")
        FACTORS.create(user=current, type=Kind.TOTP, data={"secret": encrypt(secret), "last_counter": counter})
        added(current, "authenticator app added")


def added(user: User, event: str) -> None:
    """After a factor was stored: recovery codes come with the first one, a code for it ends, the person is told."""
    RecoveryCodes.activate(user)
    enrolment_codes_end(user=user)
    audit(user, user, event)
    tell(user)


def factor_remove(*, user: User, pk: int) -> bool:
    """Take one of one's own away; whether there was one. The last one stays where it is demanded; the recovery codes go
    with it."""
    require_confirmed()
    with transaction.atomic():
        current = locked(user)
        mine = FACTORS.filter(user=current)
        if not mine.filter(pk=pk, type__in=REAL).exists():
            return False
        last = not mine.filter(type__in=REAL).exclude(pk=pk).exists()
        if last and is_demanded_of(current):
            raise ServiceError(_("A second factor is demanded of you. Set up another one first."), code="demanded")
        (mine if last else mine.filter(pk=pk)).delete()
        audit(current, current, "second factor removed")
        tell(current)
    return True


def recovery_codes_of(*, user: User) -> list[str]:
    """Those that were not used yet."""
    require_confirmed()
    row = FACTORS.filter(user=user, type=Kind.RECOVERY_CODES).first()
    return [] if row is None else list(RecoveryCodes(row).get_unused_codes())


def recovery_codes_renew(*, user: User) -> None:
    """New ones; the earlier ones are worth nothing any more."""
    require_confirmed()
    with transaction.atomic():
        current = locked(user)
        if not FACTORS.filter(user=current, type__in=REAL).exists():
            raise ServiceError(_("Set up a second factor first."), code="none")
        FACTORS.filter(user=current, type=Kind.RECOVERY_CODES).delete()
        RecoveryCodes.activate(current)
        audit(current, current, "recovery codes renewed")
        tell(current)


def tell(user: User) -> None:
    """Have somebody told that their second factors have changed; in the caller's transaction."""
    enqueue(TELL_TASK, user.pk)


def factors_reseal(reseal: Callable[[str], str]) -> int:
    """Have the secrets of all factors encrypted with the key in use (:func:`keys.rotation.also_rotate`); how many rows
    were not. One row at a time, so that it may run beside sign-ins."""
    changed = 0
    for pk in FACTORS.filter(type__in=(Kind.TOTP, Kind.RECOVERY_CODES)).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = FACTORS.select_for_update().filter(pk=pk).first()
            if row is None:
                continue
            sealed = {name: reseal(row.data[name]) for name in ("secret", "seed") if name in row.data}
            if any(row.data[name] != text for name, text in sealed.items()):
                row.data.update(sealed)
                row.save(update_fields=["data"])
                changed += 1
    return changed
