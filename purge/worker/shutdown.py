"""How a task learns that it is to end after the chunk it is at: its time is up, or its worker is about to stop."""

import os
import time

#: Names a file that does not exist until the worker is asked to stop. Set by ``manage.py worker`` for its cluster.
STOP_VARIABLE = "PURGE_STOP_FILE"
#: Set likewise: under this name the cluster's processes leave their signs of life.
CLUSTER_VARIABLE = "PURGE_CLUSTER"


def stop_is_asked_for() -> bool:
    path = os.environ.get(STOP_VARIABLE, "")
    return bool(path) and os.path.exists(path)


def slice_is_over(deadline: float) -> bool:
    """Whether a slice of work ends here. ``deadline``: as ``time.monotonic()`` counts."""
    return time.monotonic() >= deadline or stop_is_asked_for()
