"""What keeps a worker working: it starts the queue's cluster, listens for its canary, and puts lost work in again.

The cluster can lose tasks, and can wedge without a word (a killed idle process that held the queue's lock). So a canary
task is put in again and again; when the cluster has shown no sign of life for too long, all of it is killed and started
anew. And every few seconds requests that are due and claimed by nobody are put into the queue again: delivery is only
an alarm clock. Several machines may each run one supervisor on the same database.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import Error, OperationalError, close_old_connections, connection
from django.utils import timezone

from purge.journal import noticing
from purge.models import WorkerBeat
from purge.selectors import clean_up_is_due, last_beat, pass_is_due, patrol_is_under_way, work_to_deliver
from purge.worker.queue import (
    CANARY_TASK,
    REMIND_TASK,
    enqueue,
    enqueue_compaction,
    enqueue_pass,
    enqueue_request,
    ensure_schedules,
    queue_length,
    queued_requests,
    waiting_canaries,
)
from purge.worker.shutdown import CLUSTER_VARIABLE, STOP_VARIABLE

logger = logging.getLogger(__name__)

#: After SIGTERM the cluster finishes the tasks it has begun; then it is killed.
STOP_SECONDS = 45
#: Canaries that nobody has taken; more of them would say nothing new.
MOST_CANARIES = 3
#: Put in together on suspicion: with several clusters on one queue each then gets one.
BURST = 12
#: Requests put in again in one round, and the length of a queue that needs no more.
MOST_DELIVERED, LONG_QUEUE = 200, 5_000
#: Signs of life of clusters that are gone are kept so long.
FORGET_AFTER = timedelta(days=7)
#: How often the log says that the worker is alive.
TOLD_EVERY = 3_600
PR_SET_PDEATHSIG = 1


def _qcluster() -> list[str]:
    return [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "qcluster"]


@dataclass
class Supervisor:
    """One ``manage.py worker``. ``command``: what starts the cluster."""

    command: list[str] = field(default_factory=_qcluster)
    name: str = field(default_factory=lambda: f"{socket.gethostname()[:40]}:{os.getpid()}")
    process: subprocess.Popen[bytes] | None = None
    stopping: bool = False
    started_at: float = 0.0
    last_canary: float = float("-inf")
    last_told: float = field(default_factory=time.monotonic)
    suspected_at: float | None = None
    restarts: int = 0
    _stop_file: Path | None = None
    _told: bool = False

    def run(self) -> int:
        """Supervise until SIGTERM, SIGINT or SIGHUP; 0 when the cluster then stopped by itself in time."""
        self._listen()
        with contextlib.suppress(OperationalError):
            connection.ensure_connection()  # raises where the server is too old, as only the first connection does
        noticing.look_thoroughly()
        with self._stop_folder():
            self._start()
            while not self.stopping:
                self.guarded(self.look_after)
                self._sleep(settings.PURGE_RECONCILE_SECONDS)
            return self._end()

    def _listen(self) -> None:
        numbers = [signal.SIGTERM, signal.SIGINT]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            numbers.append(signal.SIGHUP)
        for number in numbers:
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < until:
            time.sleep(0.2)

    @contextlib.contextmanager
    def _stop_folder(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="lms-worker-") as folder:
            self._stop_file = Path(folder) / "stop"
            yield

    def guarded(self, action: Callable[[], None]) -> None:
        """The database may be gone for a while: the cluster recovers by itself, and so does this loop."""
        try:
            _close_what_is_broken()
            action()
        except Error as error:
            logger.warning("worker: the database does not answer (%s); trying again", type(error).__name__)
            with contextlib.suppress(Error):
                _close_what_is_broken()

    # ------------------------------------------------------------ the cluster

    def _start(self) -> None:
        variables = {CLUSTER_VARIABLE: self.name, STOP_VARIABLE: str(self._stop_file or "")}
        # A session of its own: a Ctrl-C at the terminal reaches this process alone, which then asks politely.
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            self.command, start_new_session=True, env={**os.environ, **variables}, preexec_fn=_end_with_parent
        )
        self.started_at, self.suspected_at = time.monotonic(), None
        logger.info("worker: cluster started, process %s", self.process.pid)

    def _end(self) -> int:
        process = self.process
        if process is None:
            return 0
        if self._stop_file is not None:
            self._stop_file.touch()  # tasks at work end after the chunk they are at
        code = 0
        if process.poll() is None:
            # To the main process alone: signalled as a group it would hang.
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                logger.warning("worker: the cluster did not stop in time and is killed; its work is taken up again")
                code = 1
        self._kill(process)
        self.guarded(self._forget_sign)
        return code

    def _forget_sign(self) -> None:
        """So that nobody takes it for alive."""
        WorkerBeat.objects.filter(name=self.name).delete()

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        """The whole group: the children live on when the cluster's main process is killed."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _restart(self, why: str) -> None:
        logger.warning("worker: %s; the cluster is started anew", why)
        if self.process is not None:
            self._kill(self.process)
        self.restarts += 1
        self._start()

    # ------------------------------------------------------------ every few seconds

    def look_after(self) -> None:
        """One round: the cluster's main process, the clock's tasks, lost work or else a pass, the canary."""
        if self.process is not None and self.process.poll() is not None:
            self._restart("the cluster's main process ended")
        ensure_schedules()
        found = noticing.reconcile()
        if not found and not deliver() and pass_is_due():
            enqueue_pass()
        if found and not self._told:
            enqueue(REMIND_TASK)  # operators hear of it now, not with the next hour
        self._told = bool(found)
        if clean_up_is_due():
            enqueue_compaction()
        self._send_canary()
        self._watch()

    def _send_canary(self) -> None:
        if time.monotonic() - self.last_canary < settings.PURGE_CANARY_SECONDS:
            return
        self.last_canary = time.monotonic()
        WorkerBeat.objects.filter(beat_at__lt=timezone.now() - FORGET_AFTER).delete()
        if waiting_canaries() < MOST_CANARIES:
            enqueue(CANARY_TASK)
        if time.monotonic() - self.last_told >= TOLD_EVERY:
            self.last_told = time.monotonic()
            logger.info("worker: alive, %s restarts of the cluster since its start", self.restarts)

    def _watch(self) -> None:
        """Kill a cluster without a sign of life. Any task is one; a task takes no longer than the queue's timeout."""
        beat = last_beat(self.name)
        since_start = time.monotonic() - self.started_at
        silent = since_start if beat is None else min(since_start, (timezone.now() - beat).total_seconds())
        if silent <= settings.Q_TIMEOUT + settings.PURGE_GRACE_SECONDS or patrol_is_under_way():
            self.suspected_at = None
        elif self.suspected_at is None:
            # Other clusters of the queue may have taken all canaries: now there are enough for all.
            self.suspected_at = time.monotonic()
            for _n in range(BURST):
                enqueue(CANARY_TASK)
        elif time.monotonic() - self.suspected_at > settings.PURGE_GRACE_SECONDS:
            self._restart(f"no sign of life for {int(silent)} seconds")


def deliver() -> int:
    """Put requests into the queue again that are due, claimed by nobody and not in it. How many."""
    waiting = work_to_deliver()
    if not waiting or queue_length() > LONG_QUEUE:
        return 0
    queued = queued_requests()
    lost = [request_id for request_id in waiting if request_id not in queued][:MOST_DELIVERED]
    for request_id in lost:
        enqueue_request(request_id)
    return len(lost)


def _close_what_is_broken() -> None:
    if not connection.in_atomic_block:
        close_old_connections()


def _end_with_parent() -> None:
    """Runs in the child: when this supervisor is killed, Linux asks the cluster to stop instead of orphaning it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
