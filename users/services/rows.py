"""What the services of one person have in common: the row as it is now, whether it can be saved, the audit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from users.models import User, UserAudit
from users.services.refusals import ServiceError, refuse_frozen


def locked(user: User) -> User:
    """The row as it is now, locked; refuses people who are being purged. The object in hand may be older."""
    current: User | None = User.objects.select_for_update(of=("self",)).filter(pk=user.pk).first()
    if current is None:
        raise ServiceError(_("User %(id)s does not exist any more.") % {"id": user.pk}, code="gone")
    refuse_frozen(current)
    return current


def validated(row: Any) -> None:
    try:
        row.full_clean(exclude=["creator"], validate_unique=True)
    except ValidationError as error:
        raise ServiceError("; ".join(error.messages), code="invalid") from None


def audit(user: User, actor: User | None, event: str, fields: Iterable[str] = ()) -> None:
    """Note what somebody did: words of ours, names of columns, numbers of rows; never a value."""
    UserAudit.objects.create(user=user, actor=actor, event=event, fields=", ".join(fields)[:300])


def export_note(*, acting_user: User, what: str, number: int | None = None) -> None:
    """Note that somebody takes people's data out of the site: what, and the number of the row that it is of."""
    audit(acting_user, acting_user, "data taken out", [what if number is None else f"{what} {number}"])
