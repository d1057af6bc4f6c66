"""``manage.py purge_drill``"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from django.utils import timezone

from lms_purge.process.database import database_from_url
from purge.database import dialect_of
from purge.database.identity import same_database
from purge.installation.identity import installation
from purge.journal import chains
from purge.management.base import NEEDS_YOU, USAGE, PurgeCommand, needs_you, seconds
from purge.models import RestoreDrill
from users.wall import across_accounts

#: What tells how old a backup is: the last things that happened in it.
LAST_THINGS = ("SELECT max(at) FROM purge_ledgerentry", "SELECT max(added_at) FROM users_user")


@dataclass
class Seen:
    """What the restored database said."""

    purges: int = 0
    back: int = 0
    left: int = 0
    undecided: int = 0
    cannot_tell: int = 0
    complaints: list[str] = field(default_factory=list)


class Command(PurgeCommand):
    help = (
        "Drill a restore: say where you have restored a backup beside this site, and its people who were purged since "
        "are purged again there, with a copy of the purge log and no files. What was seen is kept with the date. The "
        "restored database is worth nothing afterwards; this site's is only read."
    )
    example = "manage.py purge_drill --restored postgres://lms@backup.internal/drill"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--restored", default="", help="DATABASE_URL of the restored database, which no site uses")
        parser.add_argument("--list", action="store_true", help="the drills that were made, the last one first")
        parser.add_argument("--timeout", type=seconds, default=3_600, help="seconds at most (default 3600)")

    @across_accounts("an operator's command")
    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"] == bool(options["restored"]):
            raise CommandError("Say --restored DATABASE_URL, or --list.", returncode=USAGE)
        if options["list"]:
            drills = list(RestoreDrill.objects.all())
            lines = [_line(drill) for drill in drills] or ["There has been no drill yet."]
            self.show([_json(drill) for drill in drills], lines, as_json=options["json"])
            return
        backup_at = _check(options["restored"])
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="purge-drill-") as folder:
            seen = _drill(options["restored"], Path(folder), options["timeout"])
        drill = RestoreDrill.objects.create(
            seconds=round(time.monotonic() - began),
            backup_at=backup_at,
            purges=seen.purges,
            back=seen.back,
            left=seen.left,
            undecided=seen.undecided,
            cannot_tell=seen.cannot_tell,
            passed=not (seen.complaints or seen.left or seen.undecided or seen.cannot_tell),
        )
        self.show(
            {**_json(drill), "complaints": seen.complaints}, [*seen.complaints, _line(drill)], as_json=options["json"]
        )
        if not drill.passed:
            needs_you("The drill did not pass: see above, and docs/restore.md.")


# ---------------------------------------------------------------- before


def _check(url: str) -> datetime | None:
    """The last thing that the backup knows of. Raises CommandError for a database that is not to be drilled with."""
    with _opened(url) as restored:
        ours, theirs = dialect_of(connection).identity(), dialect_of(restored).identity()
        if same_database(ours, theirs) and theirs.get("kind") != "memory":
            raise CommandError(
                "This is the database of the site itself. Restore the backup beside it first.", returncode=USAGE
            )
        with restored.cursor() as cursor:
            cursor.execute("SELECT id FROM purge_installation")
            row = cursor.fetchone()
            if row is None or str(row[0]).replace("-", "") != installation().pk.hex:
                raise CommandError("This is no backup of this site: it has another installation id.", returncode=USAGE)
            found = [_last(cursor, statement) for statement in LAST_THINGS]
    return max((moment for moment in found if moment is not None), default=None)


@contextlib.contextmanager
def _opened(url: str) -> Iterator[BaseDatabaseWrapper]:
    try:
        config = database_from_url(url, base_dir=settings.BASE_DIR, behind_pooler=False)
    except ValueError:
        raise CommandError("--restored: this is no DATABASE_URL.", returncode=USAGE) from None
    if config["ENGINE"] == "django.db.backends.sqlite3" and not Path(config["NAME"]).is_file():
        raise CommandError("--restored: there is no such file.", returncode=USAGE)
    restored = ConnectionHandler({"default": config})["default"]
    try:
        restored.ensure_connection()
        yield restored
    except Error as error:
        raise CommandError(
            f"The restored database does not answer, or has no tables of this site ({type(error).__name__}).",
            returncode=NEEDS_YOU,
        ) from None
    finally:
        restored.close()


def _last(cursor: Any, statement: str) -> datetime | None:
    cursor.execute(statement)
    moment = cursor.fetchone()[0]
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment is None:
        return None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment, timezone.get_default_timezone())


# ---------------------------------------------------------------- the drill


def _drill(url: str, folder: Path, seconds: float) -> Seen:
    """In processes of its own, with a copy of the log: nothing of the site's is written, no mail is sent (there is no
    worker to send it), and there are no files to erase."""
    log = folder / "journal"
    shutil.copytree(chains.folder(), log) if chains.folder().is_dir() else log.mkdir()
    environ = {
        **os.environ,
        "DATABASE_URL": url,
        "MEDIA_ROOT": str(folder / "media"),
        "LMS_FILES": "",
        "PURGE_JOURNAL": str(log),
        "PURGE_JOURNAL_WRITER": "drill",
    }
    until = time.monotonic() + seconds
    seen = Seen()
    for words in (["migrate", "--verbosity=0"], ["purge_storage", "adopt", "--files-are-lost"]):
        _run(words, environ, until, seen)
    before = _run(["purge_replay", "--dry-run", "--json"], environ, until, None)
    purges = before.get("purges", [])
    seen.purges = len(purges)
    seen.back = len({user for purge in purges for user in purge["back"]})
    seen.undecided = sum(len(purge["needs_a_decision"]) for purge in purges)
    seen.cannot_tell = sum(len(purge["cannot_tell"]) for purge in purges)
    _run(["purge_replay", "--yes", "--wait", "--json"], environ, until, seen)
    if purges:
        first = min(purge["accepted_at"] or "" for purge in purges)[:10]
        after = _run(["purge_replay", "--dry-run", "--json", "--since", first or "2000-01-01"], environ, until, None)
        seen.left = len({user for purge in after.get("purges", []) for user in purge["back"]})
    return seen


def _run(words: list[str], environ: dict[str, str], until: float, seen: Seen | None) -> dict[str, Any]:
    """The answer of a command on the restored database. ``seen``: what it complains about is kept there."""
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *words],
            env=environ,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=max(1.0, until - time.monotonic()),
            check=False,
        )
    except subprocess.TimeoutExpired:
        if seen is not None:
            seen.complaints.append(f"{words[0]}: it took too long")
        return {}
    if done.returncode and seen is not None:
        last = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        seen.complaints.append(f"{' '.join(words[:2])}: {last}")
    with contextlib.suppress(ValueError):
        answer = json.loads(done.stdout)
        return answer if isinstance(answer, dict) else {}
    return {}


# ---------------------------------------------------------------- what is said


def _line(drill: RestoreDrill) -> str:
    backup = f"{drill.backup_at:%Y-%m-%d %H:%M %Z}" if drill.backup_at else "an unknown moment"
    verdict = "passed" if drill.passed else "NOT PASSED"
    looked = f"; {drill.undecided} needed a decision, of {drill.cannot_tell} nobody could tell"
    return (
        f"{drill.at:%Y-%m-%d %H:%M %Z}  {verdict}: a backup of {backup} did not know {drill.purges} purges and brought "
        f"{drill.back} people back; {drill.left} were left after {drill.seconds} s{looked}"
    )


def _json(drill: RestoreDrill) -> dict[str, Any]:
    names = ("at", "seconds", "backup_at", "purges", "back", "left", "undecided", "cannot_tell", "passed")
    return {name: getattr(drill, name) for name in names}
