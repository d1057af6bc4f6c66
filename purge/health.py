"""``/healthz``: whether all is well, for the load balancer and whoever is on call. Numbers and times only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from purge.choices import Status
from purge.models import PurgeRequest
from purge.selectors import worker_beat, worker_is_alive, workers_without_files
from purge.storage_marker import begin_storage

#: Reading all migration files takes a while, and what has run once has run for good.
_migrated = False


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers, migrations have run, a worker is alive and all see the same files; else 503."""
    try:
        report = health()
    except Error:
        return JsonResponse({"ok": False, "database": False}, status=503)
    return JsonResponse(report, status=200 if report["ok"] else 503)


def health() -> dict[str, Any]:
    """The state of the installation. Raises a database error when the database does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    pending = pending_migrations()
    if pending:
        return {"ok": False, "database": True, "migrations_pending": pending}
    now = timezone.now()
    beat = worker_beat()
    queued = PurgeRequest.objects.filter(status=Status.QUEUED)
    storage = begin_storage()
    return {
        "ok": worker_is_alive() and not storage and not workers_without_files(),
        "database": True,
        "migrations_pending": 0,
        "file_storage": storage or "ok",
        "workers_without_files": workers_without_files(),
        "worker_seconds_ago": _seconds(beat.beat_at if beat else None, now),
        "oldest_queued_seconds": _seconds(
            queued.order_by("accepted_at").values_list("accepted_at", flat=True).first(), now
        ),
        "open": PurgeRequest.objects.open().count(),
        "overdue": PurgeRequest.objects.overdue().count(),
        "held": PurgeRequest.objects.filter(status=Status.HELD).count(),
        "needs_attention": PurgeRequest.objects.filter(status=Status.NEEDS_ATTENTION).count(),
        "residue": PurgeRequest.objects.filter(status=Status.RESIDUE).count(),
    }


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
