"""The product's settings with fixed keys and nothing that only costs time in a test."""

import os

os.environ.setdefault("SECRET_KEY", "tests-only-" + "0123456789abcdef" * 3)
os.environ.setdefault("PURGE_HASH_KEY", "tests-only-" + "fedcba9876543210" * 3)
os.environ.setdefault("LMS_ENCRYPTION_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")
# Never the keys of a ./run on the same machine.
os.environ["LMS_KEYS"] = os.path.join(os.path.dirname(__file__), "no-keys-here")

from lms_purge.settings import *  # noqa: F403
from lms_purge.settings import LOGGING, MIDDLEWARE

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Plain names, so that a page renders without collectstatic; the live server finds the files in the apps.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("whitenoise.")]
# caplog reads what propagates to the root logger; the django-q logger keeps its own handler from being added.
LOGGING = {**LOGGING, "loggers": {name: {**each, "propagate": True} for name, each in LOGGING["loggers"].items()}}
# Every request is patrolled before it completes. Rolled-back tests leave dead rows in PostgreSQL's files, by whose size
# a database without statistics is reckoned: in the middle of a suite it would stop being small.
PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000
