"""Whether all is well, for load balancers and whoever is on call. Numbers, times and fixed words only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Q
from django.utils import timezone

from purge.choices import Status
from purge.installation.storage import begin_storage
from purge.journal import noticing
from purge.journal.homes import home_troubles
from purge.journal.site_fence import site_is_fenced
from purge.models import PurgeRequest
from purge.selectors import held_back, last_pass_ended, worker_beat, worker_is_alive, workers_without_files
from purge.upkeep.paused import PURGE_LOG, reasons

AGREES, OK = "agrees", "ok"
#: Of the counts: while one of these is above nought, an operator has to act.
FOR_OPERATORS = ("overdue", "held", "needs_attention", "residue")
#: Reading all migration files takes a while, and what has run once has run for good.
_migrated = False


def health() -> dict[str, Any]:
    """The state of the installation. Raises a database error when the database does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    pending = pending_migrations()
    if pending:
        return {"ok": False, "database": True, "migrations_pending": pending}
    now = timezone.now()
    beat = worker_beat()
    purge_log, unknown, command = _purge_log()
    queued = PurgeRequest.across_accounts.filter(status=Status.QUEUED)
    storage, away = begin_storage(), workers_without_files()
    not_cleaned_up, holders = held_back()
    homes = home_troubles()
    paused = [reason.code for reason in reasons()] + [PURGE_LOG] * (purge_log != AGREES or bool(homes))
    return {
        "ok": worker_is_alive() and not storage and not away and not paused,
        "database": True,
        "migrations_pending": 0,
        "paused": paused,
        "file_storage": storage or OK,
        "workers_without_files": away,
        "worker_seconds_ago": _seconds(beat.beat_at if beat else None, now),
        "oldest_queued_seconds": _seconds(
            queued.order_by("accepted_at").values_list("accepted_at", flat=True).first(), now
        ),
        **_counts(now),
        "patrol_seconds_ago": _seconds(last_pass_ended(), now),
        "purge_log": purge_log,
        "purge_log_homes": OK if not homes else sorted({trouble.kind for trouble in homes}),
        "unknown_purges": unknown,
        "site_paused": site_is_fenced(),
        "next_command": command,
        "not_cleaned_up": not_cleaned_up,
        "clean_up_waits_for": [
            {"kind": holder.kind, "name": holder.name, "seconds": holder.seconds} for holder in holders
        ],
    }


def needs_somebody(report: Mapping[str, Any]) -> bool:
    """Whether an operator has to act, by a report of :func:`health`: something is not well, or a request waits for
    one."""
    return not report["ok"] or any(report[count] for count in FOR_OPERATORS)


def _counts(now: datetime) -> dict[str, int]:
    """How many requests are open, late, and wait for people."""
    return PurgeRequest.across_accounts.open().aggregate(
        open=Count("pk"),
        overdue=Count("pk", filter=Q(due_at__lt=now)),
        held=Count("pk", filter=Q(status=Status.HELD)),
        needs_attention=Count("pk", filter=Q(status=Status.NEEDS_ATTENTION)),
        residue=Count("pk", filter=Q(status=Status.RESIDUE)),
    )


def _purge_log() -> tuple[str, int, str]:
    """What the purge log says to this database, how many purges this one does not know, or not so far, and what an
    operator then types."""
    try:
        trouble = noticing.glance()
    except OSError:
        return "The purge log cannot be read.", 0, ""
    command = noticing.COMMAND if trouble.is_older else ""
    return " ".join(trouble.sentences) or AGREES, trouble.unknown + trouble.behind, command


def pending_migrations() -> int:
    """How many migrations have not run."""
    global _migrated
    if _migrated:
        return 0
    executor = MigrationExecutor(connection)
    pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _migrated = pending == 0
    return pending


def _seconds(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else round((now - since).total_seconds())
