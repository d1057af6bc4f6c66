"""The entry of `./run`, `./test` and `./check`. Needs Python 3.11 and nothing else; on Windows: py -m tools.dev run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from tools.environment import DEVELOPMENT, ROOT, RUNTIME, Problem, ensure_venv, python_of, say
from tools.messages import messages
from tools.postgres import PostgresError
from tools.serve import run
from tools.suite import check, test

USAGE = "Usage: python -m tools.dev run|test|check|lock|messages|screenshots …"


def lock(arguments: Sequence[str]) -> int:
    """Compile the two requirements files anew from their .in files; further words (`--upgrade`) go to uv."""
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--only-binary", ":all:"]
    # No addresses in the files: whoever installs has a registry of their own, or a mirror.
    options += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(python_of(Path(folder)))
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        for target in (RUNTIME, DEVELOPMENT):
            source = target.replace(".txt", ".in")
            compile_ = [python, "-m", "uv", "pip", "compile", *options, *arguments, source, "--output-file", target]
            subprocess.run(compile_, cwd=ROOT, check=True)
    return 0


def screenshots(arguments: Sequence[str]) -> int:
    """Make the pictures of the documents anew, in the development environment."""
    python = ensure_venv(DEVELOPMENT)
    return subprocess.run([str(python), "-m", "tools.screenshots", *arguments], cwd=ROOT, check=False).returncode


def main(arguments: Sequence[str]) -> int:
    verbs = {"run": run, "test": test, "check": check, "lock": lock, "messages": messages, "screenshots": screenshots}
    if not arguments or arguments[0] not in verbs:
        say(USAGE)
        return 2
    try:
        return verbs[arguments[0]](arguments[1:])
    except (Problem, PostgresError) as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
