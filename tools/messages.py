"""The catalogues of the languages. Needs gettext on the machine, and the standard library alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from tools.environment import DEVELOPMENT, ROOT, Problem, ensure_venv, say

#: How messages are taken out of the source; a test takes them out in the same way.
TAKING_OUT = ["--no-obsolete", "--no-location"]
LEFT_OUT = [".venv", "bench", "examples", "tests", "var"]


def messages(arguments: Sequence[str]) -> int:
    """Bring all catalogues up to date with the source, then make of each what the site reads, if it is whole."""
    if not shutil.which("xgettext"):
        raise Problem("gettext is needed: sudo apt-get install gettext (or brew install gettext).")
    ignored = [word for folder in LEFT_OUT for word in ("--ignore", folder)]
    taking_out = [str(ensure_venv(DEVELOPMENT)), "manage.py", "makemessages", "--all", *TAKING_OUT, *ignored]
    subprocess.run([*taking_out, *arguments], cwd=ROOT, check=True)
    for catalogue in sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po")):
        read = catalogue.with_suffix(".mo")
        subprocess.run(["msgfmt", "--check", "--statistics", "--output-file", read, catalogue], check=True)
    say("What is empty or “fuzzy” in locale/*/LC_MESSAGES/django.po is to be said there; then once more.")
    return 0
