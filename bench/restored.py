"""``python -m bench.restored``: how many of those whom a restored backup brings back can sign in again.

On a database of its own: people who can sign in, a backup of that moment, all of them deleted and purged, and the
backup put back underneath this process. Each is tried by the service that the sign-in page asks.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.server import database, set_up

PASSWORD = "correct horse battery"
#: People of one request.
AT_ONCE = 50


def make(number: int) -> tuple[Any, list[Any]]:
    """An administrator who purges, and so many people of the account who can sign in."""
    from django.contrib.auth.hashers import make_password

    from purge.addresses import identity_key
    from users.models import Account, Role, User, UserRole

    account = Account.objects.create(name="Acme", subdomain="acme", kind="enterprise")
    password = make_password(PASSWORD)
    addresses = ["admin@acme.example", *(f"person{n}@acme.example" for n in range(number))]
    made = User.objects.bulk_create(
        User(account=account, name=f"Person {n}", email=email, email_key=identity_key(email), password=password)
        for n, email in enumerate(addresses)
    )
    UserRole.objects.bulk_create(UserRole(user=user, role=Role.ADMINISTRATOR) for user in made)
    return made[0], made[1:]


def purge(admin: Any, people: Sequence[Any]) -> None:
    """Delete and purge them all, fifty at a time, to the end."""
    from django.utils import timezone

    from purge import services, tasks
    from purge.choices import Status
    from users.models import User, UserState
    from users.services import month_of

    now = timezone.now()
    gone = {"state": UserState.DELETED, "deleted_at": now, "deleted_month": month_of(now, admin.account)}
    for first in range(0, len(people), AT_ONCE):
        part = [user.pk for user in people[first : first + AT_ONCE]]
        User.objects.filter(pk__in=part).update(**gone)
        purge_request = services.purge_submit(acting_user=admin, account_id=admin.account_id, user_ids=part)
        while tasks.run_request(purge_request.pk) == "more":
            pass
        purge_request.refresh_from_db()
        if purge_request.status == Status.ERASED:
            tasks.patrol()
            purge_request.refresh_from_db()
        if purge_request.status != Status.COMPLETED:
            raise RuntimeError(f"the purge ended {purge_request.status}")


def who_sign_in(addresses: Iterable[str]) -> int:
    """How many of them the sign-in page would let in now."""
    from django.test import RequestFactory

    from purge.journal import site_fence
    from users.sign_in.attempts import sign_in_attempt

    site_fence.is_older(now=True)
    # From no address: what is counted is who they are, not how many there are.
    request = RequestFactory(REMOTE_ADDR="").post("/admin/login/")
    tries = (sign_in_attempt(request, email=email, password=PASSWORD) for email in addresses)
    return sum(tried.user is not None for tried in tries)


def seconds_until_paused(limit: float = 10.0) -> float:
    """How long a process that was running before takes to see that the site is to be paused."""
    from purge.journal.site_fence import site_is_fenced

    began = time.monotonic()
    while not site_is_fenced() and time.monotonic() - began < limit:
        time.sleep(0.05)
    return time.monotonic() - began


def drill(number: int, take: Callable[[], None], put_back: Callable[[], None]) -> dict[str, Any]:
    """The figures. ``take``, ``put_back``: a backup of the database at hand."""
    from django.conf import settings

    from purge.journal.site_fence import site_is_fenced

    admin, people = make(number)
    addresses = [user.email for user in people]
    found: dict[str, Any] = {"people": number, "before the purge": who_sign_in(addresses)}
    take()
    purge(admin, people)
    found["after the purge"] = who_sign_in(addresses)
    site_is_fenced()
    put_back()
    found["seconds until paused"] = round(seconds_until_paused(), 2)
    found["after the restore, fence on"] = who_sign_in(addresses)
    settings.PURGE_SITE_FENCE = False
    found["after the restore, fence off"] = who_sign_in(addresses)
    settings.PURGE_SITE_FENCE = True
    found["after the restore, fence on again"] = who_sign_in(addresses)
    return found


# ---------------------------------------------------------------- a run


def _backup(folder: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    from django.db import connection, connections

    from tools.postgres import find_binaries

    config, file = connection.settings_dict, folder / "backup"

    def run(program: str, *words: str) -> None:
        server = {"PGHOST": config["HOST"], "PGPORT": str(config["PORT"]), "PGUSER": config["USER"]}
        subprocess.run([find_binaries() / program, *words], env={**os.environ, **server}, check=True)

    def take() -> None:
        connections.close_all()
        if connection.vendor == "postgresql":
            run("pg_dump", "--format=custom", f"--file={file}", config["NAME"])
            return
        with contextlib.closing(sqlite3.connect(config["NAME"])) as opened:
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(config["NAME"], file)

    def put_back() -> None:
        connections.close_all()
        if connection.vendor == "postgresql":
            run("pg_restore", "--clean", "--if-exists", "--exit-on-error", f"--dbname={config['NAME']}", str(file))
            return
        for name in (f"{config['NAME']}-wal", f"{config['NAME']}-shm"):
            Path(name).unlink(missing_ok=True)
        shutil.copyfile(file, config["NAME"])

    return take, put_back


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.restored", description=__doc__.partition("\n\n")[2])
    parser.add_argument("--sqlite", action="store_true", help="on SQLite instead of PostgreSQL")
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    options = parser.parse_args()
    kind = "sqlite" if options.sqlite else "postgresql"
    with database(kind):
        set_up()
        found = drill(options.people, *_backup(Path(os.environ["BENCH_FILES"])))
    for name, value in found.items():
        print(f"{name:35} {value:>8,}")
    if options.json:
        options.json.write_text(json.dumps({"database": kind, **found}, indent=2) + "\n")
    wanted = {"before the purge": options.people, "after the purge": 0, "after the restore, fence on": 0}
    wanted |= {"after the restore, fence off": options.people, "after the restore, fence on again": 0}
    return int(any(found[name] != value for name, value in wanted.items()) or found["seconds until paused"] > 5)


if __name__ == "__main__":
    sys.exit(main())
