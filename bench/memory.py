"""A fresh worker that does one piece of work, then says by how much its peak of memory grew.

``python -m bench.memory purge ID`` works on a request, ``import ID`` on an import. It prints JSON when it is done: the
seconds, and MiB. A program of its own, since a process never gives its peak back. Linux only (``VmHWM``).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell a process's peak of memory")


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
    before = peak_mib()
    begun = time.perf_counter()
    if work == "purge":
        finish(PurgeRequest.objects.get(pk=pk))
    else:
        while user_import_run(log_id=pk) == "more":
            pass
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "extra_mib": peak_mib() - before, "before_mib": before}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
