"""A worker as it is installed: ``manage.py worker`` with one process, of whatever revision's tree it is started in."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from purge.models import PurgeRequest, WorkerBeat

#: What a worker leaves: an earlier revision called it completed before any pass over every text.
DONE = ("completed", "erased")
ROOT = Path(__file__).resolve().parent.parent
#: Seconds between two looks whether the work is done, and after which it will not be.
LOOK, PATIENCE = 0.005, 900


class Worker:
    """It has begun to look for work when it has been made."""

    def __init__(self) -> None:
        WorkerBeat.objects.all().delete()
        # One process, or a single machine's worker would be two already.
        environ = {**os.environ, "Q_WORKERS": "1", "Q_RETRY": "1800"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE
        while not WorkerBeat.objects.exists():
            self._look_on(until)
            time.sleep(0.1)

    def wait_for(self, requests: Collection[int]) -> None:
        """Until these requests are erased and looked for. Raises RuntimeError when they will not be."""
        until = time.monotonic() + PATIENCE
        waiting = PurgeRequest.objects.filter(pk__in=requests).exclude(status__in=DONE)
        while waiting.exists():
            self._look_on(until)
            time.sleep(LOOK)

    def _look_on(self, until: float) -> None:
        if time.monotonic() > until or self.process.poll() is not None:
            raise RuntimeError("the worker did not get through its work")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextmanager
def a_worker() -> Iterator[Worker]:
    worker = Worker()
    try:
        yield worker
    finally:
        worker.stop()
