"""What the queue calls: an id in, a service called."""

from __future__ import annotations

from users import imports


def run_import(log_id: int) -> None:
    """Import a stored file, or go on with it."""
    imports.run_import(log_id)
