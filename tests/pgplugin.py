"""pytest plugin: with DB=pg the tests run on a PostgreSQL that lives as long as the run, or as ./test.

It is started before Django reads its settings, and by the xdist controller only; the workers inherit DATABASE_URL.
"""

import atexit
import os

import pytest

from tools.postgres import Throwaway
from tools.suite import SERVER

_server: Throwaway | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    global _server
    if "PYTEST_XDIST_WORKER" in os.environ or _server is not None:
        return
    if os.environ.get("DB") == "pg" and SERVER in os.environ:
        os.environ["DATABASE_URL"] = os.environ[SERVER]
    elif os.environ.get("DB") == "pg":
        _server = Throwaway().start()
        # Not pytest_unconfigure: that is not called when the settings or a conftest cannot be imported.
        atexit.register(_server.stop)
        os.environ["DATABASE_URL"] = _server.url
    else:
        # A developer's own DATABASE_URL is for ./run; the tests never touch it.
        os.environ["DATABASE_URL"] = "sqlite:///var/tests.sqlite3"
