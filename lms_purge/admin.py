"""The admin pages that belong to no single app: Django looks for them here."""

from lms_purge.backoffice import adminlog
from lms_purge.cleanup import admin as cleanup

__all__ = ["adminlog", "cleanup"]
