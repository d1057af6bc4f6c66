"""The one place that knows the queue's library.

The queue only delivers: what is claimed, tried, done stands in our own tables. A task is put in inside the caller's
transaction, so it commits or rolls back with the change that asks for it. Arguments are ids, nothing else.
"""

from __future__ import annotations

from django_q.tasks import async_task


def enqueue(task: str, *ids: int | str) -> None:
    """Put a task in: ``task`` is the dotted path of a function in a ``tasks`` module, ``ids`` its arguments."""
    async_task(task, *ids)


def enqueue_request(request_id: int) -> None:
    enqueue("purge.tasks.run_request", request_id)
