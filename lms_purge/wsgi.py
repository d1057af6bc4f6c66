"""The web server's entry point: `gunicorn lms_purge.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms_purge.settings")

application = get_wsgi_application()

from lms_purge.process.starting import look_at_start  # noqa: E402 - the apps have to be there

look_at_start()
