"""By what a database is told from a copy of it: its server and number, or its file."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

Identity = dict[str, Any]


def database_identity(connection: BaseDatabaseWrapper) -> Identity:
    """Words and numbers that stay for as long as the database is where it is.

    PostgreSQL: the server's system identifier (None where it is not shown) and the database's number. SQLite: the
    file's number, its device, and a digest of its path. A database in memory has none of these.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()")
            number = int(cursor.fetchone()[0])
        return {"kind": "postgresql", "system": _system_identifier(connection), "database": number}
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        path = next((str(file) for _number, name, file in cursor.fetchall() if name == "main" and file), "")
    if not path:
        return {"kind": "memory"}
    state = os.stat(path)
    digest = hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]
    return {"kind": "sqlite", "file": state.st_ino, "device": state.st_dev, "path": digest}


def _system_identifier(connection: BaseDatabaseWrapper) -> str | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT system_identifier FROM pg_catalog.pg_control_system()")
            return str(cursor.fetchone()[0])
    except DatabaseError:
        return None


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
