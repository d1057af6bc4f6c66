"""By which rules and tables the host has made the keys of its people: they change with ``idna`` and with Python.

A key of earlier tables may differ from the one by which its person is looked for now. Only the host can make them anew.
"""

from __future__ import annotations

from purge.addresses import IDENTITY_KEY_VERSION
from purge.installation.identity import installation
from purge.models import Installation


def keys_are_current() -> bool:
    """Whether the keys of all people were made by today's tables. One query; raises DatabaseError before migrating."""
    return not Installation.objects.exclude(people_keyed_by=IDENTITY_KEY_VERSION).exists()


def note_keys_are_current() -> None:
    """Whoever has brought the keys of all people up to date says so."""
    Installation.objects.filter(pk=installation().pk).update(people_keyed_by=IDENTITY_KEY_VERSION)
