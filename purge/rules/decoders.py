"""How columns are read whose content the database cannot read; a rule names its decoder (:attr:`Reasoned.decoded_by`).

Nothing stored is ever executed: a pickle is not loaded, its bytes are read as text, in which strings stand plainly.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable
from typing import Any

Decoder = Callable[[Any], str]


def signed_text(value: Any) -> str:
    """What :mod:`django.core.signing` made (sessions, queued tasks): ``[.]base64:…:signature``, perhaps compressed."""
    body = str(value).split(":", 1)[0]
    compressed = body.startswith(".")
    body = body.removeprefix(".")
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return (zlib.decompress(raw) if compressed else raw).decode("utf-8", "replace")
    except (binascii.Error, ValueError, zlib.error):
        return str(value)


def pickled_text(value: Any) -> str:
    """A pickle in base64 (task arguments and results, the cache's values)."""
    text = bytes(value).decode("ascii", "replace") if isinstance(value, bytes | memoryview) else str(value or "")
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return text
