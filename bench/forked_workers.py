"""Workers that have everything loaded when they are started: forked from a process that has, each works on one request.

Starting a program takes as long as half of what is measured; it is not what a kill costs, and is left out either way.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

import django

django.setup()

from django.urls import get_resolver  # noqa: E402 - Django first

from bench.contenders import finish  # noqa: E402
from purge.host import get_host  # noqa: E402
from purge.models import PurgeRequest  # noqa: E402
from purge.proof.texts import is_small  # noqa: E402
from purge.rules.registry import get_registry  # noqa: E402

if not get_resolver().url_patterns:
    raise RuntimeError("the project was not loaded")


class Worker:
    """A process that works on one request. It is connected to the database, and begins when it has been made."""

    def __init__(self, request_id: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        ready, says_so = context.Pipe(duplex=False)
        self.process: ForkServerProcess = context.Process(target=_work_on, args=(request_id, says_so))
        self.process.start()
        says_so.close()
        ready.recv()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether the work ended within this time."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def kill(self) -> None:
        """As by SIGKILL."""
        self.process.kill()
        self.process.join()


def _work_on(request_id: int, says_so: Connection) -> None:
    # What a worker has before its first request: the rules, the host, a connection that was used.
    get_registry()
    get_host()
    is_small()
    says_so.send(True)
    finish(PurgeRequest.objects.get(pk=request_id))
