"""What a web process looks at before it serves anybody."""

import threading

from django.db import connections

from purge.installation.storage import begin_web
from purge.journal.noticing import look_thoroughly


def look_at_start() -> None:
    """Whose files and whose purge log these are. In a thread: an asynchronous server starts within its event loop."""
    thread = threading.Thread(target=_look)
    thread.start()
    thread.join()


def _look() -> None:
    try:
        begin_web()
        look_thoroughly()
    finally:
        connections.close_all()
