"""Adding, changing, deleting and restoring people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import identity_key, trimmed
from purge.rules import Context, Fact
from users import lifecycle
from users.models import (
    Account,
    AccountKind,
    ActiveField,
    ActiveFieldValue,
    ExternalProfile,
    FormerEmail,
    User,
    UserKind,
    UserRole,
    UserSource,
    UserState,
)
from users.models.one_line import has_line_break
from users.purge_rules import UNIQUE_ID_EMPTIED
from users.services.identifiers import adobe_key_of, email_key_of, optional, unique_id_sort_key
from users.services.leaving import as_learners
from users.services.months import deleted_count_change
from users.services.powers import check_identity_change
from users.services.refusals import (
    DeletedUserHasIt,
    ServiceError,
    adding_refused,
    address_taken,
    holder_of,
    refuse_frozen,
)
from users.services.rows import audit, locked
from users.services.sessions import validate_new_password
from users.sign_in.confirmed import require_confirmed

#: The columns whose length is checked.
MEASURED = ("name", "email", "unique_user_id", "adobe_id", "profile")
#: Whoever has the address or the Unique User ID is brought back without a question.
ANYBODY = -1


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
    bring_back: int | None = ANYBODY,
    **fields: Any,
) -> User:
    """Add a person. The address or Unique User ID of a *deleted* user of the account brings that row back as Learner,
    with its history and with what is said here; of a *purged* person nothing is left: a new user from nothing.

    ``bring_back``: the one deleted user that may be brought back, None for nobody: where it would be another,
    :class:`DeletedUserHasIt` is raised, to be asked about. Raises :class:`UserFrozen` for the address of somebody who
    is being purged, :class:`ServiceError` for an address that is in use, a malformed one, or two different Unique User
    IDs.
    """
    if acting_user is not None and (password is not None or roles):
        require_confirmed()
    key = email_key_of(email)
    unique_user_id, adobe_id = optional(unique_user_id), optional(adobe_id)
    if account.kind == AccountKind.SYSTEM and kind != UserKind.INTERNAL:
        raise ServiceError(_("The system account has no external users."))
    said = {
        "name": name.strip(),
        "kind": kind,
        **_unique_id_columns(unique_user_id),
        **_login_columns(adobe_id),
        **fields,
    }
    try:
        with transaction.atomic():
            existing = _who_is_added(account, key, unique_user_id, source, roles, bring_back)
            if existing is not None:
                return _bring_back(acting_user, existing, email=email, source=source, password=password, said=said)
            user = User(account=account, email=trimmed(email), email_key=key, source=source, **said)
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
        raise _taken() from None


def _who_is_added(
    account: Account, key: str, unique_user_id: str | None, source: str, roles: Iterable[str], bring_back: int | None
) -> User | None:
    """The deleted user of the account who is meant, locked; None: nobody has the address or the ID."""
    by_address, by_id = _holders(account.pk, key, unique_user_id)
    who = by_address or by_id
    if who is None:
        return None
    # Somebody in use is in the way whatever their ID; so is whom a purge holds.
    refusal = lifecycle.adding_refusal(
        holder_of(who),
        by_address=by_address is not None,
        by_themselves=source == UserSource.SELF_REGISTRATION,
        roles=bool(tuple(roles)),
    )
    if refusal is None:
        meant = lifecycle.who_is_meant(
            holder_of(by_address) if by_address else None, holder_of(by_id) if by_id else None, unique_user_id
        )
        refusal = meant if isinstance(meant, lifecycle.Refusal) else None
    if refusal is not None:
        raise adding_refused(refusal)
    if bring_back not in (ANYBODY, who.pk):
        raise DeletedUserHasIt(who, by_address=by_address is not None)
    return who


def _holders(account_id: int, key: str, unique_user_id: str | None) -> tuple[User | None, User | None]:
    """Who has the address and who has the Unique User ID, locked in the order of their numbers."""
    mine = User.objects.filter(account_id=account_id)
    # Two look-ups by index; one OR over both columns would read the account.
    pks = set(mine.filter(email_key=key).values_list("pk", flat=True))
    if unique_user_id:
        pks.update(mine.filter(unique_user_id=unique_user_id).values_list("pk", flat=True))
    rows = list(User.objects.filter(pk__in=pks).order_by("pk").select_for_update(of=("self",))) if pks else []
    by_address = next((row for row in rows if row.email_key == key), None)
    by_id = next((row for row in rows if unique_user_id and row.unique_user_id == unique_user_id), None)
    return by_address, by_id


def _bring_back(
    acting_user: User | None, user: User, *, email: str, source: str, password: str | None, said: dict[str, Any]
) -> User:
    """What is said holds; an ID or login that is not said stays."""
    kept = {name for name in ("unique_user_id", "adobe_id") if said[name] is None}
    kept |= {key for name, key in (("unique_user_id", "unique_id_sort"), ("adobe_id", "adobe_key")) if name in kept}
    before = copy(user)
    deleted_count_change(account_id=user.account_id, month=str(user.deleted_month), by=-1)
    columns = lifecycle.brought_back(source=source, password=make_password(password))
    for name, value in {**columns, **said}.items():
        if name not in kept:
            setattr(user, name, value)
    user.name = user.name or before.name
    _change_email(user, email)
    if password is not None:
        validate_new_password(password, user)
    if user.manager_id is not None:
        _check_manager(user)
    _check_lengths(user)
    user.save()
    as_learners([user.pk])
    audit(user, acting_user, "revived", _changed_fields(before, user))
    user.was_revived = True  # type: ignore[attr-defined]
    return user


def _unique_id_columns(unique_user_id: str | None) -> dict[str, Any]:
    return {"unique_user_id": unique_user_id, "unique_id_sort": unique_id_sort_key(unique_user_id)}


def _login_columns(adobe_id: str | None) -> dict[str, Any]:
    return {"adobe_id": adobe_id, "adobe_key": adobe_key_of(adobe_id)}


def _taken() -> ServiceError:
    return ServiceError(
        _("This email address or Unique User ID is already used in this account. Choose another."), code="taken"
    )


def _check_lengths(user: User, names: Collection[str] = MEASURED) -> None:
    """That what is to be stored fits. ``names``: what was changed; the rest is as it is."""
    # A key can be longer than what it is made of: the A-labels of a domain are.
    keys = {"email": user.email_key, "adobe_id": user.adobe_key}
    for name in MEASURED:
        if name not in names:
            continue
        column: Any = User._meta.get_field(name)
        most, longest = column.max_length, max(len(getattr(user, name) or ""), len(keys.get(name) or ""))
        if most and longest > most:
            raise ServiceError(
                _("%(field)s is too long: at most %(most)d characters.") % {"field": column.verbose_name, "most": most},
                code="too_long",
            )
    if "name" in names and has_line_break(user.name):
        raise ServiceError(_("Write the name on one line: it stands in the head of a mail."), code="line_break")
    if "name" in names and not user.name:
        raise ServiceError(_("A user needs a name."), code="no_name")


def user_update(*, acting_user: User | None, user: User, **fields: Any) -> User:
    """Change a person's data, also a deleted one's email and Unique User ID. A changed address becomes a former one.

    Only what is changed is checked: a manager who has left meanwhile keeps nobody from correcting a name. Raises
    :class:`UserFrozen`, or :class:`ServiceError` when the address or ID is taken or malformed.
    """
    try:
        with transaction.atomic():
            current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
            refuse_frozen(current)
            before = copy(current)
            check_identity_change(acting_user, current, fields)
            if "email" in fields and fields["email"] != current.email:
                _change_email(current, fields["email"])
            said = {name: value for name, value in fields.items() if name != "email"}
            if "unique_user_id" in said:
                said |= _unique_id_columns(optional(said["unique_user_id"]))
            if "adobe_id" in said:
                said |= _login_columns(optional(said["adobe_id"]))
            for name, value in said.items():
                setattr(current, name, value)
            changed = _changed_fields(before, current)
            if "unique_user_id" in changed:
                _check_id_is_free(current)
            if "manager" in changed and current.manager_id is not None:
                _check_manager(current)
            _check_lengths(current, changed)
            current.save()
            if changed:
                audit(current, acting_user, "changed", changed)
    except IntegrityError:
        raise _taken() from None
    user.refresh_from_db()
    return user


def _changed_fields(before: User, current: User) -> list[str]:
    return [
        field.name
        for field in User._meta.concrete_fields
        if getattr(before, field.attname) != getattr(current, field.attname)
    ]


def _change_email(user: User, email: str) -> None:
    """Give a user an address that nobody of the account has; the one before becomes a former one."""
    key = email_key_of(email)
    own = identity_key(user.email)
    if user.email_key is None and key == own:
        # Another row has this mailbox. Where that row is gone or has another by now, this one gets its key.
        if User.objects.filter(account_id=user.account_id, email_key=key).exists():
            return
    elif lifecycle.is_move(email_key=user.email_key, shown_key=own, new_key=key):
        holder = User.objects.filter(account_id=user.account_id, email_key=key).exclude(pk=user.pk).first()
        if holder is not None:
            raise address_taken(holder_of(holder))
        FormerEmail.objects.update_or_create(
            user=user, email_key=own, defaults={"email": user.email, "ended_at": timezone.now()}
        )
        FormerEmail.objects.filter(user=user, email_key=key).delete()
    user.email, user.email_key, user.same_mailbox_as = trimmed(email), key, None


def _check_id_is_free(user: User) -> None:
    rows = User.objects.filter(account_id=user.account_id, unique_user_id=user.unique_user_id).exclude(pk=user.pk)
    holder = rows.first() if user.unique_user_id else None
    if holder is not None and holder.deleted_at is not None and holder.state == UserState.DELETED:
        raise ServiceError(
            _(
                "This Unique User ID is already used by a deleted user. "
                "Correct it in User Cleanup first, or choose another."
            ),
            code="taken",
        )


def _check_manager(user: User) -> None:
    """A manager is an active user of the same account, and nobody is the manager of their own manager.

    Where that would be so through somebody who is deleted, whom no form shows, that one's manager is emptied.
    """
    manager = user.manager
    assert manager is not None
    ours = manager.account_id == user.account_id
    if lifecycle.manager_refusal(of_the_account=ours, state=manager.state) is not None:
        raise ServiceError(_("The manager must be an active user of the same account."), code="manager")
    edges, deleted = _managers_above(manager)
    refused, give_way = lifecycle.wishes_refused({user.pk: manager.pk}, edges, deleted)
    if refused:
        raise ServiceError(_("Nobody can be their own manager, not even through others."), code="manager")
    User.objects.filter(pk__in=give_way).update(manager=None)


def _managers_above(user: User) -> tuple[dict[int, int | None], set[int]]:
    """User → manager for somebody and everybody above, and those of them who are deleted."""
    edges: dict[int, int | None] = {}
    deleted: set[int] = set()
    pk: int | None = user.pk
    while pk is not None and pk not in edges:
        manager_id, deleted_at = User.objects.values_list("manager_id", "deleted_at").get(pk=pk)
        edges[pk] = manager_id
        if deleted_at is not None:
            deleted.add(pk)
        pk = manager_id
    return edges, deleted


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
    """Mark an external user as registered, without waiting for them to do it."""
    refuse_frozen(user)
    if user.kind != UserKind.EXTERNAL or user.state != UserState.ACTIVE:
        raise ServiceError(_("Only external users in use can be made active: user %(id)s.") % {"id": user.pk})
    return user_update(acting_user=acting_user, user=user, registered=True)


def profile_change(*, acting_user: User | None, user: User, profile: ExternalProfile) -> User:
    """Move an external user to another registration profile of their account."""
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
        UNIQUE_ID_EMPTIED.fact(
            account_id=account_id,
            model="users.ExternalUser" if kind == UserKind.EXTERNAL else "users.InternalUser",
            pk=pk,
        )
        for pk, account_id, kind in stay.values_list("pk", "account_id", "kind")
    ]
