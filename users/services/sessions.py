"""Signing in: passwords, browser sessions, and what is noted about them."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from users.models import LoginEvent, PurgeDraft, Role, Session, User
from users.services.refusals import ServiceError
from users.services.rows import audit, locked
from users.sign_in.confirmed import require_confirmed


def sessions_end(*, user_ids: Iterable[int]) -> int:
    """End all browser sessions of these people; how many there were."""
    number, _by_model = Session.objects.filter(user_id__in=list(user_ids)).delete()
    return number


def sessions_clear() -> int:
    """Remove the browser sessions that have run out; how many there were."""
    number, _by_model = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return number


def plans_end(*, user_ids: Iterable[int]) -> None:
    """Whatever these people have selected or been shown for a purge is worth nothing any more."""
    pks = list(user_ids)
    User.objects.filter(pk__in=pks).update(plans_ended=F("plans_ended") + 1)
    PurgeDraft.objects.filter(user__in=pks).delete()


def password_set(*, acting_user: User, user: User, password: str) -> None:
    """Set somebody else's first or forgotten password; all their sessions end.

    An Administrator's is theirs alone: who could set it could act with permissions that they do not hold themselves.
    """
    if acting_user.pk == user.pk:
        raise ServiceError(
            _("Change your own password under “Password”, at the top of the page: it asks for the old one."), code="own"
        )
    require_confirmed()
    with transaction.atomic():
        current = locked(user)
        privileged = current.is_superuser or current.is_support or current.has_role(Role.ADMINISTRATOR)
        if privileged and not acting_user.is_superuser:
            raise ServiceError(_("Administrators set their passwords themselves."), code="administrator")
        _set_password(acting_user, current, password)


def password_change(*, user: User, old_password: str, password: str) -> None:
    """Change one's own password, with the old one; all sessions end (the page begins a new one for who asks).

    Wrong old passwords are counted by who calls (:func:`users.sign_in.step_up.confirm`).
    """
    with transaction.atomic():
        current = locked(user)
        if not current.check_password(old_password):
            raise ServiceError(_("This is not your password."), code="wrong")
        _set_password(current, current, password)
    user.password = current.password


def password_renew(*, user: User, password: str) -> None:
    """Set a password that its owner has forgotten; who calls has made sure that it is they
    (:mod:`users.sign_in.forgotten`). All sessions end."""
    with transaction.atomic():
        current = locked(user)
        _set_password(current, current, password)


def session_end(*, acting_user: User, digest: str) -> bool:
    """End one of one's own sessions, by what its row is called. Whether there was one."""
    ended, _by_model = Session.objects.filter(user=acting_user, pk=digest).delete()
    if ended:
        audit(acting_user, acting_user, "session ended")
    return bool(ended)


def other_sessions_end(*, acting_user: User, digest: str) -> int:
    """End all of one's own sessions but this one; how many there were."""
    ended, _by_model = Session.objects.filter(user=acting_user).exclude(pk=digest).delete()
    if ended:
        audit(acting_user, acting_user, "sessions ended")
    return ended


def _set_password(acting_user: User, user: User, password: str) -> None:
    validate_new_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    sessions_end(user_ids=[user.pk])
    plans_end(user_ids=[user.pk])
    audit(user, acting_user, "password set")


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
