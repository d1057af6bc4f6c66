"""The database of a run: a PostgreSQL of its own, set up as a production server is, or an SQLite file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from tools.postgres import Throwaway


class BenchServer(Throwaway):
    """Flushes to disk like a real one. No checkpoint falls into a run, or it would measure the pages written after it:
    the data set is written before, so every contender finds its pages in the log already. Autovacuum is off, since it
    would meet one contender and not the other; the runs vacuum themselves."""

    settings: ClassVar[Mapping[str, str]] = {
        "shared_buffers": "1GB",
        "max_wal_size": "16GB",
        "checkpoint_timeout": "1h",
        "autovacuum": "off",
        "work_mem": "16MB",
    }


@contextmanager
def database(kind: str) -> Iterator[None]:
    """Start the database, tell Django where it is, and set Django up with the project's migrations run."""
    files = Path(tempfile.mkdtemp(prefix="lms-purge-bench-"))
    os.environ["BENCH_FILES"] = str(files)
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    server = BenchServer().start() if kind == "postgresql" else None
    os.environ["DATABASE_URL"] = server.url if server else f"sqlite:///{files}/lms.sqlite3"
    try:
        yield
    finally:
        from django.db import connections

        connections.close_all()
        if server:
            server.stop()
        shutil.rmtree(files, ignore_errors=True)


def set_up() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("createcachetable")
