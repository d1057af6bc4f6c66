"""The entry point for an asynchronous server."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms_purge.settings")
django.setup(set_prefix=False)

from lms_purge.process.entry import AsgiEntry  # noqa: E402 - the apps have to be there
from lms_purge.process.starting import look_at_start  # noqa: E402

application = AsgiEntry()
look_at_start()
