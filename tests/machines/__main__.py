"""`./test --machines`: python -m tests.machines

A site on several machines, each with an address of its own (127.0.0.11 …): a PostgreSQL and its standby, two webs and
two workers, each behind a PgBouncer of its own in transaction mode, and an object store (moto's server) that has the
stored files and is one of two homes of the purge log. First how many purges 1, 2 and 4 workers do. Then, while people
go, everything is killed in turn: a worker, a web, a pooler; a worker is cut off from the database; the object store is
silent for a while; the database is killed and its standby promoted. Fails when a request is lost, done twice, or
completed while something is left, or when the homes of the log differ. Needs Debian's `pgbouncer` and `pg_basebackup`;
takes some minutes. The figures go to ``tests/machines/results.json``. ``--only-kills``: the throughput is not measured
again, and stays as it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError

from tools.environment import ROOT
from tools.postgres import free_port, server_account
from tools.serve import descendants, parents_by_pid

HERE = Path(__file__).resolve().parent
PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
PATIENCE = 300.0
#: Purges in each turn of the throughput, and while things are killed.
MEASURED, PURGED = 16, 28
#: Everything short, so that what takes minutes in production is seen in seconds.
HASTE = {
    "Q_WORKERS": "1",
    "Q_TIMEOUT": "7",
    "Q_RETRY": "90",
    "Q_POLL": "0.1",
    "PURGE_SLICE_SECONDS": "3",
    "PURGE_LEASE_SECONDS": "4",
    "PURGE_RETRY_SECONDS": "1",
    "PURGE_RECONCILE_SECONDS": "1",
    "PURGE_CANARY_SECONDS": "1",
    "PURGE_GRACE_SECONDS": "1",
    "PURGE_RATE_GUARD": "100000",
    "WEB_WORKERS": "1",
    "LMS_BEHIND_POOLER": "1",
}
#: What gunicorn asks for before it reads the tests' settings, which have others otherwise.
KEYS = {
    "SECRET_KEY": "machines-only-" + "0123456789abcdef" * 3,
    "PURGE_HASH_KEY": "machines-only-" + "fedcba9876543210" * 3,
    "LMS_ENCRYPTION_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
}


class Process:
    """Something that runs on a machine, and can be killed with all that descends from it."""

    def __init__(self, words: list[str], environ: dict[str, str], log: Path, **options: Any) -> None:
        self.words, self.environ, self.log, self.options = words, environ, log, options
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.words, cwd=ROOT, env=self.environ, stdout=log, stderr=log, start_new_session=True, **self.options
            )

    def kill(self) -> None:
        if self.running is None:
            return
        for pid in [*descendants(self.running.pid, parents_by_pid()), self.running.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.running.wait()
        self.running = None

    def send(self, number: signal.Signals) -> None:
        assert self.running is not None
        os.kill(self.running.pid, number)


class Pooler(Process):
    """A machine's way to the database."""

    def __init__(self, address: str, folder: Path) -> None:
        self.port = free_port()
        self.url = f"postgres://postgres@{address}:{self.port}/lms"
        self.address, self.folder = address, folder / f"pooler-{address}"
        self.folder.mkdir()
        (self.folder / "users.txt").write_text('"postgres" ""\n')
        account = server_account()
        self.folder.chmod(0o755)
        assert PGBOUNCER is not None, "apt-get install pgbouncer"
        words = [PGBOUNCER, "-q", str(self.folder / "pgbouncer.ini")]
        super().__init__(words, dict(os.environ), folder / "log", **(account.subprocess_options() if account else {}))

    def point_at(self, port: int) -> None:
        """To which server it leads; as an operator changes it after a failover."""
        ini = self.folder / "pgbouncer.ini"
        ini.write_text(
            f"[databases]\nlms = host=127.0.0.1 port={port} dbname=lms\n[pgbouncer]\nlisten_addr = {self.address}\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {self.folder}/users.txt\n"
            "pool_mode = transaction\ndefault_pool_size = 3\nserver_login_retry = 1\n"
        )
        ini.chmod(0o644)
        if self.running is not None:
            self.send(signal.SIGHUP)


def until(happened: Callable[[], Any], what: str) -> float:
    """Wait for it; for how many seconds."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(OSError, BotoCoreError):
            if happened():
                return time.monotonic() - began
        assert time.monotonic() - began < PATIENCE, f"it took too long: {what}"
        time.sleep(0.1)


class Site:
    """Two webs (127.0.0.11, .12) and as many workers as are asked for (127.0.0.21 …)."""

    def __init__(self, folder: Path, environ: dict[str, str], port: int) -> None:
        self.folder, self.environ, self.database = folder, environ, port
        self.poolers: dict[str, Pooler] = {}
        self.webs = [self._web(f"127.0.0.1{number}") for number in (1, 2)]
        self.workers = [self._worker(f"127.0.0.2{number}") for number in range(1, 5)]

    def pooler(self, address: str) -> Pooler:
        pooler = self.poolers[address] = Pooler(address, self.folder)
        pooler.point_at(self.database)
        pooler.start()
        return pooler

    def _web(self, address: str) -> tuple[Process, str]:
        environ, port = self._environ(address), free_port()
        words = ["-m", "gunicorn", "--bind", f"{address}:{port}", "--config", "python:tools.gunicorn_config"]
        process = Process([sys.executable, *words, "lms_purge.wsgi"], environ, self.folder / "log")
        return process, f"http://{address}:{port}/admin/login/"

    def _worker(self, address: str) -> Process:
        return Process([sys.executable, "manage.py", "worker"], self._environ(address), self.folder / "log")

    def _environ(self, address: str) -> dict[str, str]:
        return {
            **self.environ,
            "DATABASE_URL": self.pooler(address).url,
            "PURGE_JOURNAL_WRITER": f"machine-{address}",
            "ALLOWED_HOSTS": "127.0.0.11,127.0.0.12",
        }

    def answers(self, number: int) -> bool:
        try:
            with urllib.request.urlopen(self.webs[number][1], timeout=5) as answer:
                return int(answer.status) == 200
        except urllib.error.HTTPError:
            return False

    def failed_over(self, port: int) -> None:
        self.database = port
        for pooler in self.poolers.values():
            pooler.point_at(port)

    def kill(self) -> None:
        for process in [*self.workers, *(web for web, _url in self.webs), *self.poolers.values()]:
            process.kill()


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[tuple[Any, Any]]:
    """A server and a standby that has what was committed."""
    from tests.drills.servers import Copy, Primary

    class Careful(Primary):
        """Whoever commits waits for the standby, so that a failover loses nothing. (Told by the command line that
        starts it, it would wait for nobody, whatever its settings say later.)"""

        settings = {name: value for name, value in Primary.settings.items() if name != "synchronous_commit"}

    with Careful() as primary:
        (folder / "standby").mkdir()
        standby = Copy(primary.copy(folder / "standby"), binaries=primary._binaries)
        try:
            standby.stands_by(primary)
            primary.asked("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.asked("SELECT pg_reload_conf()")
            until(lambda: primary.asked("SELECT sync_state FROM pg_stat_replication") == "sync", "the standby")
            yield primary, standby
        finally:
            standby.stop("immediate")


def main(measured: bool) -> int:
    """``measured``: also how many purges the workers do; else the figures of the run before stay."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lms-purge-machines-")))
        folder.chmod(0o755)
        primary, standby = stack.enter_context(servers(folder))
        from tests.machines.store import Store

        store = Store(folder)
        stack.callback(store.kill)
        store.begin()
        environ = {
            **os.environ,
            **HASTE,
            **KEYS,
            "DJANGO_SETTINGS_MODULE": "tests.machines.settings",
            "MEDIA_ROOT": str(folder / "media"),
            **store.told(folder),
        }
        (folder / "media").mkdir()
        site = Site(folder, environ, primary.port)
        stack.callback(site.kill)
        os.environ.update({**environ, "DATABASE_URL": site.pooler("127.0.0.31").url})
        directly = {**os.environ, "DATABASE_URL": primary.url, "LMS_BEHIND_POOLER": "0"}
        for command in ("migrate", "createcachetable"):
            words = [sys.executable, "manage.py", command, "-v", "0"]
            subprocess.run(words, cwd=ROOT, env=directly, check=True)
        import django

        django.setup()
        from tests.machines.drill import drilled

        seen = drilled(site, primary, standby, store, measured=measured)
    if not measured:
        seen["throughput"] = json.loads((HERE / "results.json").read_text())["throughput"]
    seen["seconds"] = round(time.monotonic() - began)
    (HERE / "results.json").write_text(json.dumps(seen, indent=1) + "\n")
    print(json.dumps(seen), flush=True)
    bad = [
        name
        for name in ("lost", "done_twice", "falsely_completed", "others_lost", "alarms", "log_unlike")
        if seen[name]
    ]
    print(f"did not pass: {', '.join(bad)}" if bad else "all passed", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(measured="--only-kills" not in sys.argv))
