"""Migrates the SQLite database of DATABASE_URL from nothing: the checks that read the catalogue look at this one.

    python -m tools.fresh_database [FILE]

FILE gets a copy: the tests begin with it.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] = ()) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    for copy in arguments:
        Path(copy).unlink(missing_ok=True)
    for suffix in ("", "-wal", "-shm"):
        Path(settings.DATABASES["default"]["NAME"] + suffix).unlink(missing_ok=True)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    connection.close()  # nothing is left in the log beside the file
    for copy in arguments:
        shutil.copyfile(settings.DATABASES["default"]["NAME"], copy)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main(sys.argv[1:])
