import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


@dataclass
class Ran:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Keyboard(io.StringIO):
    """Standard input. ``terminal``: whether somebody sits there."""

    def __init__(self, text: str, *, terminal: bool) -> None:
        super().__init__(text)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def run(monkeypatch) -> Callable[..., Ran]:
    """Runs a command as the command line does, without its process."""

    def run_command(*words: str, stdin: str = "", terminal: bool = False) -> Ran:
        out, err, code = io.StringIO(), io.StringIO(), 0
        monkeypatch.setattr(sys, "stdin", Keyboard(stdin, terminal=terminal))
        try:
            call_command(*words, stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        return Ran(code, out.getvalue(), err.getvalue())

    return run_command
