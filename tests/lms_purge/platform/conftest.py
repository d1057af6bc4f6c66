"""The people of the platform's own tests."""

from tests.users.conftest import account, admin_user, ann, signed_in, stranger

__all__ = ["account", "admin_user", "ann", "signed_in", "stranger"]
