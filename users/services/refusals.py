"""What services refuse with, and the refusal of people who are being purged."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from purge.selectors import open_request_of
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
