#!/usr/bin/env python
"""Django's command line: `./run manage.py COMMAND …` calls it in the project's own environment."""

import os
import sys

#: Commands that are there before the settings can be: they make and look at the keys.
WITHOUT_SETTINGS = ("keys_make", "keys_check")


def main() -> None:
    if sys.argv[1:] in (["--version"], ["version"]):
        sys.stdout.write(version())
        return
    if sys.argv[1:2] and sys.argv[1] in WITHOUT_SETTINGS:
        from django.conf import settings

        settings.configure(INSTALLED_APPS=["keys"], LMS_ENCRYPTION_KEYS=[])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms_purge.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import NotSupportedError, OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except NotSupportedError:
        from lms_purge.process.checks import too_old_server

        if text := too_old_server():
            sys.exit(text)
        raise
    except OperationalError:
        from lms_purge.process.checks import no_database

        if text := no_database():
            sys.exit(text)
        raise


def version() -> str:
    """This product's, and beside it the framework's."""
    from django import get_version

    from lms_purge import VERSION

    return f"LMS Purge {VERSION} (Django {get_version()})\n"


if __name__ == "__main__":
    main()
