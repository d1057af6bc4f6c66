"""What stands beside an identifier and is its person's too, and how it leaves without breaking what it stands in."""

from purge.records.objects import ERASED_ACCOUNT, redact_objects
from purge.records.texts import redact_text

__all__ = ["ERASED_ACCOUNT", "redact_objects", "redact_text"]
