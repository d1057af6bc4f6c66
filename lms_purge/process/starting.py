"""What a web process looks at before it serves anybody."""

import threading

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from lms_purge.process.checks import too_old_server
from purge.installation.storage import begin_web
from purge.journal.noticing import look_thoroughly


def look_at_start() -> None:
    """Whose files and whose purge log these are. In a thread: an asynchronous server starts within its event loop.

    Raises ImproperlyConfigured on a server that is too old.
    """
    refused: list[str] = []
    thread = threading.Thread(target=_look, args=[refused])
    thread.start()
    thread.join()
    if refused:
        raise ImproperlyConfigured(refused[0])


def _look(refused: list[str]) -> None:
    try:
        if text := too_old_server():
            refused.append(text)
            return
        begin_web()
        look_thoroughly()
    finally:
        connections.close_all()
