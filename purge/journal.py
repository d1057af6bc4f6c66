"""The journal: a file outside the database that a restored backup will need one day.

One line of JSON for each accepted request: its ID, when, which row ids, and the keyed hashes of the identifiers.
Appended and forced to disk before the submission's transaction commits, so that no purge is under way of which it knows
nothing (a line of a submission that was then rolled back is marked by its absence from the database).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from purge.models import PurgeRequest


def journal_path() -> Path:
    return Path(settings.PURGE_JOURNAL)


def append_acceptance(request: PurgeRequest, *, people: Iterable[int], digests: Iterable[tuple[str, str, str]]) -> None:
    """Append a request. ``digests``: (kind, hash, normal form of what was hashed).

    Raises OSError when the line did not reach the disk.
    """
    append(
        {
            "event": "accepted",
            "request": request.reference,
            "at": request.accepted_at.isoformat(),
            "route": request.route,
            "account": request.account_id,
            "people": sorted(people),
            "hashes": sorted(list(each) for each in digests),
            "key": request.key_fingerprint,
        }
    )


def append(line: dict[str, Any]) -> None:
    """Append one line and force it to disk; the file is only ever opened for appending, and readable by its owner."""
    path = journal_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # One write call: lines of two processes do not run into each other.
        os.write(descriptor, (json.dumps(line, separators=(",", ":"), ensure_ascii=True) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_journal() -> Iterator[dict[str, Any]]:
    """All lines, oldest first; a last line that was cut by a crash is passed over."""
    path = journal_path()
    if not path.exists():
        return
    with path.open(encoding="ascii") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue
