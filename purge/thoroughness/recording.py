"""Writing down how far was looked, in the transaction that follows the look, and what was beyond reach then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from importlib import import_module
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from purge.choices import Beyond, Fate, Level, Status, Store
from purge.database import dialect_of
from purge.database.looking.copies import CopyKind
from purge.host import get_host
from purge.models import Established, NotCovered, PurgeRequest
from purge.routes.scope import DOOMED_REASONS

_COPIES: Final = {
    CopyKind.STANDBY: Beyond.STANDBY,
    CopyKind.SLOT: Beyond.SLOT,
    CopyKind.ARCHIVE: Beyond.ARCHIVE,
    CopyKind.LOG: Beyond.LOG,
}
#: Backends whose content is in a table, which the pass over every text reads decoded, or is nowhere.
_CACHES_WITHIN: Final = (
    "django.core.cache.backends.db.DatabaseCache",
    "django.core.cache.backends.dummy.DummyCache",
)
#: What was noted before a request began; the rest is of its last look.
_BEFOREHAND: Final = Store.APPLICATIONS


def note_applications(purge_request: PurgeRequest) -> None:
    """Note which outside applications have data of the people who are about to go: afterwards nobody can tell."""
    waiting = purge_request.subjects.filter(role__in=DOOMED_REASONS, fate__in=(Fate.WAITING, Fate.STUCK))
    people = list(waiting.values_list("person_id", flat=True))
    found = get_host().outside_applications(people) if people else {}
    NotCovered.objects.bulk_create(
        [
            NotCovered(request=purge_request, kind=Beyond.APPLICATION, number=number, account_id=account_id)
            for number, account_id in sorted(found.items())
        ],
        ignore_conflicts=True,
    )
    _establish([purge_request], {Store.APPLICATIONS: Level.OUTSIDE}, timezone.now())


def note_completion(purge_request: PurgeRequest) -> None:
    """The proof is there: every indexed place and every text was looked at, and every stored file read.

    In the closing transaction. Only what that look reached is written down.
    """
    now = timezone.now()
    beyond = list(_seen(purge_request, now))
    outside = any(each.kind in (Beyond.CACHE, Beyond.SESSIONS) for each in beyond)
    _establish(
        [purge_request],
        {
            Store.ROWS: Level.RECORD_GONE,
            Store.TEXTS: Level.TEXTS_SEARCHED,
            Store.FILES: Level.TEXTS_SEARCHED,
            Store.CACHE: Level.OUTSIDE if outside else Level.TEXTS_SEARCHED,
            Store.PURGE_LOG: Level.OUTSIDE,
        },
        now,
    )
    NotCovered.objects.bulk_create(beyond, ignore_conflicts=True)


def note_statistics(requests: Collection[PurgeRequest], unreached: Iterable[str]) -> None:
    """The planner's statistics know nobody of these any more. ``unreached``: relations whose statistics could not be
    asked. Nothing where statistics hold no values."""
    if not dialect_of(connection).vacuums_tables:
        return
    now = timezone.now()
    _establish(requests, {Store.STATISTICS: Level.STATISTICS_CLEARED}, now)
    names = sorted(set(unreached))
    NotCovered.objects.bulk_create(
        [
            NotCovered(request=purge_request, kind=Beyond.STATISTIC, name=name[:200], seen_at=now)
            for purge_request in requests
            for name in names
        ],
        ignore_conflicts=True,
    )


def note_overwritten(requests: Collection[PurgeRequest], *, begun: datetime) -> None:
    """The tables from which these requests took something were written anew, beginning at this moment: of those that
    were completed by then nothing old is left in them."""
    done = PurgeRequest.across_accounts.filter(pk__in=[each.pk for each in requests], status=Status.COMPLETED)
    _establish(list(done.filter(completed_at__lt=begun)), {Store.SPACE: Level.SPACE_OVERWRITTEN}, timezone.now())


def forget_looks(purge_request: PurgeRequest) -> None:
    """Something was found: what was established before is not true any more, and is established anew at the end."""
    purge_request.established.exclude(store=_BEFOREHAND).delete()
    purge_request.not_covered.exclude(kind=Beyond.APPLICATION).delete()


def _establish(requests: Collection[PurgeRequest], levels: dict[Store, Level], at: datetime) -> None:
    Established.objects.bulk_create(
        [
            Established(request=purge_request, store=store, level=level, at=at)
            for purge_request in requests
            for store, level in levels.items()
        ],
        update_conflicts=True,
        unique_fields=["request", "store"],
        update_fields=["level", "at"],
    )


def _seen(purge_request: PurgeRequest, now: datetime) -> Iterator[NotCovered]:
    for kind, name, active_at in (*_of_database(), *_of_settings()):
        yield NotCovered(request=purge_request, kind=kind, name=name[:200], active_at=active_at, seen_at=now)


def _of_database() -> list[tuple[Beyond, str, datetime | None]]:
    """Who else gets the contents of the database. A server that does not say so is named itself."""
    dialect = dialect_of(connection)
    try:
        with transaction.atomic():
            found = [(_COPIES[copy.kind], copy.name, copy.at) for copy in dialect.copies()]
            logs = dialect.logs_values()
    except DatabaseError:
        return [(Beyond.SERVER, "", None)]
    return [*found, *([(Beyond.STATEMENTS, "", None)] if logs else [])]


def _of_settings() -> Iterator[tuple[Beyond, str, datetime | None]]:
    for alias, cache in sorted(settings.CACHES.items()):
        if cache["BACKEND"] not in _CACHES_WITHIN:
            yield Beyond.CACHE, alias, None
    if not hasattr(import_module(settings.SESSION_ENGINE).SessionStore, "get_model_class"):
        yield Beyond.SESSIONS, "", None
