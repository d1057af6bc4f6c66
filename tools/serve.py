"""`./run`: prepare, then web and worker under one parent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.environment import DEVELOPMENT, ROOT, RUNTIME, VAR, Problem, ensure_keys, ensure_venv, say
from tools.postgres import Kept, PostgresError

HOST = "127.0.0.1"
# A worker finishes what it is at; after this it is killed, and its lease brings the work back.
STOP_SECONDS = 60
USAGE = "Usage: ./run [--postgres] starts the site; ./run [--postgres] manage.py COMMAND … runs one command."


def run(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Serve, or run one `manage.py` command. Returns the exit code."""
    words = list(arguments)
    on_postgres = words[:1] == ["--postgres"]
    if on_postgres:
        words.pop(0)
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if words and words[0] != "manage.py":
        raise Problem(USAGE)
    port = None if words else free_port_or_problem(environ)
    python = ensure_venv(RUNTIME)
    settings = {**environ, **ensure_keys(environ)}
    with kept_postgres(on_postgres) as database:
        settings |= database
        if port is None:
            return command([str(python), *words], settings, replace=not on_postgres)
        return serve(python, port, settings)


def free_port_or_problem(environ: Mapping[str, str]) -> int:
    """The port from PORT (default 8000). Raises Problem when it is none, or taken."""
    text = environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Problem(f"PORT is {text!r}, which is no port number: type PORT=8000 ./run.")
    port = int(text)
    with socket.socket() as probe:
        # As the web server binds it: a port whose last connections are only fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise Problem(f"Port {port} needs root's rights: type PORT=8000 ./run.") from None
        except OSError:
            other = port + 1 if port < 65535 else 8000
            raise Problem(f"Port {port} is taken: stop what listens there, or type PORT={other} ./run.") from None
    return port


@contextlib.contextmanager
def kept_postgres(wanted: bool) -> Iterator[dict[str, str]]:
    """The kept PostgreSQL's DATABASE_URL. It is stopped at the end by whoever started it."""
    if not wanted:
        yield {}
        return
    server = _kept_server()
    was_running = server.running()
    server.start()
    try:
        yield {"DATABASE_URL": server.url}
    finally:
        if not was_running:
            server.stop()


def _kept_server() -> Kept:
    try:
        return Kept(VAR / "postgres")
    except PostgresError:
        say("No PostgreSQL is installed here: fetching the one that the tests use.")
        ensure_venv(DEVELOPMENT)
        return Kept(VAR / "postgres")


def command(words: Sequence[str], environ: Mapping[str, str], *, replace: bool) -> int:
    """Run one command; with `replace` this process becomes it, so that signals and exit code are its own."""
    if replace and os.name != "nt":
        os.chdir(ROOT)
        os.execve(words[0], list(words), dict(environ))
    child = subprocess.Popen(words, cwd=ROOT, env=dict(environ))
    # Ctrl-C reaches the command by itself; this parent only waits, to stop the database afterwards.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code


# Serving


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]


class Stop:
    """Counts the requests to stop (Ctrl-C, SIGTERM); the second one shortens the wait."""

    def __init__(self) -> None:
        self.count = 0

    def listen(self) -> None:
        signal.signal(signal.SIGINT, self._asked)
        signal.signal(signal.SIGTERM, self._asked)
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ./run
            signal.signal(signal.SIGHUP, self._asked)

    def _asked(self, *_: object) -> None:
        self.count += 1


def address_of(port: int) -> str:
    """Where the site is, by name: a passkey belongs to a name, never to a number."""
    return f"http://localhost:{port}"


def serve(python: Path, port: int, environ: Mapping[str, str]) -> int:
    address = address_of(port)
    settings = {**environ, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    settings.setdefault("LMS_BASE_URL", address)
    stop = Stop()
    stop.listen()
    code = prepare(python, settings)
    if code != 0 or stop.count:
        return 0 if stop.count else code
    bind = ["--bind", f"{HOST}:{port}", "--log-level", "warning", "--config", "python:tools.gunicorn_config"]
    return supervise(
        {
            "web": [str(python), "-m", "gunicorn", *bind, "lms_purge.wsgi"],
            "worker": [str(python), "manage.py", "worker"],
        },
        settings,
        stop=stop,
        ready=lambda: accepts(port),
        welcome=f"\nLMS Purge is at {address}/admin/   (sign-ins above; Ctrl-C stops it)\n",
    )


def prepare(python: Path, environ: Mapping[str, str]) -> int:
    """Tables, static files, demo data. Returns the exit code."""
    return subprocess.run([python, "-m", "tools.prepare"], cwd=ROOT, env=dict(environ), check=False).returncode


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def supervise(
    commands: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    *,
    stop: Stop,
    ready: Callable[[], bool],
    welcome: str,
    stop_seconds: float = STOP_SECONDS,
) -> int:
    """Keep the commands running until one dies or a stop is asked for; then stop the rest.

    Returns 0 after a stop that was asked for, 1 when a child died by itself.
    """
    children = [Child(name, _start(words, environ)) for name, words in commands.items()]
    greeted = False
    try:
        while not stop.count and (dead := _dead(children)) is None:
            if not greeted and ready():
                print(welcome, flush=True)
                greeted = True
            time.sleep(0.1)
    finally:
        stop_children(children, stop, stop_seconds)
    if stop.count:
        say("Stopped.")
        return 0
    assert dead is not None  # the loop ended, and no stop was asked for
    say(f"The {dead.name} process ended by itself (exit code {dead.process.returncode}); the rest is stopped too.")
    return 1


def _start(words: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C must not reach the queue's processes all at once, or running tasks are cut.
    return subprocess.Popen(words, cwd=ROOT, env=dict(environ), start_new_session=True)


def _dead(children: Sequence[Child]) -> Child | None:
    return next((child for child in children if child.process.poll() is not None), None)


def stop_children(children: Sequence[Child], stop: Stop, seconds: float) -> None:
    """SIGTERM to each child's own process and no other, then wait, then SIGKILL to it and its descendants."""
    for child in children:
        if child.process.poll() is None:
            child.process.terminate()
    asked = stop.count
    end = time.monotonic() + seconds
    while any(child.process.poll() is None for child in children):
        if time.monotonic() > end or stop.count > asked + 1:
            break
        time.sleep(0.05)
    for child in children:
        if child.process.poll() is None:
            say(f"The {child.name} process did not stop in time and is killed; the next start takes its work up again.")
            _kill_tree(child.process)
            child.process.wait()


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and all that descend from it: the queue's cluster has a session of its own."""
    doomed = [*descendants(process.pid, parents_by_pid()), process.pid]
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def parents_by_pid() -> dict[int, int]:
    """Every process's parent: from /proc where there is one, else from ps."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
        return {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended while we looked
            # 12 (name of the program) S 1 …: the name may hold spaces and brackets
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    return parents


def descendants(pid: int, parents: Mapping[int, int]) -> list[int]:
    children = [child for child, parent in parents.items() if parent == pid]
    return [each for child in children for each in (*descendants(child, parents), child)]
