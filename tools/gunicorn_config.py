"""Gunicorn's settings, here and in production: `gunicorn --config python:tools.gunicorn_config lms_purge.wsgi`."""

import os
from importlib import import_module
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from lms_purge.process.logs import web_server_config
from lms_purge.process.reachable import is_loopback

workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
worker_class = "gthread"
timeout = 60
graceful_timeout = 10
# To standard output. %(U)s is the path without its query string: what is typed into a search box is in that.
# No client address either: it is personal, and the proxy in front has it.
accesslog = "-"
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"
# Nothing here uses it, and it would leave a socket in somebody's home folder.
control_socket_disable = True
# Its own lines are written as the site's are: no message of an exception, nothing that begins a new line.
logconfig_dict = web_server_config(os.environ.get("LOG_FORMAT", "text"))


def on_starting(server: Any) -> None:
    """Settings that are nonsense are said in a sentence, once; and nobody else's network without HTTPS: a password
    would cross it in the clear."""
    try:
        import_module("lms_purge.settings")
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None
    if os.environ.get("LMS_HTTPS", "").lower() in ("1", "true", "yes", "on", "t", "y"):
        return
    for address in server.cfg.address:
        if isinstance(address, tuple) and not is_loopback(address[0]):
            raise SystemExit(f"It would listen at {address[0]} without HTTPS: set LMS_HTTPS=1, or bind to 127.0.0.1.")
