"""Roles, and the permission to purge."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils.translation import gettext as _

from users.models import Account, Role, User, UserRole, UserState
from users.permissions import PURGE_PERMISSION
from users.services.refusals import ServiceError
from users.services.rows import audit, locked
from users.services.sessions import plans_end
from users.sign_in.confirmed import require_confirmed


def role_assign(*, acting_user: User | None, user: User, role: str) -> UserRole:
    """Give a role to an active user."""
    require_confirmed()
    with transaction.atomic():
        current = locked(user)
        if current.state != UserState.ACTIVE:
            raise ServiceError(_("Roles are given to active users only. Restore user %(id)s first.") % {"id": user.pk})
        given, created = UserRole.objects.get_or_create(user=current, role=Role(role))
        if created:
            audit(current, acting_user, "role given", [role])
    return given


def role_remove(*, acting_user: User | None, user: User, role: str) -> None:
    """Take a role away; the last active Administrator keeps theirs. With the role goes the permission to purge."""
    require_confirmed()
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=user.account_id)
        current = locked(user)
        if role == Role.ADMINISTRATOR and is_last_administrator(current):
            raise ServiceError(
                _("User %(id)s is the last active Administrator of this account. Give somebody else the role first.")
                % {"id": user.pk},
                code="last_administrator",
            )
        removed, _by_model = UserRole.objects.filter(user=current, role=role).delete()
        if removed and role == Role.ADMINISTRATOR:
            current.user_permissions.remove(purge_permission())
            plans_end(user_ids=[current.pk])
        if removed:
            audit(current, acting_user, "role taken", [role])


def is_last_administrator(user: User) -> bool:
    if user.state != UserState.ACTIVE or not UserRole.objects.filter(user=user, role=Role.ADMINISTRATOR).exists():
        return False
    others = UserRole.objects.filter(
        role=Role.ADMINISTRATOR, user__account_id=user.account_id, user__state=UserState.ACTIVE
    ).exclude(user=user)
    return not others.exists()


def purge_permission_set(*, acting_user: User, user: User, allowed: bool) -> bool:
    """Let an Administrator purge people, or no more. Whether that is a change.

    Only somebody who may purge passes it on: it is not implied by anything else an Administrator may do. Where it comes
    with the role, it is neither given nor withdrawn one by one.
    """
    require_confirmed()
    with transaction.atomic():
        # Locked first, as everywhere: the account's setting must not change meanwhile.
        with_role = Account.objects.select_for_update().get(pk=user.account_id).purge_with_role
        current = locked(user)
        if not may_purge_now(acting_user):
            raise ServiceError(
                _("Only somebody who may purge can give or withdraw this permission."), code="permission"
            )
        if allowed and not (current.is_active and current.has_role(Role.ADMINISTRATOR)):
            raise ServiceError(
                _("Only active Administrators can be allowed to purge: give user %(id)s the role first.")
                % {"id": user.pk},
                code="no_administrator",
            )
        if with_role and allowed:
            return False
        if with_role:
            raise ServiceError(
                _(
                    "In this account every Administrator may purge. Change that in Account settings, "
                    "or take the role from user %(id)s."
                )
                % {"id": user.pk},
                code="with_role",
            )
        permission = purge_permission()
        if current.user_permissions.filter(pk=permission.pk).exists() == allowed:
            return False
        if allowed:
            current.user_permissions.add(permission)
        else:
            current.user_permissions.remove(permission)
            plans_end(user_ids=[current.pk])
        audit(current, acting_user, "purge permission given" if allowed else "purge permission taken")
    return True


def may_purge_now(user: User) -> bool:
    """As the database says at this moment: the object in hand may be as old as its page."""
    current: User = User.objects.select_related("account").get(pk=user.pk)
    return current.has_perm(PURGE_PERMISSION)


def purge_permission() -> Permission:
    app_label, codename = PURGE_PERMISSION.split(".")
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)
