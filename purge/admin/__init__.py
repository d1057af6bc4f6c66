"""The admin pages of the engine. Importing it registers them."""

from purge.admin import notices, requests

__all__ = ("notices", "requests")
