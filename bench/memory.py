"""A fresh worker that works on one request, then says by how much its peak of memory grew.

``python -m bench.memory ID`` prints a line when it begins and JSON when it is done. A program of its own, since a
process never gives its peak back. Linux only (``VmHWM``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell a process's peak of memory")


def main(request_id: int) -> None:
    import django

    django.setup()
    from django.urls import get_resolver

    from bench.contenders import finish
    from purge.models import PurgeRequest
    from purge.verifier import is_small

    # What every worker has loaded before its first request: the project's modules, a connection.
    assert get_resolver().url_patterns
    is_small()
    before = peak_mib()
    print("working", flush=True)
    finish(PurgeRequest.objects.get(pk=request_id))
    print(json.dumps({"extra_mib": peak_mib() - before, "before_mib": before}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
