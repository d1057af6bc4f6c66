"""The entry point for an asynchronous server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms_purge.settings")

application = get_asgi_application()

from lms_purge.process.starting import look_at_start  # noqa: E402 - the apps have to be there

look_at_start()
