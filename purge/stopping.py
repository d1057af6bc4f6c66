"""How a task learns that its worker is about to stop, so that it ends after the chunk it is at."""

import os

#: Names a file that does not exist until the worker is asked to stop. Set by ``manage.py worker`` for its cluster.
STOP_VARIABLE = "PURGE_STOP_FILE"


def stop_is_asked_for() -> bool:
    path = os.environ.get(STOP_VARIABLE, "")
    return bool(path) and os.path.exists(path)
