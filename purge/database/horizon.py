"""What keeps PostgreSQL from giving up deleted rows: whoever may still look at the database as it was before.

VACUUM removes nothing that a transaction, a transaction that was prepared and forgotten, a replication slot, or a
standby that reports back may still need. Transactions are numbered, so each of these is as old as its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Numbers in the catalogue are the lower half of the whole ones.
_HALF: Final = 2**31

NEXT: Final = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text"
#: The oldest transaction of the whole server that has written and is not over.
OLDEST: Final = "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text"
# A session that has written holds as much back by the number of its own transaction. A VACUUM holds nothing back.
HOLDERS: Final = """
SELECT CASE WHEN a.backend_type = 'walsender' THEN 'standby' ELSE 'session' END, a.pid::text,
  extract(epoch FROM now() - a.xact_start)::float8, x::text
FROM pg_catalog.pg_stat_activity a, unnest(ARRAY[a.backend_xmin, a.backend_xid]) x
WHERE x IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
  AND (a.datname = current_database() OR a.datname IS NULL)
  AND a.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum v)
UNION ALL
SELECT 'prepared', p.transaction::text, extract(epoch FROM now() - p.prepared)::float8, p.transaction::text
FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database()
UNION ALL
SELECT 'slot', s.slot_name::text, NULL, s.xmin::text
FROM pg_catalog.pg_replication_slots s WHERE s.xmin IS NOT NULL
UNION ALL
SELECT 'standby', r.pid::text, NULL, r.backend_xmin::text
FROM pg_catalog.pg_stat_replication r WHERE r.backend_xmin IS NOT NULL
"""


class Kind(StrEnum):
    """What somebody is who holds deleted rows back."""

    SESSION = "session"
    PREPARED = "prepared"
    SLOT = "slot"
    STANDBY = "standby"
    #: A transaction that has written in another database of the server.
    ELSEWHERE = "elsewhere"
    #: SQLite: somebody reads, or writes, while the log is to be emptied.
    READER = "reader"


@dataclass(frozen=True)
class Holder:
    """Who holds deleted rows back. ``name``: the number of a process or of a transaction, the name of a slot;
    ``seconds``: for how long, as far as the database tells. No query, and no name that somebody typed."""

    kind: Kind
    name: str = ""
    seconds: int | None = None


def holders_before(mark: int, rows: Callable[[str], Sequence[tuple]], *, of_a_copy: bool = False) -> list[Holder]:
    """Those who may still need what was deleted before the transaction of this number; each once, the oldest first.

    ``rows`` asks the database. ``of_a_copy``: of whom a statement takes notice that copies a table (VACUUM FULL): its
    own snapshot counts, and is as old as the oldest transaction that has written anywhere on the server.
    """
    ((written,),) = rows(NEXT)
    now = int(written)
    found: dict[tuple[str, str], tuple[int, Holder]] = {}
    for kind, name, seconds, number in rows(HOLDERS):
        whole = _whole(int(number), now)
        if whole < mark and whole < found.get((kind, name), (now + 1, None))[0]:
            age = None if seconds is None else max(0, int(seconds))
            found[kind, name] = whole, Holder(Kind(kind), name, age)
    holders = [holder for _whole, holder in sorted(found.values(), key=lambda each: each[0])]
    if of_a_copy and not holders:
        ((oldest,),) = rows(OLDEST)
        return [Holder(Kind.ELSEWHERE, oldest)] if int(oldest) < mark else []
    return holders


def _whole(number: int, now: int) -> int:
    """The whole number of a transaction that is at most two thousand million away from now."""
    return now - ((now - number + _HALF) % (2 * _HALF) - _HALF)
