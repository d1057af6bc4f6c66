"""A fresh worker that does one piece of work, then says by how much its peak of memory grew.

``python -m bench.memory purge ID`` works on a request, ``import ID`` on an import. It prints JSON when it is done: the
seconds, and MiB. A program of its own, since a process never gives its peak back. Linux only (``VmHWM``).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Event, Thread


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell a process's peak of memory")


def session_process() -> int:
    """The number of PostgreSQL's process for this connection, on this machine; 0 where there is none."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def own_mib(process: int) -> float:
    """Memory of a process without what it shares (PostgreSQL's buffers)."""
    status = Path(f"/proc/{process}/status")
    for line in status.read_text().splitlines() if process and status.exists() else ():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Most(Thread):
    """The most that a process has had since, looked at every few milliseconds: its own peak counts shared memory."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.most, self._over = process, own_mib(process), Event()
        self.start()

    def run(self) -> None:
        while self.process and not self._over.wait(0.01):
            self.most = max(self.most, own_mib(self.process))

    def stop(self) -> float:
        self._over.set()
        self.join()
        return self.most


def main(work: str, pk: int) -> None:
    import django

    django.setup()
    from django.urls import get_resolver

    from bench.contenders import finish
    from purge.models import PurgeRequest
    from purge.proof.texts import is_small
    from users.imports.services import user_import_run

    # What every worker has loaded before its first request: the project's modules, a connection.
    assert get_resolver().url_patterns
    is_small()
    session = session_process()
    session_before = own_mib(session)
    most = Most(session)
    before = peak_mib()
    begun = time.perf_counter()
    if work == "purge":
        finish(PurgeRequest.objects.get(pk=pk))
    else:
        while user_import_run(log_id=pk) == "more":
            pass
    seconds = time.perf_counter() - begun
    extra = peak_mib() - before
    session_mib = most.stop() - session_before
    print(json.dumps({"seconds": seconds, "extra_mib": extra, "before_mib": before, "session_mib": session_mib}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
