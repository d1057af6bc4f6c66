"""Acts that give power over somebody else's sign-in, or one's own: who may do them, and that it is asked who it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from purge.addresses import identity_key
from purge.worker.queue import enqueue
from users.models import ROLES_WITH_ACCESS, Role, User, UserState
from users.services.refusals import ServiceError
from users.services.roles import may_purge_now
from users.sign_in.confirmed import require_confirmed

#: Says so to the person, by mail.
TELL_TASK = "users.tasks.tell_of_changed_sign_in"
#: What somebody signs in by, or is written to when a password is forgotten.
IDENTITY = ("email", "adobe_id")


def has_access(user: User) -> bool:
    """Whether somebody has more than a Learner has: a role that gets in, support, or the whole platform."""
    return user.is_superuser or user.is_support or any(map(user.has_role, ROLES_WITH_ACCESS))


def has_more_rights(user: User, than: User) -> bool:
    """Whether who acts as ``user`` could do what ``than`` may not."""
    if than.is_superuser:
        return False
    if user.is_superuser or user.is_support:
        return True
    if user.has_role(Role.ADMINISTRATOR) and not than.has_role(Role.ADMINISTRATOR):
        return True
    return may_purge_now(user) and not may_purge_now(than)


def check_identity_change(acting_user: User | None, user: User, said: Mapping[str, Any]) -> None:
    """Before a person's email or login changes. ``user``: as the row is now.

    Raises :class:`ServiceError` where the person has more rights than who acts, and
    :class:`users.sign_in.confirmed.NotConfirmed` where it has to be asked first whether it is still the same person:
    for one's own, and for everybody's with access. A Learner's gives no power. The person is told by mail, in the
    caller's transaction.
    """
    changes = any(name in said and (said[name] or None) != (getattr(user, name) or None) for name in IDENTITY)
    if not changes or acting_user is None:
        return
    if acting_user.pk != user.pk:
        if user.state != UserState.ACTIVE or not has_access(user):
            return
        if has_more_rights(user, acting_user):
            raise ServiceError(
                _("User %(id)s may do more than you: the email and login are changed by themselves or by an operator.")
                % {"id": user.pk},
                code="more_rights",
            )
    require_confirmed()
    if has_access(user):
        # At the address that is given up: whoever has the new one could ask for a new password by it.
        moves = "email" in said and identity_key(said["email"]) != identity_key(user.email)
        enqueue(TELL_TASK, user.pk, int(moves))
