"""The code by which somebody sets up the first second factor that is demanded of them.

Where none is demanded, a person sets up their own from a session that has just been confirmed. Where one is, a password
alone must not be enough to set it up: whoever has stolen the password would set up theirs. So another person hands over
a code: one of the account who may purge, or an operator (``manage.py second_factor_code``). They know whom they give it
to, and cannot use it themselves, since they do not know the password.
"""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from users.models import EnrolmentCode, Role, User, UserState
from users.services import ServiceError, sessions_end
from users.services.powers import has_more_rights
from users.services.roles import may_purge_now
from users.services.rows import audit, locked
from users.sign_in.confirmed import require_confirmed

GOOD_FOR = timedelta(hours=24)


def enrolment_code_make(*, acting_user: User | None, user: User) -> str:
    """A new code for somebody, which ends an earlier one: sixteen letters and digits, in fours. It is stored nowhere.

    Raises :class:`ServiceError` for who is not in use.
    """
    require_confirmed()
    code = base64.b32encode(secrets.token_bytes(10)).decode()
    with transaction.atomic():
        current = locked(user)
        if current.state != UserState.ACTIVE:
            raise ServiceError(_("User %(id)s is not in use.") % {"id": user.pk}, code="not_active")
        EnrolmentCode.objects.update_or_create(
            user=current, defaults={"digest": _digest(current, code), "expires_at": timezone.now() + GOOD_FOR}
        )
        audit(current, acting_user, "enrolment code made")
    return "-".join(code[place : place + 4] for place in range(0, 16, 4))


def enrolment_code_give(*, acting_user: User, user: User) -> str:
    """The same, by somebody who may purge in the account, for somebody else of it who needs one.

    Raises :class:`ServiceError` for who may not, and where there is nothing to set up.
    """
    from users.second_factor.demand import is_demanded_of
    from users.second_factor.factors import has_second_factor

    require_confirmed()
    if acting_user.account_id != user.account_id or not may_purge_now(acting_user):
        raise ServiceError(_("Only somebody who may purge in this account can give such a code."), code="permission")
    current = User.objects.select_related("account").get(pk=user.pk)
    if current.pk == acting_user.pk or not (current.is_staff and is_demanded_of(current)):
        raise ServiceError(_("No second factor is demanded of user %(id)s.") % {"id": user.pk}, code="not_demanded")
    if has_second_factor(current):
        raise ServiceError(
            _("User %(id)s has a second factor. If it is lost, take it away first.") % {"id": user.pk},
            code="have",
        )
    return enrolment_code_make(acting_user=acting_user, user=current)


def enrolment_code_fits(user: User, typed: str) -> bool:
    """Whether it is somebody's code. It ends with :func:`enrolment_codes_end`, when the factor is set up."""
    code = "".join(typed.split()).replace("-", "").upper()
    row = EnrolmentCode.objects.filter(user=user, expires_at__gt=timezone.now()).first()
    return row is not None and constant_time_compare(row.digest, _digest(user, code))


def enrolment_codes_end(*, user: User) -> None:
    EnrolmentCode.objects.filter(user=user).delete()


def enrolment_codes_clear() -> int:
    """Remove codes that are good no more; how many there were."""
    number, _by_model = EnrolmentCode.objects.filter(expires_at__lt=timezone.now()).delete()
    return number


def _digest(user: User, code: str) -> str:
    return salted_hmac(__name__, f"{user.pk} {code}", algorithm="sha256").hexdigest()


def factors_reset(*, acting_user: User | None, user: User) -> int:
    """Take all second factors from somebody who has lost them; how many there were. All their sessions end."""
    from users.second_factor.factors import FACTORS, tell

    require_confirmed()
    with transaction.atomic():
        current = locked(user)
        number: int = FACTORS.filter(user=current).delete()[0]
        sessions_end(user_ids=[current.pk])
        audit(current, acting_user, "second factors removed")
        tell(current)
    return number


def factors_take_away(*, acting_user: User, user: User) -> int:
    """The same, by an Administrator of the account, for somebody else of it.

    Raises :class:`ServiceError` for who is not, and for somebody who may do more.
    """
    from users.second_factor.factors import FACTORS

    require_confirmed()
    current = User.objects.select_related("account").get(pk=user.pk)
    administers = acting_user.is_superuser or (
        acting_user.account_id == current.account_id and acting_user.has_role(Role.ADMINISTRATOR)
    )
    if current.pk == acting_user.pk:
        raise ServiceError(_("Your own are under “Second factor”, at the top of the page."), code="own")
    if not administers or has_more_rights(current, acting_user):
        raise ServiceError(
            _("User %(id)s may do more than you: whoever runs the site takes it away.") % {"id": user.pk},
            code="more_rights",
        )
    if not FACTORS.filter(user=current).exists():
        raise ServiceError(_("User %(id)s has no second factor.") % {"id": user.pk}, code="none")
    return factors_reset(acting_user=acting_user, user=current)
