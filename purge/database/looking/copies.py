"""What copies the contents of a database to somewhere else, as far as the server tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class CopyKind(StrEnum):
    """What somebody is who gets the contents of the database."""

    STANDBY = "standby"
    SLOT = "slot"
    ARCHIVE = "archive"
    #: The server's own log of changes, whose segments are used again after a while.
    LOG = "log"


@dataclass(frozen=True)
class Copy:
    """``name``: of a standby as it calls itself, or the number of its process; of a slot. ``at``: when an archive last
    took something, None: not yet, or nobody tells."""

    kind: CopyKind
    name: str = ""
    at: datetime | None = None


#: A role that may not look into other sessions reads the number of a standby's process alone.
COPIES: Final = """
SELECT 'standby', coalesce(nullif(r.application_name, ''), ''), r.pid::text, NULL::timestamptz
FROM pg_catalog.pg_stat_replication r
UNION ALL
SELECT 'slot', s.slot_name::text, '', NULL FROM pg_catalog.pg_replication_slots s
WHERE s.database IS NULL OR s.database = current_database()
UNION ALL
SELECT 'archive', '', '', a.last_archived_time FROM pg_catalog.pg_stat_archiver a
WHERE current_setting('archive_mode') <> 'off'
ORDER BY 1, 2, 3
"""
#: Settings of the server by which it logs statements; the last one says how much of their values.
LOGGED: Final = (
    "log_statement",
    "log_min_duration_statement",
    "log_min_duration_sample",
    "auto_explain.log_min_duration",
    "log_parameter_max_length",
)


def logs_values(settings: list[str | None], *, bound: bool) -> bool:
    """Whether a server with these settings (of :data:`LOGGED`) writes the values of statements into its log.

    ``bound``: values are sent apart from their statements. A duration of -1 is none, and a module that is not loaded
    has no setting.
    """
    statement, *durations, parameters = settings
    logged = statement in ("mod", "all") or any(not (each or "-1").startswith("-1") for each in durations)
    return logged and not (bound and parameters == "0")
