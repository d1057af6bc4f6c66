"""The session store: Django's database sessions, which also know whose they are."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from users.models import Session, User, UserState


class SessionStore(DatabaseStore):
    """``settings.SESSION_ENGINE``. A person's sessions are found, and end, by his id."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session: Any = super().create_model_instance(data)
        session.user_id = self._owner(data)
        return cast(Session, session)

    def _owner(self, data: dict[str, Any]) -> int | None:
        """Whose session it is; nobody's when he may not have one any more (the row would keep him from going)."""
        try:
            owner = int(data.get(SESSION_KEY, ""))
        except ValueError:
            return None
        return owner if User.objects.filter(pk=owner, state=UserState.ACTIVE).exists() else None
