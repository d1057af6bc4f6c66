"""The keys of what a person is known by. An absent identifier is NULL, never ''."""

from __future__ import annotations

from django.utils.translation import gettext as _

from purge.addresses import identity_key, is_address, trimmed
from users.services.refusals import ServiceError


def email_key_of(email: str) -> str:
    """The key of a whole address, which says whose it is. Raises :class:`ServiceError` when it is none."""
    if not is_address(email):
        raise ServiceError(_("This is not an email address. Type one such as name@company.example."), code="malformed")
    return identity_key(email)


def adobe_key_of(adobe_id: str | None) -> str | None:
    """The key of a login at the identity provider; an absent one is NULL, never ''."""
    return (identity_key(adobe_id) or None) if adobe_id else None


def unique_id_sort_key(unique_user_id: str | None) -> str | None:
    return unique_user_id.casefold()[:200] if unique_user_id else None


def optional(text: str | None) -> str | None:
    """An absent identifier is NULL, never ''."""
    return trimmed(text or "") or None
