"""The side that asks: starts the child, hands it files, takes its answers, ends it when it takes too long."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Self

from purge.sandbox import child

#: How much of a file is handed over together.
BLOCK: Final = 262_144
#: A child reads so many files at most: whatever a library does not give back ends with it.
MOST_FILES: Final = 500
#: What Windows does not have.
KILLED: Final = getattr(signal, "SIGKILL", 9)
ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What the child said of a file: its words in order, and why it did not come to the end ('' if it did)."""

    said: list[Any] = field(default_factory=list)
    trouble: str = ""


class SandboxBroken(OSError):
    """The child does not start, or somebody else has killed it: no file is at fault, and nothing may be concluded."""


class Sandbox:
    """Runs a reader (see :func:`purge.sandbox.child.serve`) for as long as the ``with`` block lasts.

    ``program``: what Python is to run, as on its command line: ``"-m", "package.reader"``.

    The child starts with the first file, so whoever asks nothing pays nothing.
    """

    def __init__(self, *program: str) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def read(self, content: IO[bytes]) -> Answer:
        """Hand a file over, from where it stands to its end, and wait for what the child says about it.

        Raises :class:`SandboxBroken` when that is nothing because of the machine or the installation.
        """
        if self._files >= MOST_FILES:
            self._end()
        process = self._process or self._begin()
        self._files += 1
        # Another signal than the kernel's, when memory is short: that is no limit of ours.
        late = threading.Timer(child.LONGEST_SECONDS, process.terminate)
        late.start()
        try:
            return self._read(process, content)
        finally:
            late.cancel()

    def _read(self, process: subprocess.Popen[bytes], content: IO[bytes]) -> Answer:
        assert process.stdin is not None and process.stdout is not None
        handed = 0
        try:
            while block := content.read(BLOCK):
                handed += len(block)
                if handed > child.LARGEST:
                    break
                process.stdin.write(b"%d\n" % len(block) + block)
            process.stdin.write(b"%d\n" % (0 if handed <= child.LARGEST else -1))
            process.stdin.flush()
        except BrokenPipeError:
            return Answer([], self._died())
        said: list[Any] = []
        while line := process.stdout.readline():
            try:
                word = json.loads(line)
            except ValueError:
                break
            if isinstance(word, dict) and (ended := word.get(child.ENDED)) is not None:
                return Answer(said, ended)
            said.append(word)
        return Answer(said, self._died())

    def _begin(self) -> subprocess.Popen[bytes]:
        self._files = 0
        # Nothing of this process's environment: no password of the database, no key. And no word of it in a log, since
        # libraries quote what they stumble over.
        self._process = subprocess.Popen(  # noqa: S603 - a module of ours, named in the code
            [sys.executable, "-s", *self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8"},
        )
        assert self._process.stdout is not None
        if json.loads(self._process.stdout.readline() or b"null") != {child.READY: True}:
            self._end()
            raise SandboxBroken(f"{' '.join(self._program)} does not start")
        return self._process

    def _died(self) -> str:
        process = self._process
        assert process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        code = process.returncode
        self._end()
        # An error of Python's own, and the signal of somebody who kills.
        if code is not None and (code > 0 or code == -KILLED):
            raise SandboxBroken(f"{' '.join(self._program)} ended with {code}")
        return child.LIMIT

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
