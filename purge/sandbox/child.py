"""The side that reads. A file's bytes come in blocks, each behind its length and a line end; 0 ends the file.

The first line that is said is ``{"ready": true}``. What a reader says of a file are JSON lines, the last of them
``{"ended": ""}``, or why it did not come to the end.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

try:
    import resource
except ImportError:  # Windows: there the clock alone ends a child
    resource = None  # type: ignore[assignment]

#: Seconds of processor time for a file, and of the clock.
MOST_SECONDS: Final = 20
LONGEST_SECONDS: Final = 120.0
#: Bytes of memory that a child may take.
MOST_MEMORY: Final = 1_000_000_000
#: Bytes of a file that are looked at; a larger one is not read.
LARGEST: Final = 200_000_000

READY: Final = "ready"
ENDED: Final = "ended"
#: Why a file was not read to its end: a limit, or that the reader failed at it.
LIMIT: Final = "limit"
FAILED: Final = "failed"


def serve(read: Callable[[bytes], Iterator[Any]]) -> None:
    """Read files until there are none, each within the limits. What ``read`` yields is said at once, so that it is
    known even if the next word is never reached. Whatever ``read`` needs is imported before: a library that is missing
    is no fault of a file."""
    _limit_memory()
    _say({READY: True})
    while (content := _next(sys.stdin.buffer)) is not None:
        _limit_seconds()
        _say({ENDED: _read(read, content)})


def _read(read: Callable[[bytes], Iterator[Any]], content: bytes | bytearray) -> str:
    if not content:
        return LIMIT
    try:
        for word in read(bytes(content)):
            _say(word)
    except (MemoryError, RecursionError):
        return LIMIT
    except ImportError:
        raise
    except BaseException:  # noqa: BLE001 - the boundary: what a library does with a broken file is its failure, panics too
        return FAILED
    return ""


def _next(stream: BinaryIO) -> bytearray | None:
    """The bytes of the next file; none of one that is too large, None when the parent has gone."""
    content = bytearray()
    while True:
        length = stream.readline()
        if not length:
            return None
        match int(length):
            case 0:
                return content
            case -1:
                return bytearray()
            case number:
                content += stream.read(number)


def _say(word: Any) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def _limit_memory() -> None:
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        # No file is written, least of all a core with somebody's address in it.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _limit_seconds() -> None:
    if resource is not None:
        used = int(time.process_time()) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (used + MOST_SECONDS, resource.RLIM_INFINITY))
