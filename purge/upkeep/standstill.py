"""What keeps purges from going on just now: one banner on every page of those who run the platform, calm words for
everybody else where they wait.

Asked once in some seconds for each process, so that a page costs nothing; what lasts is remembered with the moment in
which it was first seen, by whichever process.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import Error, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import JournalTrouble
from purge.host import get_host
from purge.installation.storage import TEXTS, begin_storage, text_for_customers
from purge.journal import noticing
from purge.models import JournalAlarm, Standstill
from purge.selectors import workers_without_files
from purge.standing import Silence, silence_text, worker_silence
from purge.upkeep import paused
from purge.upkeep.paused import COVERAGE, FILES, HASH_KEY, OTHER_KEY, PURGE_LOG, PauseCause

WORKER: Final = "worker"
#: How long an answer is believed, in seconds.
SEEN_SECONDS: Final = 5.0
#: What an operator types next. A key is put back from its backup: the command says whether it is the right one.
COMMANDS: Final = {
    WORKER: "manage.py worker",
    FILES: "manage.py purge_storage",
    COVERAGE: "manage.py check --database default",
    HASH_KEY: "manage.py check",
    OTHER_KEY: "manage.py check",
    PURGE_LOG: "manage.py purge_journal status",
}

_seen: tuple[float, tuple[Stop, ...]] | None = None


@dataclass(frozen=True)
class Stop:
    """One cause. ``text``: for those who run the platform, with what to do; ``command``: what they type; ``calm``: for
    customers, '' where the worker is silent (:meth:`calm_text`); ``since``: None where nobody knows."""

    code: str
    text: str
    command: str
    calm: str
    since: datetime | None = None
    silence: Silence | None = None

    def calm_text(self, zone: str) -> str:
        """For customers: true, constant but for a moment, and nothing to do."""
        return silence_text(self.silence, zone) if self.silence is not None else self.calm


def stops(*, now: bool = False) -> tuple[Stop, ...]:
    """What keeps purges from going on; empty while they do. ``now``: look again, however lately somebody did."""
    global _seen
    if now or _seen is None or time.monotonic() - _seen[0] > SEEN_SECONDS:
        _seen = (time.monotonic(), _with_moments([*_worker(), *_files(), *map(_of_cause, paused.all_reasons(now=now))]))
    return _seen[1]


def forget() -> None:
    """Look again the next time."""
    global _seen
    _seen = None


def stops_for(reader: Any) -> tuple[Stop, ...]:
    """What the banner says to somebody signed in: everything to those who run the platform, nothing to customers."""
    return stops() if get_host().is_support(reader) else ()


def calm_words(reader: Any, zone: str) -> tuple[str, ...]:
    """What a customer reads on a page that waits. Whoever reads that support was told has support told."""
    found = stops()
    if not found or get_host().is_support(reader):
        return ()
    causes = tuple(PauseCause(stop.code, stop.text) for stop in found if stop.silence is None)
    if causes:
        paused.notify(causes)
    return tuple(dict.fromkeys(stop.calm_text(zone) for stop in found))


# ---------------------------------------------------------------- what there can be


def _worker() -> list[Stop]:
    silence = worker_silence(timezone.now())
    if not silence.silent or silence.trouble or silence.without_files or silence.without_key:
        return []
    text = _("Purges are paused: no worker has ever run here. Start one.")
    if silence.since is not None:
        text = _("Purges are paused: the background worker does not respond. Start one.")
    return [Stop(WORKER, text, COMMANDS[WORKER], "", silence.since, silence)]


def _files() -> list[Stop]:
    """The web sees another file storage than the database's, or a worker does."""
    if trouble := begin_storage():
        return [Stop(FILES, str(TEXTS[trouble]), COMMANDS[FILES], text_for_customers())]
    if not (away := workers_without_files()):
        return []
    text = ngettext(
        "%(n)d worker sees another file storage than the web and erases nothing. Set its MEDIA_ROOT as for the web.",
        "%(n)d workers see another file storage than the web and erase nothing. Set their MEDIA_ROOT as for the web.",
        away,
    )
    return [Stop(FILES, text % {"n": away}, COMMANDS[FILES], text_for_customers())]


def _of_cause(cause: PauseCause) -> Stop:
    command = noticing.COMMAND if cause.restored else COMMANDS[cause.code]
    return Stop(cause.code, cause.text, command, cause.calm)


# ---------------------------------------------------------------- since when


def _with_moments(found: list[Stop]) -> tuple[Stop, ...]:
    since = _remembered({stop.code for stop in found if stop.silence is None})
    if any(stop.code == PURGE_LOG for stop in found):
        first = JournalAlarm.objects.filter(kind__in=JournalTrouble.values).order_by("found_at").first()
        since |= {PURGE_LOG: first.found_at} if first is not None else {}
    return tuple(stop if stop.silence else replace(stop, since=since.get(stop.code)) for stop in found)


def _remembered(codes: set[str]) -> dict[str, datetime]:
    """When each of these was first seen; what is over is forgotten. A database that takes nothing remembers nothing."""
    with contextlib.suppress(Error), transaction.atomic():
        known = dict(Standstill.objects.values_list("code", "since"))
        if over := known.keys() - codes:
            Standstill.objects.filter(code__in=over).delete()
        if new := codes - known.keys():
            Standstill.objects.bulk_create([Standstill(code=code) for code in sorted(new)], ignore_conflicts=True)
            known = dict(Standstill.objects.values_list("code", "since"))
        return known
    return {}
