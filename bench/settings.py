"""The product's settings for a benchmark: a database and files of its own, and no limit that is there for people.

``DATABASE_URL`` and ``BENCH_FILES`` (a folder) are set by ``python -m bench`` before Django starts.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "bench-only-" + "0123456789abcdef" * 3)
os.environ.setdefault("PURGE_HASH_KEY", "bench-only-" + "fedcba9876543210" * 3)
os.environ.setdefault("LMS_ENCRYPTION_KEYS", "YmVuY2gtb25seS1iZW5jaC1vbmx5LWJlbmNoLW9ubHk=")
_files = Path(os.environ.setdefault("BENCH_FILES", tempfile.mkdtemp(prefix="lms-purge-bench-")))
# One account purges hundreds of people here, and the whole-database pass is measured by itself.
os.environ.setdefault("PURGE_RATE_GUARD", "1000000000")
os.environ.setdefault("PURGE_RATE_GUARD_TRIAL", "1000000000")
os.environ.setdefault("PURGE_PATROL_AT_ONCE_ROWS", "0")
os.environ.setdefault("LOG_LEVEL", "ERROR")

from lms_purge.settings import *  # noqa: E402, F403
from lms_purge.settings import MIDDLEWARE, Q_CLUSTER  # noqa: E402

MEDIA_ROOT = _files / "media"
PURGE_JOURNAL = [_files / "journal" / "purge.jsonl"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("whitenoise.")]
# Errors only, to the standard error: a line per request is no part of a purge.
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}}
Q_CLUSTER = {**Q_CLUSTER, "log_level": "ERROR"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
