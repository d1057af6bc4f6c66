"""Groups of users."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from users.models import Account, GroupExclusion, GroupMember, User, UserGroup, UserState
from users.services.refusals import ServiceError
from users.services.rows import locked, validated


def group_create(*, acting_user: User | None, account: Account, name: str, **fields: Any) -> UserGroup:
    """A new group; its creator is who acts, if they are of the account."""
    creator = acting_user if acting_user is not None and acting_user.account_id == account.pk else None
    group = UserGroup(account=account, name=name, creator=creator, **fields)
    validated(group)
    group.save()
    return group


def group_update(*, acting_user: User | None, group: UserGroup, **fields: Any) -> UserGroup:
    """Change a group's name, description, or whether it is retired."""
    for name, value in fields.items():
        setattr(group, name, value)
    validated(group)
    group.save(update_fields=list(fields))
    return group


def group_member_add(*, group: UserGroup, user: User) -> GroupMember:
    """Put an active user into a group of their account. Refuses excluded users and retired groups."""
    with transaction.atomic():
        current = locked(user)
        if current.state != UserState.ACTIVE or current.account_id != group.account_id:
            raise ServiceError(_("Only active users of the same account can be members of a group."))
        if group.retired:
            raise ServiceError(_("This group is retired. Choose another."), code="retired")
        if GroupExclusion.objects.filter(group=group, user=current).exists():
            raise ServiceError(
                _("User %(id)s is excluded from this group. End the exclusion first.") % {"id": user.pk},
                code="excluded",
            )
        member, _created = GroupMember.objects.get_or_create(group=group, user=current)
    return member


def group_member_remove(*, group: UserGroup, user: User) -> bool:
    """Take a user out of a group. Whether they were in it."""
    removed, _by_model = GroupMember.objects.filter(group=group, user=user).delete()
    return bool(removed)


def group_exclude(*, group: UserGroup, user: User) -> GroupExclusion:
    """Keep a user of the account out of a group for good: they leave it, and are not put in again."""
    with transaction.atomic():
        current = locked(user)
        if current.account_id != group.account_id:
            raise ServiceError(_("Only users of the same account can be excluded from a group."))
        group_member_remove(group=group, user=current)
        exclusion, _created = GroupExclusion.objects.get_or_create(group=group, user=current)
    return exclusion


def group_exclusion_end(*, group: UserGroup, user: User) -> bool:
    """Whether there was an exclusion to end."""
    removed, _by_model = GroupExclusion.objects.filter(group=group, user=user).delete()
    return bool(removed)
