"""What the services of one person have in common: the row as it is now, whether it can be saved, the audit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from users.models import User, UserAudit
from users.services.refusals import ServiceError, refuse_frozen
from users.sign_in.confirmed import require_confirmed


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


def export_begin(*, acting_user: User | None, what: str, number: int | None = None, of_many: bool = True) -> None:
    """Called before people's data leave the site: asks again who it is, and notes what is taken out, and the number of
    the row that it is of. ``of_many``: what holds one person alone is noted and not asked about. An operator's command
    (``acting_user`` None) is its own record."""
    if acting_user is None:
        return
    if of_many:
        require_confirmed()
    audit(acting_user, acting_user, "data taken out", [what if number is None else f"{what} {number}"])


def stored_file_export(*, acting_user: User, row: Any, field: str, of_many: bool) -> Any:
    """A stored file of a row, to be handed out, and to be closed; None where there is none any more. As
    :func:`export_begin`."""
    with transaction.atomic():
        export_begin(acting_user=acting_user, what=str(row._meta.model_name), number=row.pk, of_many=of_many)
        stored = getattr(row, field)
        if stored and stored.storage.exists(stored.name):
            return stored.open("rb")
        transaction.set_rollback(True)
    return None
