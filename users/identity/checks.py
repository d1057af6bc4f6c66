"""A system check: are the keys of people those that today's tables make?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError

from purge.installation.keying import keys_are_current


@checks.register(checks.Tags.database)
def check_keys(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """users.W001: after a new Python or ``idna``, somebody may have a key by which nobody finds them. Asks for the
    noted version alone, and reads nobody's row."""
    if not databases or "default" not in databases:
        return []
    try:
        if keys_are_current():
            return []
    except DatabaseError:
        return []
    return [
        checks.Warning(
            "The keys of users were made by the tables of another Python, or of another release of the package idna: "
            "a user with an internationalised address or login may not be found by it.",
            hint="Run manage.py identity_report --rekey.",
            id="users.W001",
        )
    ]
