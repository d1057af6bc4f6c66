"""The system check that tells of a missing encryption key, before anything is migrated or served."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from keys.encryption import HINT


@checks.register("keys")
def check_encryption_key(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """keys.E001: nothing can be encrypted. As a check of every command, it stops ``migrate`` before its first step."""
    if settings.LMS_ENCRYPTION_KEYS:
        return []
    return [checks.Error("The key for stored secrets is missing.", hint=HINT, id="keys.E001")]
