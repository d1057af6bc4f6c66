"""Which release of the engine this process is."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import purge
from purge.rules.fingerprint import rules_fingerprint


@cache
def this_release() -> str:
    """Sixteen characters that change with the rules and with the code of this package, the same in every process."""
    digest = hashlib.sha256(rules_fingerprint().encode())
    for path in sorted(Path(purge.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
