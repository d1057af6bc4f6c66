"""What services refuse with, and the refusal of people who are being purged."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from purge.selectors import open_request_of
from users.lifecycle import Holder, Refusal
from users.models import User, UserState


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


class DeletedUserHasIt(ServiceError):
    """The address or Unique User ID of somebody to be added is a deleted user's, who can be brought back.

    ``user_id``, ``name``: that user's.
    """

    def __init__(self, user: User, *, by_address: bool) -> None:
        text = (
            _("A deleted user has this email address.") if by_address else _("A deleted user has this Unique User ID.")
        )
        super().__init__(text, code="deleted")
        self.user_id, self.name = user.pk, user.name


def refuse_frozen(user: User) -> None:
    """Raise :class:`UserFrozen` for somebody who is being purged, or reserved for it by their own account."""
    if user.state == UserState.ACTIVE:
        return
    # Also somebody whose request still waits: they are what they were, and reserved.
    if reference := own_request(user):
        raise UserFrozen(
            _("User %(id)s is being purged (request %(reference)s): nothing can be changed any more.")
            % {"id": user.pk, "reference": reference}
        )
    if user.state == UserState.PURGING:
        raise UserFrozen


def own_request(user: User) -> str:
    """The ID of the open request of their own account that holds somebody; '' when there is none."""
    return open_request_of([user.pk], account_id=user.account_id).get(user.pk, "")


def holder_of(user: User) -> Holder:
    """The user as the rules of coming and going see them."""
    return Holder(
        pk=user.pk,
        state=user.state,
        deleted=user.deleted_at is not None,
        unique_user_id=user.unique_user_id,
        reserved=user.state != UserState.ACTIVE and bool(own_request(user)),
    )


def adding_refused(refusal: Refusal) -> ServiceError:
    """In words, for whoever adds somebody."""
    match refusal:
        case Refusal.RESERVED:
            return UserFrozen(
                _("A user with this address is being purged. Wait for its completion, then add the user.")
            )
        case Refusal.FROZEN:
            return UserFrozen()
        case Refusal.TAKEN:
            return ServiceError(_("A user with this address is already in this account."), code="taken")
        case Refusal.ID_TAKEN | Refusal.ADDRESS_ELSEWHERE | Refusal.OTHER_ID:
            return ServiceError(
                _("This email address or Unique User ID is already used in this account. Choose another."),
                code="taken",
            )
        case Refusal.NOT_BY_ONESELF:
            return ServiceError(
                _("A deleted user has this address. An administrator can restore that user in User Cleanup."),
                code="deleted",
            )
        case Refusal.AS_LEARNER:
            return ServiceError(
                _("A deleted user has this address, and comes back as Learner: add without roles, then assign them."),
                code="as_learner",
            )
        case Refusal.ADDRESS_OF_DELETED:
            return ServiceError(
                _(
                    "A deleted user has this address, and another user this Unique User ID. Correct the deleted "
                    "user's address in User Cleanup first."
                ),
                code="other_id",
            )
        case _:
            return ServiceError(
                _("A deleted user with this address has another Unique User ID. Restore or purge that user first."),
                code="other_id",
            )


def address_taken(holder: Holder) -> ServiceError:
    """Somebody of the account has the address that another user is to have."""
    if holder.reserved:
        return UserFrozen(_("A user with this address is being purged. Wait until the purge is completed."))
    if holder.state == UserState.PURGING:
        return UserFrozen(_("This email address or Unique User ID is already used in this account. Choose another."))
    if holder.deleted:
        return ServiceError(
            _(
                "This email address is already used by a deleted user. "
                "Correct it in User Cleanup first, or choose another."
            ),
            code="taken",
        )
    return ServiceError(
        _("This email address or Unique User ID is already used in this account. Choose another."), code="taken"
    )


def deletion_refused(refusal: Refusal, pk: int) -> ServiceError:
    """In words, for whoever deletes somebody."""
    match refusal:
        case Refusal.ONESELF:
            return ServiceError(_("You cannot delete yourself. Ask another administrator."), code="self")
        case Refusal.LAST_ADMINISTRATOR:
            return ServiceError(
                _("User %(id)s is the last active Administrator of this account. Give somebody else the role first.")
                % {"id": pk},
                code="last_administrator",
            )
        case _:
            return ServiceError(_("User %(id)s is deleted already.") % {"id": pk}, code="deleted")


def restoring_refused(refusal: Refusal, user: User) -> ServiceError:
    """In words, for whoever restores somebody."""
    match refusal:
        case Refusal.NOT_DELETED:
            return ServiceError(_("User %(id)s is not deleted.") % {"id": user.pk}, code="active")
        case Refusal.RESERVED:
            return UserFrozen(
                _("User %(id)s is being purged and cannot be restored. %(reference)s")
                % {"id": user.pk, "reference": own_request(user)}
            )
        case _:
            return UserFrozen(_("User %(id)s cannot be restored at the moment. Try again later.") % {"id": user.pk})
