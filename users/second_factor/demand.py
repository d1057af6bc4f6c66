"""Of whom a second factor is demanded."""

from __future__ import annotations

from django.conf import settings

from users.models import AccountKind, User
from users.permissions import PURGE_PERMISSION


def is_demanded_of(user: User) -> bool:
    """Whoever runs the platform, where it is reached by https; whoever may purge, where their account says so."""
    if user.is_superuser or user.is_support or user.account.kind == AccountKind.SYSTEM:
        return bool(settings.LMS_HTTPS)
    return bool(user.account.second_factor_demanded and user.has_perm(PURGE_PERMISSION))
