"""Everything that changes accounts, users, roles and groups. One mutation, one function.

A refusal is a :class:`ServiceError`, whose message says what to do; then nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import identity_key, is_address, trimmed
from purge.kinds_of_accounts import no_purge_is_being_accepted
from purge.rules import Context, Fact
from purge.selectors import account_in_open_request, open_request_of
from users.models import (
    Account,
    AccountKind,
    AccountState,
    ActiveField,
    ActiveFieldValue,
    DeletedCount,
    ExternalProfile,
    FormerEmail,
    GroupExclusion,
    GroupMember,
    LoginEvent,
    Role,
    Session,
    User,
    UserAudit,
    UserGroup,
    UserKind,
    UserRole,
    UserSource,
    UserState,
)
from users.permissions import PURGE_PERMISSION


class ServiceError(ValidationError):
    """A change that is not made. The message is for the person who asked; it names rows by number, never by name."""

    def __init__(self, message: str, code: str = "refused") -> None:
        super().__init__(message, code=code)

    def __str__(self) -> str:
        return str(self.messages[0])


class UserFrozen(ServiceError):
    """The person is being purged: nothing may be written for them.

    Only a request of their own account is named. That another customer purges them is not said: without a message the
    words fit any user.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message or _("This user cannot be changed at the moment, nor anything added. Try again later."),
            code="frozen",
        )


# ---------------------------------------------------------------- normalised keys


def email_key_of(email: str) -> str:
    """The key of a whole address, which says whose it is. Raises :class:`ServiceError` when it is none."""
    if not is_address(email):
        raise ServiceError(_("This is no e-mail address. Type one such as name@company.example."), code="malformed")
    return identity_key(email)


def adobe_key_of(adobe_id: str | None) -> str | None:
    """The key of a login at the identity provider; an absent one is NULL, never ''."""
    return (identity_key(adobe_id) or None) if adobe_id else None


def unique_id_sort_key(unique_user_id: str | None) -> str | None:
    return unique_user_id.casefold()[:200] if unique_user_id else None


def _optional(text: str | None) -> str | None:
    """An absent identifier is NULL, never ''."""
    return trimmed(text or "") or None


def month_of(moment: datetime, account: Account) -> str:
    """The month of a moment in the account's time zone, "YYYY-MM"."""
    return moment.astimezone(zone_of(account)).strftime("%Y-%m")


def zone_of(account: Account) -> ZoneInfo:
    try:
        return ZoneInfo(account.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


# ---------------------------------------------------------------- accounts


def account_create(*, acting_user: User | None, name: str, subdomain: str, kind: str, **fields: Any) -> Account:
    account = Account(name=name, subdomain=subdomain, kind=kind, **fields)
    _clean(account)
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
        for name, value in fields.items():
            setattr(current, name, value)
        _clean(current)
        if current.purge_with_role != given_before:
            _change_who_may_purge(acting_user, current)
        current.save(update_fields=list(fields))
        if current.time_zone != zone_before:
            deleted_months_rebuild(account=current)
    account.refresh_from_db()
    return account


def _change_who_may_purge(acting_user: User | None, account: Account) -> None:
    """Whoever has the permission given one by one from now on keeps it: nobody else in the account could give it."""
    if acting_user is None:
        return
    if not _may_purge_now(acting_user):
        raise ServiceError(_("Only somebody who may purge can change who else may."), code="permission")
    if account.purge_with_role or acting_user.account_id != account.pk:
        return
    acting_user.user_permissions.add(_purge_permission())
    _audit(acting_user, acting_user, "purge permission given")


def deleted_months_rebuild(*, account: Account) -> None:
    """Reckon the month of every deletion anew (the account's time zone has changed), and the counts by month."""
    with transaction.atomic():
        rows = User.objects.filter(account=account, deleted_at__isnull=False).only("pk", "deleted_at", "deleted_month")
        changed = []
        for user in rows.iterator(chunk_size=2_000):
            month = month_of(user.deleted_at, account)
            if month != user.deleted_month:
                user.deleted_month = month
                changed.append(user)
        User.objects.bulk_update(changed, ["deleted_month"], batch_size=500)
        deleted_counts_rebuild(account=account)


def deleted_counts_rebuild(*, account: Account) -> None:
    """Count the deleted users of an account by month, from the rows."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        DeletedCount.objects.filter(account=account).delete()
        counted = (
            User.objects.filter(account=account, deleted_at__isnull=False)
            .values_list("deleted_month")
            .annotate(n=Count("pk"))
            .order_by()
        )
        DeletedCount.objects.bulk_create(
            DeletedCount(account=account, month=month, n=number) for month, number in counted
        )


def deleted_count_change(*, account_id: int, month: str, by: int) -> None:
    """Keep the summary right, in the caller's transaction."""
    counts = DeletedCount.objects.filter(account_id=account_id, month=month)
    if by < 0:
        counts.filter(n__gte=-by).update(n=F("n") + by)
        counts.filter(n=0).delete()
        return
    if not counts.update(n=F("n") + by):
        _count, created = DeletedCount.objects.get_or_create(account_id=account_id, month=month, defaults={"n": by})
        if not created:
            counts.update(n=F("n") + by)


def _clean(row: Any) -> None:
    try:
        row.full_clean(exclude=["creator"], validate_unique=True)
    except ValidationError as error:
        raise ServiceError("; ".join(error.messages), code="invalid") from None


# ---------------------------------------------------------------- users


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
    unique_user_id, adobe_id = _optional(unique_user_id), _optional(adobe_id)
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
                _validate_password(password, user)
            user.set_password(password)
            user.save()
            UserRole.objects.bulk_create(UserRole(user=user, role=role) for role in dict.fromkeys(roles))
            _audit(user, acting_user, "added")
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
    if existing.state != UserState.ACTIVE and _own_request(existing):
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
    _audit(existing, acting_user, "revived")
    existing.was_revived = True  # type: ignore[attr-defined]
    return existing


def user_update(*, acting_user: User | None, user: User, **fields: Any) -> User:
    """Change a person's data, also a deleted one's e-mail and Unique User ID. A changed address becomes a former one.

    Raises :class:`UserFrozen`, or :class:`ServiceError` when the address or ID is taken or malformed.
    """
    try:
        with transaction.atomic():
            current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
            _refuse_frozen(current)
            if "email" in fields:
                _change_email(current, fields.pop("email"))
            if "unique_user_id" in fields:
                current.unique_user_id = _optional(fields.pop("unique_user_id"))
                current.unique_id_sort = unique_id_sort_key(current.unique_user_id)
            if "adobe_id" in fields:
                current.adobe_id = _optional(fields.pop("adobe_id"))
                current.adobe_key = adobe_key_of(current.adobe_id)
            for name, value in fields.items():
                setattr(current, name, value)
            if current.manager_id is not None:
                _check_manager(current)
            _check_lengths(current)
            changed = _changed_fields(user.pk, current)
            current.save()
            if changed:
                _audit(current, acting_user, "changed", changed)
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
        if holder is not None and holder.state != UserState.ACTIVE and _own_request(holder):
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


def refuse_frozen(user: User) -> None:
    """For the services of other apps: raise :class:`UserFrozen` for somebody who is being purged."""
    _refuse_frozen(user)


def _refuse_frozen(user: User) -> None:
    if user.state == UserState.ACTIVE:
        return
    # Also somebody whose request still waits: they are what they were, and reserved.
    if reference := _own_request(user):
        raise UserFrozen(
            _("User %(id)s is being purged (request %(reference)s): nothing can be changed any more.")
            % {"id": user.pk, "reference": reference}
        )
    if user.state == UserState.PURGING:
        raise UserFrozen


def _own_request(user: User) -> str:
    """The ID of the open request of their own account that holds somebody; '' when there is none."""
    return open_request_of([user.pk], account_id=user.account_id).get(user.pk, "")


def user_delete(*, acting_user: User | None, user: User, moment: datetime | None = None) -> User:
    """Take a person out of use, restorably: he cannot sign in, is in no list and no group; learning records stay.

    Nobody deletes himself, and the last active Administrator of an account stays.
    """
    with transaction.atomic():
        # The account is locked first, so that two administrators cannot delete each other at once.
        account = Account.objects.select_for_update().get(pk=user.account_id)
        current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        _refuse_frozen(current)
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
        _audit(current, acting_user, "deleted")
    user.refresh_from_db()
    return user


def is_last_administrator(user: User) -> bool:
    if user.state != UserState.ACTIVE or not UserRole.objects.filter(user=user, role=Role.ADMINISTRATOR).exists():
        return False
    others = UserRole.objects.filter(
        role=Role.ADMINISTRATOR, user__account_id=user.account_id, user__state=UserState.ACTIVE
    ).exclude(user=user)
    return not others.exists()


def user_restore(*, acting_user: User | None, user: User) -> User:
    """Bring a deleted person back, as Learner only: earlier roles and permissions are not given back."""
    with transaction.atomic():
        current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        if current.deleted_at is None:
            raise ServiceError(_("User %(id)s is not deleted.") % {"id": current.pk}, code="active")
        if reference := _own_request(current):
            raise UserFrozen(
                _("User %(id)s is being purged and cannot be restored. %(reference)s")
                % {"id": current.pk, "reference": reference}
            )
        if current.state == UserState.PURGING:
            raise UserFrozen(_("User %(id)s cannot be restored at the moment. Try again later.") % {"id": current.pk})
        _to_active(current)
        current.save()
        _audit(current, acting_user, "restored")
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


def sessions_end(*, user_ids: Iterable[int]) -> int:
    """End all browser sessions of these people; how many there were."""
    number, _by_model = Session.objects.filter(user_id__in=list(user_ids)).delete()
    return number


def sessions_clear() -> int:
    """Remove the browser sessions that have run out; how many there were."""
    number, _by_model = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return number


def role_assign(*, acting_user: User | None, user: User, role: str) -> UserRole:
    """Give a role to an active user."""
    with transaction.atomic():
        current = _locked(user)
        if current.state != UserState.ACTIVE:
            raise ServiceError(_("Roles are given to active users only. Restore user %(id)s first.") % {"id": user.pk})
        given, created = UserRole.objects.get_or_create(user=current, role=Role(role))
        if created:
            _audit(current, acting_user, "role given", [role])
    return given


def role_remove(*, acting_user: User | None, user: User, role: str) -> None:
    """Take a role away; the last active Administrator keeps his. With the role goes the permission to purge."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=user.account_id)
        current = _locked(user)
        if role == Role.ADMINISTRATOR and is_last_administrator(current):
            raise ServiceError(
                _("User %(id)s is the last active Administrator of this account. Give somebody else the role first.")
                % {"id": user.pk},
                code="last_administrator",
            )
        removed, _by_model = UserRole.objects.filter(user=current, role=role).delete()
        if removed and role == Role.ADMINISTRATOR:
            current.user_permissions.remove(_purge_permission())
        if removed:
            _audit(current, acting_user, "role taken", [role])


def purge_permission_set(*, acting_user: User, user: User, allowed: bool) -> bool:
    """Let an Administrator purge people, or no more. Whether that is a change.

    Only somebody who may purge passes it on: it is not implied by anything else an Administrator may do. Where it comes
    with the role, it is neither given nor withdrawn one by one.
    """
    with transaction.atomic():
        # Locked first, as everywhere: the account's setting must not change meanwhile.
        with_role = Account.objects.select_for_update().get(pk=user.account_id).purge_with_role
        current = _locked(user)
        if not _may_purge_now(acting_user):
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
        permission = _purge_permission()
        if current.user_permissions.filter(pk=permission.pk).exists() == allowed:
            return False
        if allowed:
            current.user_permissions.add(permission)
        else:
            current.user_permissions.remove(permission)
        _audit(current, acting_user, "purge permission given" if allowed else "purge permission taken")
    return True


def _may_purge_now(user: User) -> bool:
    """As the database says at this moment: the object in hand may be as old as its page."""
    current: User = User.objects.select_related("account").get(pk=user.pk)
    return current.has_perm(PURGE_PERMISSION)


def _purge_permission() -> Permission:
    app_label, codename = PURGE_PERMISSION.split(".")
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)


def _locked(user: User) -> User:
    """The row as it is now, locked; refuses people who are being purged. The object in hand may be older."""
    current: User | None = User.objects.select_for_update(of=("self",)).filter(pk=user.pk).first()
    if current is None:
        raise ServiceError(_("User %(id)s does not exist any more.") % {"id": user.pk}, code="gone")
    _refuse_frozen(current)
    return current


def password_set(*, acting_user: User, user: User, password: str) -> None:
    """Set somebody's first or forgotten password.

    An Administrator's is his own business: who could set it could act with permissions that he does not hold himself.
    """
    with transaction.atomic():
        current = _locked(user)
        privileged = current.is_superuser or current.is_support or current.has_role(Role.ADMINISTRATOR)
        if privileged and not acting_user.is_superuser and acting_user.pk != current.pk:
            raise ServiceError(_("Administrators set their passwords themselves."), code="administrator")
        _validate_password(password, current)
        current.set_password(password)
        current.save(update_fields=["password"])
        sessions_end(user_ids=[] if acting_user.pk == current.pk else [current.pk])
        _audit(current, acting_user, "password set")


def _validate_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ServiceError(" ".join(error.messages), code="weak") from None


def active_value_set(*, acting_user: User | None, user: User, field: ActiveField, value: str) -> None:
    """Set what an active field says of a user; an empty text takes it away."""
    with transaction.atomic():
        current = _locked(user)
        if field.account_id != current.account_id:
            raise ServiceError(_("This active field belongs to another account."))
        allowed = [line.strip() for line in field.allowed_values.splitlines() if line.strip()]
        if value and field.kind == ActiveField.Kind.CHOICE and value not in allowed:
            raise ServiceError(_("%(field)s takes only its fixed values.") % {"field": field.name}, code="not_allowed")
        if value:
            ActiveFieldValue.objects.update_or_create(user=current, field=field, defaults={"value": value})
        else:
            ActiveFieldValue.objects.filter(user=current, field=field).delete()
        _audit(current, acting_user, "changed", ["active fields"])


def login_record(*, user: User, ip_address: str | None, user_agent: str, success: bool = True) -> LoginEvent:
    """Note a sign-in, or a refused one of a known person."""
    return LoginEvent.objects.create(
        user=user, ip_address=ip_address, user_agent=user_agent.replace("\x00", "")[:300], success=success
    )


def user_make_active(*, acting_user: User | None, user: User) -> User:
    """Mark an external user as registered, without waiting for him to do it."""
    _refuse_frozen(user)
    if user.kind != UserKind.EXTERNAL or user.state != UserState.ACTIVE:
        raise ServiceError(_("Only external users in use can be made active: user %(id)s.") % {"id": user.pk})
    return user_update(acting_user=acting_user, user=user, registered=True)


def profile_change(*, acting_user: User | None, user: User, profile: ExternalProfile) -> User:
    """Move an external user to another registration profile of his account."""
    _refuse_frozen(user)
    if user.kind != UserKind.EXTERNAL or profile.account_id != user.account_id:
        raise ServiceError(_("Choose an external user and a registration profile of the same account."))
    return user_update(acting_user=acting_user, user=user, external_profile=profile)


# ---------------------------------------------------------------- groups


def group_create(*, acting_user: User | None, account: Account, name: str, **fields: Any) -> UserGroup:
    """A new group; its creator is who acts, if he is of the account."""
    creator = acting_user if acting_user is not None and acting_user.account_id == account.pk else None
    group = UserGroup(account=account, name=name, creator=creator, **fields)
    _clean(group)
    group.save()
    return group


def group_update(*, acting_user: User | None, group: UserGroup, **fields: Any) -> UserGroup:
    """Change a group's name, description, or whether it is retired."""
    for name, value in fields.items():
        setattr(group, name, value)
    _clean(group)
    group.save(update_fields=list(fields))
    return group


def group_member_add(*, group: UserGroup, user: User) -> GroupMember:
    """Put an active user into a group of his account. Refuses excluded users and retired groups."""
    with transaction.atomic():
        current = _locked(user)
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
    """Take a user out of a group. Whether he was in it."""
    removed, _by_model = GroupMember.objects.filter(group=group, user=user).delete()
    return bool(removed)


def group_exclude(*, group: UserGroup, user: User) -> GroupExclusion:
    """Keep a user of the account out of a group for good: he leaves it, and is not put in again."""
    with transaction.atomic():
        current = _locked(user)
        if current.account_id != group.account_id:
            raise ServiceError(_("Only users of the same account can be excluded from a group."))
        group_member_remove(group=group, user=current)
        exclusion, _created = GroupExclusion.objects.get_or_create(group=group, user=current)
    return exclusion


def group_exclusion_end(*, group: UserGroup, user: User) -> bool:
    """Whether there was an exclusion to end."""
    removed, _by_model = GroupExclusion.objects.filter(group=group, user=user).delete()
    return bool(removed)


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


# ---------------------------------------------------------------- consequences of a purge


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


def _audit(user: User, actor: User | None, event: str, fields: Iterable[str] = ()) -> None:
    UserAudit.objects.create(user=user, actor=actor, event=event, fields=", ".join(fields)[:300])
