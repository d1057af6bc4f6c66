"""Request IDs that can be read over the phone: ``PUR-7Q4M-2KX9-N``.

31 letters and digits without look-alikes (no 0/O, 1/I/L). The last one checks the eight before it: a weighted sum
modulo the prime 31, so one wrong character or two neighbours swapped is always noticed, and a mistyped ID is told apart
from an unknown one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.utils.translation import gettext as _

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
PREFIX = "PUR"
LENGTH = 8


class MistypedReference(ValueError):
    """The text is no request ID: wrong length, a character that never occurs, or the check character differs."""


def check_character(body: str) -> str:
    """The character that completes ``body`` (eight characters of :data:`ALPHABET`)."""
    total = sum((position + 2) * ALPHABET.index(character) for position, character in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]


def new_reference() -> str:
    """A random request ID; 31**8 of them, so the unique column rarely has to ask again."""
    body = "".join(secrets.choice(ALPHABET) for _n in range(LENGTH))
    return _format(body + check_character(body))


def parse_reference(text: str) -> str:
    """The request ID that somebody typed (any case, with or without dashes, spaces, prefix).

    Raises :class:`MistypedReference` with a message that says what to look at.
    """
    letters = "".join(character for character in text.upper() if character.isalnum())
    # Without its prefix an ID is nine long; a body that itself begins with PUR must not be cut.
    if len(letters) == len(PREFIX) + LENGTH + 1 and letters.startswith(PREFIX):
        letters = letters.removeprefix(PREFIX)
    if len(letters) != LENGTH + 1:
        raise MistypedReference(_("A request ID looks like PUR-7Q4M-2KX9-N: nine letters and digits after PUR."))
    wrong = sorted({character for character in letters if character not in ALPHABET})
    if wrong:
        raise MistypedReference(
            _("%(characters)s never occurs in a request ID: please read it again.") % {"characters": ", ".join(wrong)}
        )
    if check_character(letters[:LENGTH]) != letters[LENGTH]:
        raise MistypedReference(_("Check the ID: the last character doesn’t match."))
    return _format(letters)


def _format(letters: str) -> str:
    return f"{PREFIX}-{letters[:4]}-{letters[4:8]}-{letters[8]}"


_working_on: ContextVar[str] = ContextVar("working_on", default="")


def working_on() -> str:
    """The ID of the purge request that this thread is at work on, for each line of the log; empty for none."""
    return _working_on.get()


@contextmanager
def named_in_logs(reference: str) -> Iterator[None]:
    """Name a purge request in all lines that are logged meanwhile."""
    token = _working_on.set(reference)
    try:
        yield
    finally:
        _working_on.reset(token)
