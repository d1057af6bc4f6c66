#!/bin/sh
# Django 5.2.19: transaction.on_commit(partial(...), robust=True) is not robust.
#
# "robust=True" promises that a callback that raises is logged and does not keep the others from running. The handler
# logs func.__qualname__, which a functools.partial (the form that Django's own documentation shows) has not: the
# AttributeError leaves atomic() after the commit, and the callbacks after it never run. A plain function is robust.
#
# Why it matters: whoever saw the exception takes the committed transaction for a failed one and does it again; what was
# to follow the commit (a task, a line in a log outside the database) is lost. The line that is logged for a function
# carries the exception's message as well, which may repeat personal data.
#
# Known to Django as ticket 36487, mended after the 5.2 series.
#
# Needs python3 and a package index; runs without the product. Exit 0: still so; 1: it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "Django==5.2.19"
"$folder/venv/bin/python" - <<'PYTHON'
import functools
import logging
import sys

import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()
from django.db import transaction

logging.disable(logging.CRITICAL)
print("Django", django.get_version(), "Python", sys.version.split()[0])


def fails() -> None:
    raise OSError("disk full")


def outcome(callback: object) -> tuple[str, list[str]]:
    """What left atomic(), and which callbacks behind the failing one ran."""
    ran: list[str] = []
    try:
        with transaction.atomic():
            transaction.on_commit(callback, robust=True)
            transaction.on_commit(lambda: ran.append("next"), robust=True)
    except Exception as error:
        return type(error).__name__, ran
    return "nothing", ran


plain, partial = outcome(fails), outcome(functools.partial(fails))
print("a function that raises: ", plain)
print("a partial that raises:  ", partial)
sys.exit(0 if plain == ("nothing", ["next"]) and partial == ("AttributeError", []) else 1)
PYTHON
