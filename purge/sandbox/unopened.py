"""Why something in a file could not be read: a closed set of words, for readers, pages and tables."""

from enum import StrEnum


class Unopened(StrEnum):
    """What was not read. Its words for people stand in :class:`purge.choices.UnopenedKind`."""

    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    #: Larger, deeper or slower than what is looked at.
    LIMIT = "limit"
    #: Pictures, sound and films, and pages that are only scanned.
    PICTURE = "picture"
    UNKNOWN = "unknown"
