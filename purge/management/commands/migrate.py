"""``manage.py migrate``"""

from typing import Any

from django.core.management.commands import migrate


class Command(migrate.Command):
    """Django's own. What system checks say of the database keeps nobody from migrating: that may be what mends it."""

    def check(self, *args: Any, **kwargs: Any) -> None:
        super().check(*args, **{**kwargs, "databases": None})
