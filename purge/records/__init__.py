"""What stands beside an identifier and is its person's too, and how it leaves without breaking what it stands in."""

from purge.records.beside import without_names
from purge.records.objects import ERASED_ACCOUNT, redact_objects
from purge.records.salted import without_salted

__all__ = ["ERASED_ACCOUNT", "redact_objects", "without_names", "without_salted"]
