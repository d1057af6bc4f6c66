"""A database, files and a purge log of its own, for a command outside the test runner."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def own_database(name: str, *, transaction: bool = True, **settings: Any) -> Iterator[str]:
    """Django set up on an empty database, with every migration; yields what kind it is, ``sqlite`` or ``postgresql``.

    ``DB=pg`` in the environment: on a server that is started for it and ends with it. ``transaction``: everything in
    one, as in a test. ``settings``: others than those of the tests.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    with ExitStack() as stack:
        os.environ["DATABASE_URL"] = f"sqlite:///var/{name}.sqlite3"
        if os.environ.get("DB") == "pg":
            from tools.postgres import Throwaway

            server = Throwaway().start()
            stack.callback(server.stop)
            os.environ["DATABASE_URL"] = server.url
        import django

        django.setup()
        from django.db import connection
        from django.db import transaction as transactions
        from django.test.utils import override_settings, setup_test_environment

        setup_test_environment()
        connection.creation.create_test_db(verbosity=0)
        stack.callback(connection.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        media, journal = folder / "media", folder / "journal" / "purge.jsonl"
        media.mkdir()
        stack.enter_context(override_settings(MEDIA_ROOT=media, PURGE_JOURNAL=journal, **settings))
        if transaction:
            stack.enter_context(transactions.atomic())
        yield connection.vendor
