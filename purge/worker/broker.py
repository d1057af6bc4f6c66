"""What the queue's library fetches its tasks with: as its own does, but none that touches people while the site is
closed (:mod:`purge.journal.site_fence`).

A task of a restored database may be a mail to somebody who was purged since, or an import that adds them again. Such
tasks stay where they are, and in their order, until operators have dealt with it; what looks, mends and tells them goes
on. Asked anew before each task is fetched: a worker may have run before the restore.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from purge.journal.site_fence import site_is_fenced
from purge.worker.queue import CANARY_TASK, COMPACT_TASK, PATROL_TASK, REMIND_TASK, REQUEST_TASK

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: What looks, mends, or tells operators. A request is claimed or left alone by its own rules (purge.run.claims).
GOES_ON: Final = frozenset({CANARY_TASK, PATROL_TASK, COMPACT_TASK, REMIND_TASK, REQUEST_TASK})
#: Among so many of the newest tasks one is looked for that may go on: what waits before them waits.
MOST_LOOKED_AT: Final = 200
#: Seconds between two looks of a worker that has nothing to do: less than a light purge takes. A look is one statement
#: without the library's models, which costs a fifth of one with them; a notification of PostgreSQL's would not come
#: through a pooler that gives each transaction another session, and SQLite has none.
LOOK_SECONDS: Final = 0.05
LOOK: Final = 'SELECT 1 FROM django_q_ormq WHERE "key" = %s AND "lock" < %s LIMIT 1'


class FencedQueue(ORM):
    """Named in ``Q_CLUSTER``."""

    _fenced = False

    @staticmethod
    def get_connection(list_key: str | None = None) -> QuerySet[OrmQ]:
        """In the order in which tasks were put in; the library names none (``findings``: the order of its queue)."""
        tasks: QuerySet[OrmQ] = ORM.get_connection(list_key).order_by("pk")
        return tasks

    def dequeue(self) -> list[tuple[int, str]] | None:
        waiting = self.get_connection().filter(key=self.list_key, lock__lt=timezone.now())
        newest = list(waiting.order_by("-pk")[: MOST_LOOKED_AT if self._fenced else 1])
        self._fenced = bool(newest) and site_is_fenced(now=True)
        if newest and not self._fenced:
            found: list[tuple[int, str]] | None = super().dequeue()
            return found
        for row in reversed(newest):
            if row.task.get("func") in {*GOES_ON, *settings.PURGE_TASKS_WHILE_FENCED} and self._is_mine(row):
                return [(row.pk, row.payload)]
        if newest:
            time.sleep(Conf.POLL)  # what waits has to wait
        else:
            self._wait()
        return None

    def _wait(self) -> None:
        """As long as the library would, or until there is something to fetch."""
        until = time.monotonic() + Conf.POLL
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(LOOK_SECONDS, left))
            if self._something_waits():
                return

    def _something_waits(self) -> bool:
        connection = connections[Conf.ORM]
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(LOOK, [self.list_key, now])
            return cursor.fetchone() is not None

    def _is_mine(self, row: OrmQ) -> bool:
        """Whether no other cluster was faster."""
        same = self.get_connection().filter(pk=row.pk, lock=row.lock)
        return bool(same.update(lock=self.timeout(row)))
