"""The web server's entry point: `gunicorn lms_purge.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms_purge.settings")

application = get_wsgi_application()

from purge.storage_marker import begin_web  # noqa: E402 - the apps have to be there

begin_web()
