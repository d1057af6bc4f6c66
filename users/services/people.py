"""Adding, changing, deleting and restoring people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import identity_key, trimmed
from purge.rules import Context, Fact
from users.models import (
    Account,
    AccountKind,
    ActiveField,
    ActiveFieldValue,
    ExternalProfile,
    FormerEmail,
    GroupMember,
    User,
    UserKind,
    UserRole,
    UserSource,
    UserState,
)
from users.services.identifiers import adobe_key_of, email_key_of, optional, unique_id_sort_key
from users.services.months import deleted_count_change, month_of
from users.services.refusals import ServiceError, UserFrozen, own_request, refuse_frozen
from users.services.roles import is_last_administrator
from users.services.rows import audit, locked
from users.services.sessions import sessions_end, validate_new_password


def user_create(
    *,
    acting_user: User | None,
    account: Account,
    email: str,
    name: str,
    kind: str = UserKind.INTERNAL,
    source: str = UserSource.SINGLE,
    unique_user_id: str | None = None,
    adobe_id: str | None = None,
    password: str | None = None,
    roles: Iterable[str] = (),
    **fields: Any,
) -> User:
    """Add a person. The address of a *deleted* user of the account revives that row as Learner, with its history;
    of a *purged* person nothing is left, so it is a new user from nothing.

    Raises :class:`UserFrozen` for the address of somebody who is being purged, :class:`ServiceError` for an address
    that is in use, a malformed one, or two different Unique User IDs.
    """
    key = email_key_of(email)
    unique_user_id, adobe_id = optional(unique_user_id), optional(adobe_id)
    if account.kind == AccountKind.SYSTEM and kind != UserKind.INTERNAL:
        raise ServiceError(_("The system account has no external users."))
    try:
        with transaction.atomic():
            existing = User.objects.select_for_update(of=("self",)).filter(account=account, email_key=key).first()
            if existing is not None:
                return _revive(acting_user, existing, source, unique_user_id, name, fields)
            user = User(
                account=account,
                email=trimmed(email),
                email_key=key,
                name=name.strip(),
                kind=kind,
                source=source,
                unique_user_id=unique_user_id,
                unique_id_sort=unique_id_sort_key(unique_user_id),
                adobe_id=adobe_id,
                adobe_key=adobe_key_of(adobe_id),
                **fields,
            )
            _check_lengths(user)
            if user.manager_id is not None:
                _check_manager(user)
            if password is not None:
                validate_new_password(password, user)
            user.set_password(password)
            user.save()
            UserRole.objects.bulk_create(UserRole(user=user, role=role) for role in dict.fromkeys(roles))
            audit(user, acting_user, "added")
            return user
    except IntegrityError:
        raise ServiceError(
            _("This e-mail address or Unique User ID is already used in this account. Choose another."), code="taken"
        ) from None


def _check_lengths(user: User) -> None:
    # A key can be longer than what it is made of: the A-labels of a domain are.
    keys = {"email": user.email_key, "adobe_id": user.adobe_key}
    for name in ("name", "email", "unique_user_id", "adobe_id", "profile"):
        column: Any = User._meta.get_field(name)
        most, longest = column.max_length, max(len(getattr(user, name) or ""), len(keys.get(name) or ""))
        if most and longest > most:
            raise ServiceError(
                _("%(field)s is too long: at most %(most)d characters.") % {"field": column.verbose_name, "most": most},
                code="too_long",
            )
    if not user.name:
        raise ServiceError(_("A user needs a name."), code="no_name")


def _revive(
    acting_user: User | None,
    existing: User,
    source: str,
    unique_user_id: str | None,
    name: str,
    fields: dict[str, Any],
) -> User:
    if existing.state != UserState.ACTIVE and own_request(existing):
        raise UserFrozen(_("A user with this address is being purged. Wait for its completion, then add the user."))
    if existing.earlier_state == UserState.ACTIVE:
        raise ServiceError(_("A user with this address is already in this account."), code="taken")
    if source == UserSource.SELF_REGISTRATION:
        raise ServiceError(
            _("A deleted user has this address. An administrator can restore him in User Cleanup."), code="deleted"
        )
    if existing.state == UserState.PURGING:
        raise UserFrozen
    if unique_user_id and existing.unique_user_id and unique_user_id != existing.unique_user_id:
        raise ServiceError(
            _("A deleted user with this address has another Unique User ID. Restore or purge him first."),
            code="other_id",
        )
    _to_active(existing)
    existing.name = name.strip() or existing.name
    existing.source = source
    if unique_user_id:
        existing.unique_user_id = unique_user_id
        existing.unique_id_sort = unique_id_sort_key(unique_user_id)
    for field, value in fields.items():
        setattr(existing, field, value)
    if existing.manager_id is not None:
        _check_manager(existing)
    _check_lengths(existing)
    existing.save()
    audit(existing, acting_user, "revived")
    existing.was_revived = True  # type: ignore[attr-defined]
    return existing


def user_update(*, acting_user: User | None, user: User, **fields: Any) -> User:
    """Change a person's data, also a deleted one's e-mail and Unique User ID. A changed address becomes a former one.

    Raises :class:`UserFrozen`, or :class:`ServiceError` when the address or ID is taken or malformed.
    """
    try:
        with transaction.atomic():
            current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
            refuse_frozen(current)
            if "email" in fields:
                _change_email(current, fields.pop("email"))
            if "unique_user_id" in fields:
                current.unique_user_id = optional(fields.pop("unique_user_id"))
                current.unique_id_sort = unique_id_sort_key(current.unique_user_id)
            if "adobe_id" in fields:
                current.adobe_id = optional(fields.pop("adobe_id"))
                current.adobe_key = adobe_key_of(current.adobe_id)
            for name, value in fields.items():
                setattr(current, name, value)
            if current.manager_id is not None:
                _check_manager(current)
            _check_lengths(current)
            changed = _changed_fields(user.pk, current)
            current.save()
            if changed:
                audit(current, acting_user, "changed", changed)
    except IntegrityError:
        raise ServiceError(
            _("This e-mail address or Unique User ID is already used in this account. Choose another."), code="taken"
        ) from None
    user.refresh_from_db()
    return user


def _changed_fields(pk: int, current: User) -> list[str]:
    before = User.objects.get(pk=pk)
    return [
        field.name
        for field in User._meta.concrete_fields
        if getattr(before, field.attname) != getattr(current, field.attname)
    ]


def _change_email(user: User, email: str) -> None:
    key = email_key_of(email)
    if user.email_key is None and key == identity_key(user.email):
        # Another row has this mailbox. Where that row is gone or has another by now, this one gets its key.
        if User.objects.filter(account_id=user.account_id, email_key=key).exists():
            return
        user.same_mailbox_as = None
    elif key != user.email_key:
        holder = User.objects.filter(account_id=user.account_id, email_key=key).exclude(pk=user.pk).first()
        if holder is not None and holder.state != UserState.ACTIVE and own_request(holder):
            raise UserFrozen(_("A user with this address is being purged. Wait until the purge is completed."))
        if holder is not None and holder.state == UserState.PURGING:
            raise UserFrozen(
                _("This e-mail address or Unique User ID is already used in this account. Choose another.")
            )
        FormerEmail.objects.update_or_create(
            user=user, email_key=identity_key(user.email), defaults={"email": user.email, "ended_at": timezone.now()}
        )
        FormerEmail.objects.filter(user=user, email_key=key).delete()
        user.same_mailbox_as = None
    user.email, user.email_key = trimmed(email), key


def _check_manager(user: User) -> None:
    """A manager is an active user of the same account, and nobody is his own manager's manager."""
    seen, manager = {user.pk}, user.manager
    if manager is not None and (manager.account_id != user.account_id or manager.state != UserState.ACTIVE):
        raise ServiceError(_("The manager must be an active user of the same account."), code="manager")
    while manager is not None:
        if manager.pk in seen:
            raise ServiceError(_("Nobody can be his own manager, not even through others."), code="manager")
        seen.add(manager.pk)
        manager = manager.manager


def user_delete(*, acting_user: User | None, user: User, moment: datetime | None = None) -> User:
    """Take a person out of use, restorably: he cannot sign in, is in no list and no group; learning records stay.

    Nobody deletes himself, and the last active Administrator of an account stays.
    """
    with transaction.atomic():
        # The account is locked first, so that two administrators cannot delete each other at once.
        account = Account.objects.select_for_update().get(pk=user.account_id)
        current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        refuse_frozen(current)
        if current.state == UserState.DELETED:
            raise ServiceError(_("User %(id)s is deleted already.") % {"id": current.pk}, code="deleted")
        if acting_user is not None and acting_user.pk == current.pk:
            raise ServiceError(_("You cannot delete yourself. Ask another administrator."), code="self")
        if is_last_administrator(current):
            raise ServiceError(
                _("User %(id)s is the last active Administrator of this account. Give somebody else the role first.")
                % {"id": current.pk},
                code="last_administrator",
            )
        moment = moment or timezone.now()
        current.state = UserState.DELETED
        current.deleted_at = moment
        current.deleted_month = month_of(moment, account)
        current.deleted_by = acting_user
        current.save(update_fields=["state", "deleted_at", "deleted_month", "deleted_by"])
        deleted_count_change(account_id=account.pk, month=current.deleted_month, by=1)
        sessions_end(user_ids=[current.pk])
        GroupMember.objects.filter(user=current).delete()
        audit(current, acting_user, "deleted")
    user.refresh_from_db()
    return user


def user_restore(*, acting_user: User | None, user: User) -> User:
    """Bring a deleted person back, as Learner only: earlier roles and permissions are not given back."""
    with transaction.atomic():
        current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        if current.deleted_at is None:
            raise ServiceError(_("User %(id)s is not deleted.") % {"id": current.pk}, code="active")
        if reference := own_request(current):
            raise UserFrozen(
                _("User %(id)s is being purged and cannot be restored. %(reference)s")
                % {"id": current.pk, "reference": reference}
            )
        if current.state == UserState.PURGING:
            raise UserFrozen(_("User %(id)s cannot be restored at the moment. Try again later.") % {"id": current.pk})
        _to_active(current)
        current.save()
        audit(current, acting_user, "restored")
    user.refresh_from_db()
    return user


def _to_active(user: User) -> None:
    """As Learner: no roles, no permissions of his own, counters right. The caller saves."""
    deleted_count_change(account_id=user.account_id, month=str(user.deleted_month), by=-1)
    user.state = UserState.ACTIVE
    user.deleted_at = user.deleted_month = user.deleted_by = None
    user.is_superuser = user.is_support = False
    UserRole.objects.filter(user=user).delete()
    user.user_permissions.clear()
    user.groups.clear()


def active_value_set(*, acting_user: User | None, user: User, field: ActiveField, value: str) -> None:
    """Set what an active field says of a user; an empty text takes it away."""
    with transaction.atomic():
        current = locked(user)
        if field.account_id != current.account_id:
            raise ServiceError(_("This active field belongs to another account."))
        allowed = [line.strip() for line in field.allowed_values.splitlines() if line.strip()]
        if value and field.kind == ActiveField.Kind.CHOICE and value not in allowed:
            raise ServiceError(_("%(field)s takes only its fixed values.") % {"field": field.name}, code="not_allowed")
        if value:
            ActiveFieldValue.objects.update_or_create(user=current, field=field, defaults={"value": value})
        else:
            ActiveFieldValue.objects.filter(user=current, field=field).delete()
        audit(current, acting_user, "changed", ["active fields"])


def user_make_active(*, acting_user: User | None, user: User) -> User:
    """Mark an external user as registered, without waiting for him to do it."""
    refuse_frozen(user)
    if user.kind != UserKind.EXTERNAL or user.state != UserState.ACTIVE:
        raise ServiceError(_("Only external users in use can be made active: user %(id)s.") % {"id": user.pk})
    return user_update(acting_user=acting_user, user=user, registered=True)


def profile_change(*, acting_user: User | None, user: User, profile: ExternalProfile) -> User:
    """Move an external user to another registration profile of his account."""
    refuse_frozen(user)
    if user.kind != UserKind.EXTERNAL or profile.account_id != user.account_id:
        raise ServiceError(_("Choose an external user and a registration profile of the same account."))
    return user_update(acting_user=acting_user, user=user, external_profile=profile)


def unique_ids_emptied(*, pks: Sequence[int], column: str, context: Context) -> list[Fact]:
    """The Unique User IDs of these users were somebody's address and are gone: whoever keeps their account has to know.

    Returns a fact per user who stays.
    """
    stay = User.objects.filter(pk__in=pks).exclude(state=UserState.PURGING).order_by("pk")
    return [
        Fact(
            kind="unique_id_emptied",
            account_id=account_id,
            model="users.ExternalUser" if kind == UserKind.EXTERNAL else "users.InternalUser",
            pk=pk,
        )
        for pk, account_id, kind in stay.values_list("pk", "account_id", "kind")
    ]
