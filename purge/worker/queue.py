"""The one place that knows the queue's library.

The queue only delivers: what is claimed, tried, done stands in our own tables. A task is put in inside the caller's
transaction, so it commits or rolls back with the change that asks for it. Arguments are ids, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from purge.database.chunks import streamed

REQUEST_TASK = "purge.tasks.run_request"
CANARY_TASK = "purge.tasks.beat"
PATROL_TASK = "purge.tasks.patrol"
COMPACT_TASK = "purge.tasks.compact"
REMIND_TASK = "purge.tasks.remind"
EVIDENCE_TASK = "purge.tasks.clear_evidence"


def enqueue(task: str, *ids: int | str) -> None:
    """Put a task in: ``task`` is the dotted path of a function in a ``tasks`` module, ``ids`` its arguments."""
    async_task(task, *ids, task_name=_name_of(task, *ids))


def enqueue_request(request_id: int) -> None:
    enqueue(REQUEST_TASK, request_id)


def enqueue_pass() -> None:
    """Put a pass over every text in, which may take long, unless one waits already."""
    if not any(task.get("func") == PATROL_TASK for task in _tasks(OrmQ.objects.all())):
        async_task(PATROL_TASK, task_name=_name_of(PATROL_TASK), q_options={"timeout": PATROL_SECONDS})


def enqueue_compaction() -> None:
    """Put in the clean-up of what purges left in the database's files, unless one waits already."""
    if not any(task.get("func") == COMPACT_TASK for task in _tasks(OrmQ.objects.all())):
        enqueue(COMPACT_TASK)


def _name_of(task: str, *ids: int | str) -> str:
    """What the library calls a task in its log and its tables: what is done, and with which row. By itself it would
    make up a nickname."""
    return " ".join([task.rpartition(".")[2], *map(str, ids)])[:100]


# ---------------------------------------------------------------- what is in it


def queue_length() -> int:
    """How many tasks wait or are being worked on."""
    return int(OrmQ.objects.count())


def queued_requests() -> set[int]:
    """Ids of the requests for which a task waits, or was delivered no longer ago than a claim lasts.

    One that was delivered before and is in the queue still belongs to a worker that was killed: the queue would bring
    it again only after ``retry`` seconds.
    """
    delivered_lately = timezone.now() + timedelta(seconds=settings.Q_RETRY - settings.PURGE_LEASE_SECONDS)
    rows = OrmQ.objects.filter(Q(lock=None) | Q(lock__lte=timezone.now()) | Q(lock__gt=delivered_lately))
    return {int(task["args"][0]) for task in _tasks(rows) if task.get("func") == REQUEST_TASK and task.get("args")}


def waiting_canaries() -> int:
    """How many canaries nobody has taken yet."""
    rows = OrmQ.objects.filter(Q(lock=None) | Q(lock__lte=timezone.now()))
    return sum(1 for task in _tasks(rows) if task.get("func") == CANARY_TASK)


def _tasks(rows: Any) -> Iterator[dict[str, Any]]:
    """Decoded tasks; one that was signed with another key tells nothing, and the cluster throws it away."""
    for row in streamed(rows, 500):
        yield row.task


# ---------------------------------------------------------------- by the clock

#: The hour of the night, in the site's time zone, when nobody minds a pass over every text; how long it may take.
PATROL_HOUR = 2
PATROL_SECONDS = 6 * 60 * 60
SCHEDULE_COLUMNS = ("func", "schedule_type", "minutes", "kwargs")


def schedules() -> dict[str, dict[str, Any]]:
    """What is done by the clock: name → columns of the library's row. ``PURGE_SCHEDULES`` adds other apps' tasks."""
    wanted = {
        "purge: patrol": (PATROL_TASK, 24 * 60, {"q_options": {"timeout": PATROL_SECONDS}}),
        # Each purge asks for it; this is for what somebody left who died at it.
        "purge: vacuum": (COMPACT_TASK, 60, {}),
        "purge: deadlines": (REMIND_TASK, 60, {}),
        "purge: evidence": (EVIDENCE_TASK, 24 * 60, {}),
        **{name: (task, minutes, {}) for name, (task, minutes) in settings.PURGE_SCHEDULES.items()},
    }
    return {
        name: {
            "func": task,
            "schedule_type": Schedule.MINUTES,
            "minutes": minutes,
            # The library reads it as Python writes it.
            "kwargs": repr({"task_name": _name_of(task), **options}),
        }
        for name, (task, minutes, options) in wanted.items()
    }


def ensure_schedules() -> None:
    """Make what is missing, mend what is different. Cheap when all is there; two machines may do it at once."""
    wanted = schedules()
    present: dict[str, list[dict[str, Any]]] = {}
    for row in Schedule.objects.filter(name__in=wanted).order_by("pk").values("pk", "name", *SCHEDULE_COLUMNS):
        present.setdefault(row["name"], []).append(row)
    for name, columns in wanted.items():
        rows = present.get(name, [])
        if not rows:
            Schedule.objects.create(name=name, repeats=-1, next_run=_first_run(columns["minutes"]), **columns)
        elif any(rows[0][column] != columns[column] for column in SCHEDULE_COLUMNS):
            Schedule.objects.filter(pk=rows[0]["pk"]).update(**columns)
        # The library's names are not unique: another machine may have made the same at the same moment.
        Schedule.objects.filter(pk__in=[row["pk"] for row in rows[1:]]).delete()


def _first_run(minutes: int) -> datetime:
    """What is done once a day begins in the coming night, the rest soon."""
    if minutes < 24 * 60:
        return timezone.now() + timedelta(minutes=1)
    tomorrow = timezone.localtime() + timedelta(days=1)
    return tomorrow.replace(hour=PATROL_HOUR, minute=30, second=0, microsecond=0)
