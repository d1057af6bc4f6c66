"""The session store: Django's database sessions, which also know whose they are, and of which no row is a key.

The cookie carries the key; the table knows a digest of it. Whoever reads the table, a backup or a page that names one
of its rows has nothing to sign in with.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from users.models import Session, User, UserState

#: A sign-in that waits for its second step: {"user": number, …} (:mod:`users.second_factor.unfinished`), and how long.
UNFINISHED = "unfinished_sign_in"
UNFINISHED_SECONDS = 600
#: When somebody signed in in a session, and was last seen in it: seconds since 1970, in its data.
BEGAN = "began_at"
SEEN = "seen_at"


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


def digest_of(key: str) -> str:
    """What the table knows of a session's key: SHA-256, 64 hexadecimal digits. The key is random: no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """``settings.SESSION_ENGINE``. A person's sessions are found, and end, by the person's id.

    ``session_key`` is the key of the cookie, here as in Django; every query asks for its digest.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        #: From where, for the list of one's own sessions: columns of the row, which no other code writes.
        self.origin: dict[str, Any] = {}

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _row(self, key: str | None) -> Any:
        return Session.objects.filter(session_key=digest_of(key or ""))

    def _get_session_from_db(self) -> Session | None:
        row: Session | None = self._row(self.session_key).filter(expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        else:
            self.origin = {"browser": row.browser, "ip_address": row.ip_address}
        return row

    async def _aget_session_from_db(self) -> Session | None:
        return await sync_to_async(self._get_session_from_db)()

    def exists(self, session_key: str) -> bool:
        return bool(self._row(session_key).exists())

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            self._row(key).delete()

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session: Any = super().create_model_instance(data)
        session.session_key = digest_of(session.session_key)
        session.user_id = self._owner(data)
        session.began_at, session.seen_at = _moment(data.get(BEGAN)), _moment(data.get(SEEN))
        for column, value in self.origin.items():
            setattr(session, column, value)
        return cast(Session, session)

    def flush(self) -> None:
        self.origin = {}
        super().flush()

    # ------------------------------------------------------------ how long it lasts

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Seconds from now. Of somebody who is signed in: until they have been idle for too long, and no longer than
        the absolute limit, whatever is saved in it meanwhile."""
        began, seen = self.get(BEGAN), self.get(SEEN)
        if began is None or seen is None:
            if (unfinished := self.get(UNFINISHED)) is not None:
                return max(0, int(unfinished["at"] + UNFINISHED_SECONDS - time.time()))
            return int(super().get_expiry_age(**kwargs))
        ends = min(began + settings.SESSION_COOKIE_AGE, seen + settings.LMS_SESSION_IDLE)
        return max(0, int(ends - time.time()))

    def get_expiry_date(self, **kwargs: Any) -> Any:
        return timezone.now() + timedelta(seconds=self.get_expiry_age(**kwargs))

    async def acreate_model_instance(self, data: dict[str, Any]) -> Session:
        return await sync_to_async(self.create_model_instance)(data)

    def _owner(self, data: dict[str, Any]) -> int | None:
        """Whose session it is, or whose sign-in waits in it; nobody's when they may not have one any more (the row
        would keep them from going)."""
        try:
            owner = int(data.get(SESSION_KEY) or data.get(UNFINISHED, {}).get("user", ""))
        except ValueError:
            return None
        return owner if User.objects.filter(pk=owner, state=UserState.ACTIVE).exists() else None
