"""Accounts: settings, sign-up for a trial, and who runs the platform."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.routes.kinds_of_accounts import no_purge_is_being_accepted
from purge.selectors import account_in_open_request
from users.models import Account, AccountKind, AccountState, Role, User, UserRole, UserState
from users.services.months import deleted_months_rebuild
from users.services.people import user_create
from users.services.refusals import ServiceError
from users.services.roles import may_purge_now, purge_permission
from users.services.rows import audit, validated
from users.services.sessions import plans_end
from users.sign_in.confirmed import require_confirmed

logger = logging.getLogger(__name__)

_PROVIDER_EVENTS = {True: "sign-in at the provider demanded", False: "sign-in by password allowed"}


def account_create(*, acting_user: User | None, name: str, subdomain: str, kind: str, **fields: Any) -> Account:
    account = Account(name=name, subdomain=subdomain, kind=kind, **fields)
    validated(account)
    account.save()
    return account


def account_update(*, acting_user: User | None, account: Account, **fields: Any) -> Account:
    """Change an account's settings.

    Its kind cannot change while an open purge has the account in its scope, or would have it afterwards: most purges
    reach all trial accounts. Whether the permission to purge comes with the role is changed by somebody who holds that
    permission.
    """
    with transaction.atomic():
        if "kind" in fields:
            # Before the account's row: whoever submits takes them in this order.
            no_purge_is_being_accepted()
        current = Account.objects.select_for_update().get(pk=account.pk)
        kind = fields.get("kind", current.kind)
        if kind != current.kind:
            if account_in_open_request(current.pk, new_kind=kind):
                raise ServiceError(
                    _(
                        "The kind of this account cannot change while a purge request is open that reaches it, or that "
                        "reaches all trial accounts. Try again when no such request is open."
                    ),
                    code="in_request",
                )
            fields["kind_changed_at"] = timezone.now()
        zone_before, given_before = current.time_zone, current.purge_with_role
        demanded_before = current.second_factor_demanded
        provider_before = current.provider_demanded
        for name, value in fields.items():
            setattr(current, name, value)
        validated(current)
        if current.purge_with_role != given_before or current.second_factor_demanded != demanded_before:
            require_confirmed()
        if current.second_factor_demanded != demanded_before:
            _check_second_factor(acting_user, current)
        if current.provider_demanded != provider_before:
            _check_provider(acting_user, current)
        if "creator" in fields:
            require_confirmed()
        if current.purge_with_role != given_before:
            _change_who_may_purge(acting_user, current)
        current.save(update_fields=list(fields))
        _note_powers(acting_user, current, {"purge_with_role": given_before, "second_factor_demanded": demanded_before})
        if given_before and not current.purge_with_role:
            administrators = UserRole.objects.filter(user__account=current, role=Role.ADMINISTRATOR)
            plans_end(user_ids=administrators.values_list("user_id", flat=True))
        if current.time_zone != zone_before:
            deleted_months_rebuild(account=current)
    account.refresh_from_db()
    return account


def _note_powers(acting_user: User | None, account: Account, before: dict[str, bool]) -> None:
    """What an account's settings say about who may do what is noted with whoever changes it."""
    changed = [name for name, value in before.items() if getattr(account, name) != value]
    if changed and acting_user is not None:
        audit(acting_user, acting_user, "account changed", [f"account {account.pk}", *changed])


def _check_second_factor(acting_user: User | None, account: Account) -> None:
    """Whoever demands it has one, so that somebody is left who gets in; whoever stops demanding it may purge."""
    from users.second_factor.factors import has_second_factor

    if acting_user is None:
        return
    if not may_purge_now(acting_user):
        raise ServiceError(_("Only somebody who may purge can change what is demanded of who may."), code="permission")
    if account.second_factor_demanded and acting_user.account_id == account.pk and not has_second_factor(acting_user):
        raise ServiceError(
            _("Set up your own second factor first: “Second factor”, at the top of the page."), code="second_factor"
        )


def _check_provider(acting_user: User | None, account: Account) -> None:
    """Whoever shuts the way by password has come by the other one, so that somebody is left who gets in. An operator's
    command (``manage.py sign_in_by_password``) opens it whatever has happened to the provider."""
    if acting_user is not None:
        require_confirmed()
        if not may_purge_now(acting_user):
            raise ServiceError(_("Only somebody who may purge can change how people sign in."), code="permission")
    if account.provider_demanded:
        _check_somebody_gets_in(acting_user, account)
    if acting_user is not None:
        audit(acting_user, acting_user, _PROVIDER_EVENTS[account.provider_demanded])
    logger.info("sign-in at the provider alone: account %s, %s", account.pk, account.provider_demanded)


def _check_somebody_gets_in(acting_user: User | None, account: Account) -> None:
    from allauth.socialaccount.models import SocialAccount

    if account.kind == AccountKind.SYSTEM:
        raise ServiceError(_("Whoever runs the site signs in here."), code="system")
    providers = account.identity_providers.filter(enabled=True).values("public_id")
    if not providers:
        raise ServiceError(_("The account has no identity provider in use."), code="no_provider")
    known = SocialAccount.objects.filter(provider__in=providers, user__state=UserState.ACTIVE)
    mine = acting_user is not None and acting_user.account_id == account.pk
    there = (
        known.filter(user=acting_user)
        if mine
        else known.filter(user__account=account, user__given_roles__role=Role.ADMINISTRATOR)
    )
    if not there.exists():
        raise ServiceError(
            _("Sign in at the identity provider yourself first: so it is known that somebody gets in."),
            code="nobody_gets_in",
        )


def _change_who_may_purge(acting_user: User | None, account: Account) -> None:
    """Whoever has the permission given one by one from now on keeps it: nobody else in the account could give it."""
    if acting_user is None:
        return
    if not may_purge_now(acting_user):
        raise ServiceError(_("Only somebody who may purge can change who else may."), code="permission")
    if account.purge_with_role or acting_user.account_id != account.pk:
        return
    acting_user.user_permissions.add(purge_permission())
    audit(acting_user, acting_user, "purge permission given")


def operator_create(*, email: str, name: str, password: str, support: bool = False) -> User:
    """Somebody who runs the platform: a superuser, or a support person who follows purges. They have no account of
    their own but share the system account, which is made with the first of them."""
    with transaction.atomic():
        account = Account.objects.filter(kind=AccountKind.SYSTEM).order_by("pk").first() or account_create(
            acting_user=None, name=_("Platform"), subdomain="platform", kind=AccountKind.SYSTEM
        )
        return user_create(
            acting_user=None,
            account=account,
            email=email,
            name=name,
            password=password,
            registered=True,
            is_superuser=not support,
            is_support=support,
        )


def trial_account_create(
    *, name: str, subdomain: str, email: str, creator_name: str, password: str, **fields: Any
) -> Account:
    """Sign up for a trial: the account, and its creator as first Administrator."""
    with transaction.atomic():
        account = account_create(
            acting_user=None,
            name=name,
            subdomain=subdomain,
            kind=AccountKind.TRIAL,
            state=AccountState.ACTIVE,
            **fields,
        )
        creator = user_create(
            acting_user=None,
            account=account,
            email=email,
            name=creator_name,
            password=password,
            roles=[Role.ADMINISTRATOR],
            registered=True,
        )
        account.creator = creator
        account.save(update_fields=["creator"])
    return account
