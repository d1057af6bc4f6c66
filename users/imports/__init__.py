"""The user CSV import: reading (files), mapping (columns), rows (what they say), loading (people), services."""

from users.imports.services import (
    LinkDead,
    import_file_open,
    run_import,
    user_import_confirm,
    user_import_start,
)

__all__ = ["LinkDead", "import_file_open", "run_import", "user_import_confirm", "user_import_start"]
