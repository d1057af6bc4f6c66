"""Inviting users, and opening an account with the administrator who is invited to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.worker.queue import enqueue
from users.models import Account, AccountKind, AccountState, Role, User, UserAudit
from users.services import ServiceError, account_create, user_create
from users.services.powers import has_access
from users.services.rows import audit
from users.sign_in.confirmed import require_confirmed

TASK: Final = "users.tasks.send_invitation"
INVITED: Final = "invited"
#: Trial accounts, which anybody can open, invite so many people a day.
TRIAL_INVITATIONS_A_DAY: Final = 50


def user_invite(*, acting_user: User, user: User) -> None:
    """Have a user who has no password yet sent a link to set one. An invitation can be repeated until it is used.

    Raises :class:`ServiceError` where there is nobody to invite, or whoever acts is no administrator of theirs.
    """
    if not _administers(acting_user, user.account):
        raise ServiceError(_("Only Administrators of their account invite users."), code="permission")
    if has_access(user):
        require_confirmed()
    if not user.signs_in_here:
        raise ServiceError(
            _("User %(id)s signs in at the identity provider, and needs no password.") % {"id": user.pk},
            code="provider",
        )
    if not user.is_active or user.has_usable_password():
        raise ServiceError(
            _("Only users in use who have no password yet are invited: user %(id)s.") % {"id": user.pk}, code="no_need"
        )
    with transaction.atomic():
        # Locked, so that two who invite at once count each other.
        account = Account.objects.select_for_update().get(pk=user.account_id)
        if account.kind == AccountKind.TRIAL and _invited_today(account) >= TRIAL_INVITATIONS_A_DAY:
            raise ServiceError(
                _("A trial account invites at most %(most)d users a day. Invite the others tomorrow.")
                % {"most": TRIAL_INVITATIONS_A_DAY},
                code="too_many",
            )
        audit(user, acting_user, INVITED)
        enqueue(TASK, user.pk)


def account_open(
    *,
    acting_user: User,
    name: str,
    subdomain: str,
    kind: str,
    administrator_email: str = "",
    administrator_name: str = "",
    **fields: Any,
) -> Account:
    """Add an account, with its first administrator, who is invited by mail; of a trial they are the creator.

    By operators alone. Raises :class:`ServiceError` for a trial without a creator, and whatever adding a user raises.
    """
    if not acting_user.is_superuser:
        raise ServiceError(_("Only operators of the platform add accounts."), code="permission")
    if kind == AccountKind.TRIAL and not administrator_email:
        raise ServiceError(
            _("A trial has a creator: give the name and email of its first administrator."), code="creator"
        )
    with transaction.atomic():
        account = account_create(acting_user=acting_user, name=name, subdomain=subdomain, kind=kind, **fields)
        if not administrator_email:
            return account
        first = user_create(
            acting_user=acting_user,
            account=account,
            email=administrator_email,
            name=administrator_name,
            roles=[Role.ADMINISTRATOR],
            registered=True,
        )
        if kind == AccountKind.TRIAL:
            account.creator = first
            account.save(update_fields=["creator"])
        if account.state == AccountState.ACTIVE:
            user_invite(acting_user=acting_user, user=first)
    return account


def _administers(acting_user: User, account: Account) -> bool:
    mine = acting_user.account_id == account.pk and acting_user.has_role(Role.ADMINISTRATOR)
    return acting_user.is_active and (acting_user.is_superuser or mine)


def _invited_today(account: Account) -> int:
    since = timezone.now() - timedelta(days=1)
    return UserAudit.objects.filter(user__account=account, event=INVITED, at__gte=since).count()
