"""Gunicorn's settings, here and in production: `gunicorn --config python:tools.gunicorn_config lms_purge.wsgi`."""

import os

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
