"""The project's own virtual environment and keys. Standard library only: this runs before anything is installed."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from keys import folder as keys

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VAR = ROOT / "var"
RUNTIME = "requirements.txt"
DEVELOPMENT = "requirements-dev.txt"
NO_VENV = (
    "Python cannot make virtual environments here: type `sudo apt-get install python3-venv` "
    "(Debian, Ubuntu), then try again."
)


class Problem(Exception):
    """Something that the person at the terminal can mend. The text is one sentence that says what to type."""


def say(text: str) -> None:
    """Tell the person something, apart from a command's own output."""
    print(text, file=sys.stderr, flush=True)


def python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let `./run` and `./test`, typed at the same moment, wait for each other while they install."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":
        yield
        return
    import fcntl

    with (folder / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# The virtual environment


def digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def installed(venv: Path) -> dict[str, str]:
    """Which requirements files are installed: name → digest. Empty when the environment is missing or broken."""
    if not python_of(venv).exists():  # follows the link: the Python that made it may be gone
        return {}
    try:
        stamp = json.loads((venv / "installed.json").read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_current(venv: Path, requirements: Path) -> bool:
    return installed(venv).get(requirements.name) == digest(requirements)


def ensure_venv(name: str, *, root: Path = ROOT, venv: Path = VENV) -> Path:
    """Install the locked file `name` into `venv` unless it is there already; return the environment's Python."""
    requirements = root / name
    if is_current(venv, requirements):
        return python_of(venv)
    with one_at_a_time(root / "var"):
        if not is_current(venv, requirements):
            _install(requirements, venv)
    return python_of(venv)


def _install(requirements: Path, venv: Path) -> None:
    say(f"Installing {requirements.name} into {venv.name} (the first time takes about half a minute) …")
    if not _has_pip(venv):
        _make(venv)
    _pip(python_of(venv), requirements)
    stamp = {requirements.name: digest(requirements)}
    runtime = requirements.with_name(RUNTIME)
    if requirements.name == DEVELOPMENT and runtime.exists():
        stamp[RUNTIME] = digest(runtime)  # the development file contains it, at the same versions
    (venv / "installed.json").write_text(json.dumps(stamp))


def _has_pip(venv: Path) -> bool:
    python = python_of(venv)
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def _make(venv: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise Problem(NO_VENV)
    shutil.rmtree(venv, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", venv], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise Problem(NO_VENV if "ensurepip" in done.stdout + done.stderr else _last_line(done))


def _pip(python: Path, requirements: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes", "--only-binary", ":all:"]
    done = subprocess.run(
        [python, "-m", "pip", "install", *options, "-r", requirements], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        say(done.stderr)
        raise Problem(f"pip could not install {requirements.name} (see above): check the network, then type it again.")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else "Python could not make a virtual environment."


# Keys


def ensure_keys(environ: Mapping[str, str], *, folder: Path = VAR) -> dict[str, str]:
    """Where this installation's keys are, for the settings. Those that `environ` does not give are made once.

    In `folder`/keys, unless `environ` names another folder. What earlier versions kept in keys.env is taken over.
    """
    chosen = Path(environ.get("LMS_KEYS") or folder / "keys")
    with one_at_a_time(folder):
        try:
            given = [key for key in keys.KEYS if environ.get(key.variable)]
            keys.make_missing(chosen, keys.read_variables(folder / "keys.env"), but=given)
        except keys.UnsafeFolder as trouble:
            raise Problem(str(trouble)) from None
    return {"LMS_KEYS": str(chosen)}
