"""The same account, administrator and deleted people as for the other pages."""

from tests.admin.conftest import account, admin, as_admin, deleted, session_to_come

__all__ = ["account", "admin", "as_admin", "deleted", "session_to_come"]
