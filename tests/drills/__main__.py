"""`./test --drills`: python -m tests.drills [--people N] [--way WAY …]

People are purged, a backup from before is put in, and everybody signs in: with the site's fence off, and on, as it
comes on by itself. Then they are purged again. SQLite: a file put back; ``DB=pg`` before it: dumps restored into a new
database, over the old one (``--clean``), and as data alone; a moment in the WAL; a standby that was cut off. The
figures go to ``tests/drills/results.DATABASE.json``. Fails when somebody is left, got in, or did not come back at all.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> int:
    words = argparse.ArgumentParser(prog="./test --drills", description=__doc__)
    words.add_argument("--people", type=int, default=100, help="how many are purged in each drill (default 100)")
    words.add_argument("--way", action="append", help="such as “point in time”; default: all of this database")
    chosen = words.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DATABASE_URL"] = "sqlite:///var/drills.sqlite3"
    server = None
    if os.environ.get("DB") == "pg":
        from tools.postgres import Throwaway

        server = Throwaway().start()
        os.environ["DATABASE_URL"] = server.url
    try:
        return begin(chosen.people, chosen.way)
    finally:
        if server is not None:
            server.stop()


def begin(people: int, only: list[str] | None) -> int:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, connections
    from django.test.utils import setup_test_environment

    setup_test_environment()
    logging.getLogger("django-q").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        folder.chmod(0o755)
        if connection.vendor == "sqlite":
            connection.settings_dict["NAME"] = str(folder / "tables.sqlite3")
        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()
        seen = [asdict(outcome) for outcome in _drills(folder, people, only)]
    results = HERE / f"results.{connection.vendor}.json"
    results.write_text(json.dumps({"people": people, "drills": seen}, indent=1) + "\n")
    bad = [each["way"] for each in seen if not _passed(each)]
    print(f"did not pass: {', '.join(bad)}" if bad or not seen else "all passed", flush=True)
    return 1 if bad or not seen else 0


def _drills(folder: Path, people: int, only: list[str] | None) -> Any:
    from django.db import connection

    from tests.drills import ways

    if connection.vendor == "sqlite":
        yield _told(ways.put_a_file_back(folder, folder / "tables.sqlite3", people, patient=True))
        return
    with ways.site(folder, connection.settings_dict["NAME"], people) as site:
        for way in only or ways.TO_A_SERVER:
            yield _told(ways.drill_of_server(site, way, patient=True))


def _told(outcome: Any) -> Any:
    outcome.rates()
    print(json.dumps(asdict(outcome)), flush=True)
    return outcome


def _passed(seen: dict[str, Any]) -> bool:
    everybody = {seen[name] for name in ("signed_in_before", "back", "signed_in_unfenced")} == {seen["people"]}
    return everybody and not seen["signed_in_fenced"] and not seen["left"] and seen["paused_after"] <= 5


if __name__ == "__main__":
    sys.exit(main())
