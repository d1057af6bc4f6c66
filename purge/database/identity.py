"""By what a database is told from a copy of it: its server and number, or its file.

PostgreSQL: the server's system identifier (None where it is not shown) and the database's number. SQLite: the file's
number, its device, and a digest of its path. A database in memory has none of these.
"""

from __future__ import annotations

from purge.database.dialect import Identity


def same_database(before: Identity, now: Identity) -> bool:
    """Whether both are one database in one place: not a copy, nor one that was restored beside its original.

    A file that was moved on its device stays the same, and so does one whose device has another number after a start
    of the machine. What one of the two does not know is not compared.
    """
    if "memory" in (before.get("kind"), now.get("kind")):
        return True
    if before.get("kind") != now.get("kind"):
        return False
    if now["kind"] == "postgresql":
        systems = {before.get("system"), now["system"]} - {None}
        return len(systems) < 2 and before.get("database") == now["database"]
    near = before.get("device") == now["device"] or before.get("path") == now["path"]
    return near and bool(before.get("file") == now["file"])
