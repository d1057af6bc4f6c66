"""Whether the site is closed to everybody but its operators, since a backup was restored and people who were purged
after it may be back in the database: :func:`site_is_fenced` decides, whoever lets people in or writes to them asks it.

It is closed while outcomes of this installation stand in the purge log that this database does not know, or knows as
less far. A lost or damaged log alone does not close it, and neither does a database that was emptied, changed for
another one, or declared a copy: no line of theirs is unknown to them.

Asked on each request, so an answer is believed for some seconds. A look while nothing is new costs one statement and
the sizes of the log's files; files are read only where they go on behind what this database has read.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import Error, connection

from purge.host import get_host
from purge.journal import noticing
from purge.journal.brought_back import brought_back
from purge.models import JournalAlarm

logger = logging.getLogger(__name__)

#: How long an answer is believed, in seconds: after a restore underneath it the site goes on no longer than this.
SEEN_SECONDS: Final = 4.0
#: And how long one that could not be got, which is the one before.
AGAIN_SECONDS: Final = 0.5
#: Seconds after which somebody who meets the closed site may try again.
RETRY_SECONDS: Final = 120


@dataclass(frozen=True)
class _Seen:
    at: float
    older: bool


_seen: _Seen | None = None
_looking = threading.Lock()
#: Whom the restored backup brought back, and for which requests that was asked.
_returned: tuple[frozenset[str], frozenset[int]] | None = None


def site_is_fenced(*, now: bool = False) -> bool:
    """Whether nobody but operators is let in or written to. ``now``: look, however lately somebody did.

    Raises nothing: while nobody can tell, it is as it was.
    """
    return bool(settings.PURGE_SITE_FENCE) and is_older(now=now)


def is_older(*, now: bool = False) -> bool:
    """Whether this database is older than its purge log, whatever is done about it."""
    global _seen
    seen = _seen
    if seen is not None and not now and time.monotonic() - seen.at < SEEN_SECONDS:
        return seen.older
    if connection.in_atomic_block:
        # The database would be asked as it was when the transaction began, and the log as it is.
        return seen is not None and seen.older
    if not _looking.acquire(blocking=seen is None or now):
        return seen.older if seen is not None else False  # another thread is looking
    try:
        if not now and _seen is not None and _seen is not seen:
            return _seen.older  # it has
        _seen = _look(_seen)
        return _seen.older
    finally:
        _looking.release()


def _look(before: _Seen | None) -> _Seen:
    now = time.monotonic()
    try:
        return _Seen(now, noticing.is_older())
    except (OSError, Error) as error:
        # A restore ends the connections to the database: the first look after it may find none.
        logger.warning("purge log: whether the database is older than it could not be seen (%s)", type(error).__name__)
        return _Seen(now - SEEN_SECONDS + AGAIN_SECONDS, before is not None and before.older)


def forget() -> None:
    """Look the next time."""
    global _seen, _returned
    _seen = _returned = None


def lets_in(user: Any) -> bool:
    """Whether this user may sign in, act and be written to now: everybody while the site is open, operators alone
    while it is closed, and of those nobody whom the restored backup brought back."""
    if not site_is_fenced():
        return True
    return get_host().is_support(user) and user.pk not in _people_who_are_back()


def _people_who_are_back() -> frozenset[int]:
    """Row numbers; asked of the log once for each set of requests. Nobody where it cannot be read: operators
    have to come in to mend that, though one of them may be among those who are back."""
    global _returned
    references = frozenset(JournalAlarm.objects.exclude(reference="").values_list("reference", flat=True))
    if _returned is None or _returned[0] != references:
        try:
            found = brought_back(references, noticing.chains_of_this_database())
        except OSError as error:
            logger.warning("purge log: who is back could not be read (%s)", type(error).__name__)
            return frozenset()
        _returned = (references, frozenset(number for numbers in found.values() for number in numbers))
    return _returned[1]
