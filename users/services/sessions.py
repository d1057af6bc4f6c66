"""Signing in: passwords, browser sessions, and what is noted about them."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from users.models import LoginEvent, Role, Session, User
from users.services.refusals import ServiceError
from users.services.rows import audit, locked


def sessions_end(*, user_ids: Iterable[int]) -> int:
    """End all browser sessions of these people; how many there were."""
    number, _by_model = Session.objects.filter(user_id__in=list(user_ids)).delete()
    return number


def sessions_clear() -> int:
    """Remove the browser sessions that have run out; how many there were."""
    number, _by_model = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return number


def password_set(*, acting_user: User, user: User, password: str) -> None:
    """Set somebody's first or forgotten password.

    An Administrator's is his own business: who could set it could act with permissions that he does not hold himself.
    """
    with transaction.atomic():
        current = locked(user)
        privileged = current.is_superuser or current.is_support or current.has_role(Role.ADMINISTRATOR)
        if privileged and not acting_user.is_superuser and acting_user.pk != current.pk:
            raise ServiceError(_("Administrators set their passwords themselves."), code="administrator")
        validate_new_password(password, current)
        current.set_password(password)
        current.save(update_fields=["password"])
        sessions_end(user_ids=[] if acting_user.pk == current.pk else [current.pk])
        audit(current, acting_user, "password set")


def validate_new_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ServiceError(" ".join(error.messages), code="weak") from None


def login_record(*, user: User, ip_address: str | None, user_agent: str, success: bool = True) -> LoginEvent:
    """Note a sign-in, or a refused one of a known person."""
    return LoginEvent.objects.create(
        user=user, ip_address=ip_address, user_agent=user_agent.replace("\x00", "")[:300], success=success
    )
