"""Migrates the SQLite database of DATABASE_URL from nothing: the checks that read the catalogue look at this one."""

import os
from pathlib import Path


def main() -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    for suffix in ("", "-wal", "-shm"):
        Path(settings.DATABASES["default"]["NAME"] + suffix).unlink(missing_ok=True)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main()
