"""Why nothing can be purged at the moment, for whoever can mend it; and calm words for everybody else.

A table that somebody made without a rule, a key that is not there, or a database that is older than its purge log stops
every purge of every customer. The ones who can mend it are told before the customers find out, and no customer is told
to run a command.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.hashing import HashKeyMissing, fingerprint
from purge.host import get_host
from purge.installation.storage import TEXTS, UNMARKED, storage_trouble
from purge.journal import noticing
from purge.journal.homes import home_troubles
from purge.models import PurgeRequest
from purge.rules.coverage import all_gaps

COVERAGE, HASH_KEY, OTHER_KEY, PURGE_LOG, FILES = "coverage", "hash_key", "other_hash_key", "purge_log", "file_storage"
#: The notification's kind.
KIND = "paused"
#: Such a notification is of no request.
NO_REQUEST: Final = 0
#: Places without a rule that a sentence names.
MOST_NAMED = 5
#: How long an answer is believed where pages only look, in seconds: the catalogue is read for it.
SEEN_SECONDS: Final = 60.0

_seen: tuple[float, tuple[PauseCause, ...]] | None = None


@dataclass(frozen=True)
class PauseCause:
    """``code``: stable, for ``/healthz`` and refusals. ``text``: for those who can mend it, with what to do.
    ``refuses``: nothing is accepted meanwhile (otherwise nothing completes). ``restored``: a backup was put in."""

    code: str
    text: str
    refuses: bool = True
    restored: bool = False

    @property
    def calm(self) -> str:
        """For those who cannot: constant, and true, since support is told whenever it is said."""
        if self.code == COVERAGE:
            return _("Purging is paused while we check a change to the database. Support has been notified.")
        if self.restored:
            return _("Purging is paused while we check a backup that was restored. Support has been notified.")
        return _("Purging is paused while we check the installation. Support has been notified.")


def reasons(*, now: bool = False) -> tuple[PauseCause, ...]:
    """Why purging is paused; empty while it is not. ``now``: look again, however lately somebody did."""
    global _seen
    if now or _seen is None or time.monotonic() - _seen[0] > SEEN_SECONDS:
        _seen = (time.monotonic(), (*_gaps(), *_key()))
    return _seen[1]


def all_reasons(*, now: bool = False) -> tuple[PauseCause, ...]:
    """The same, and what the purge log says, which is looked at each time: it costs a few questions. Whether its homes
    take the next line was seen some seconds ago, but where ``now``."""
    return (*reasons(now=now), *_purge_log(), *_homes(now=now))


def forget() -> None:
    """Look again the next time."""
    global _seen
    _seen = None


def _gaps() -> list[PauseCause]:
    gaps = all_gaps()
    if not gaps:
        return []
    text = ngettext(
        "Nothing is purged while %(n)d place that may hold personal data has no rule: %(places)s. "
        "Run manage.py check --database default and add the rule.",
        "Nothing is purged while %(n)d places that may hold personal data have no rule: %(places)s. "
        "Run manage.py check --database default and add the rules.",
        len(gaps),
    )
    return [PauseCause(COVERAGE, text % {"n": len(gaps), "places": ", ".join(gap.where for gap in gaps[:MOST_NAMED])})]


def _key() -> list[PauseCause]:
    try:
        present = fingerprint()
    except HashKeyMissing as error:
        return [PauseCause(HASH_KEY, str(error))]
    if PurgeRequest.across_accounts.open().exclude(key_fingerprint=present).exists():
        text = _(
            "PURGE_HASH_KEY is not the key that made the hashes of open requests: none of them completes. Set it back "
            "to the key in your backup."
        )
        return [PauseCause(OTHER_KEY, text, refuses=False)]
    return []


def _purge_log() -> list[PauseCause]:
    try:
        trouble = noticing.glance()
    except OSError:
        return [
            PauseCause(PURGE_LOG, _("The purge log cannot be read: mount it, or look at the rights of its folder."))
        ]
    return [PauseCause(PURGE_LOG, trouble.for_operators, restored=trouble.is_older)] if trouble else []


def _homes(*, now: bool) -> list[PauseCause]:
    """Homes of the purge log that would not take the line of the next purge."""
    return [PauseCause(PURGE_LOG, trouble.text) for trouble in home_troubles(now=now)]


def of_storage(trouble: str) -> PauseCause:
    """The file storage that this process sees is not the database's: why, and what to do. Pages say it apart."""
    return PauseCause(FILES, str(TEXTS[trouble]))


def notify(found: tuple[PauseCause, ...]) -> int:
    """Tell support and operators, once a day while it lasts; how many were told now."""
    host = get_host()
    return host.notify(
        kind=KIND,
        reference="",
        request_id=NO_REQUEST,
        account_id=None,
        recipients=[*host.support_staff(), *host.operators()],
        facts={"says": "\n".join(reason.text for reason in found)},
        occurrence=timezone.now().date().toordinal(),
        operators_mailbox=True,
    )


def notify_if_paused() -> int:
    """For the clock, which sees the files as its worker does."""
    found = all_reasons(now=True)
    trouble = storage_trouble(now=True)
    if trouble not in ("", UNMARKED):  # which is nothing to mend: the web has not been started yet
        found = (*found, of_storage(trouble))
    return notify(found) if found else 0
