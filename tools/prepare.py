"""Brings the database, the static files and the demo data up to date, in one process. Quick when all is there."""

import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def fingerprint(files: Iterable[Path]) -> str:
    """Changes whenever one of `files` does, judged by name, size and time of change."""
    seen = hashlib.sha256()
    for file in sorted(files):
        state = file.stat()
        seen.update(f"{file}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def collect_static() -> None:
    """`collectstatic`, skipped when no static file has changed since the last time."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    found = [Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list([])]
    now = fingerprint(found)
    stamp = Path(settings.STATIC_ROOT) / "collected.sha256"
    if stamp.is_file() and stamp.read_text() == now:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(now)


def migrate() -> None:
    """`migrate`, with one line on what it did; quiet when there was nothing to do."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    is_new = not executor.loader.applied_migrations
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    call_command("migrate", interactive=False, verbosity=0)
    if line := migrated_line([migration.app_label for migration, _backwards in plan], is_new=is_new):
        print(line, flush=True)


def migrated_line(apps: Sequence[str], *, is_new: bool) -> str:
    """What was migrated, on a line. ``apps``: of each migration that has run."""
    if not apps:
        return ""
    number = f"{len(apps)} migration" + "s" * (len(apps) != 1)
    if is_new:
        return f"Database made ({number})."
    counted = ", ".join(f"{app} {apps.count(app)}" for app in dict.fromkeys(apps))
    return f"Database upgraded: {number} ({counted})."


def wants_demo() -> bool:
    """Whether the demo is there, or nobody's accounts are: whoever made their own is not asked at each start."""
    from lms_purge import demo
    from users.wall import across_accounts

    with across_accounts("before the site starts"):
        return demo.is_loaded() or demo.may_load()


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms_purge.settings")
    import django
    from django.conf import settings
    from django.core.management import CommandError, call_command
    from django.db import NotSupportedError

    from lms_purge.process.checks import too_old_server

    django.setup()
    try:
        migrate()
        call_command("createcachetable", verbosity=0)
        collect_static()
        if not settings.LMS_HTTPS and wants_demo():
            call_command("seed_demo")
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    except NotSupportedError:
        if not (text := too_old_server()):
            raise
        print(text, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
