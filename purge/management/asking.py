"""A command that destroys shows what it would do, and asks."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError

from purge.management.base import NEEDS_YOU, USAGE

#: What has to be typed to go on.
WORD = "purge"


def ask(command: Any, lines: Iterable[str], *, nothing: str) -> None:
    """The impact and the question go to standard error, so that standard output holds the answer alone.

    Raises CommandError, which begins with ``nothing`` ("Nothing was purged"), unless the word is typed at a terminal.
    """
    _ask(command, lines, nothing=nothing, wanted=WORD, question=f"This cannot be undone. Type {WORD} to go on:")


def ask_number(command: Any, lines: Iterable[str], *, nothing: str, number: int, what: str) -> None:
    """The same, with a number that has to be typed, so that nobody goes on who has not read it. ``what`` it counts."""
    question = f"This cannot be undone. Type {number}, the number of {what}, to go on:"
    _ask(command, lines, nothing=nothing, wanted=str(number), question=question)


def _ask(command: Any, lines: Iterable[str], *, nothing: str, wanted: str, question: str) -> None:
    for line in lines:
        command.stderr.write(line)
    if not sys.stdin.isatty():
        raise CommandError(
            f"{nothing}: there is no terminal to ask at. Read the above, then add --yes.", returncode=USAGE
        )
    command.stderr.write(question)
    if sys.stdin.readline().strip().lower() != wanted:
        raise CommandError(f"{nothing}.", returncode=NEEDS_YOU)
