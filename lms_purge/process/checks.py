"""What ``check --deploy`` says of the site itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, NotSupportedError, connections

from purge.database import dialect_of
from purge.database.looking.copies import LOGGED


@checks.register("mail", deploy=True)
def check_mail_server(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """lms_purge.W001: without a mail server mails are printed, and what a service prints ends in its log."""
    if settings.EMAIL_HOST:
        return []
    return [
        checks.Warning(
            "There is no mail server: mails, with names and addresses, go to standard output, and so into a log.",
            hint="Set EMAIL_HOST.",
            id="lms_purge.W001",
        )
    ]


def too_old_server() -> str:
    """What is said of a default database whose server is older than those that are supported; empty for all others.

    Django refuses the first connection, and takes the second as it is: so whoever passes over the first error goes on.
    """
    connection = connections["default"]
    if connection.vendor != "postgresql":
        return ""
    try:
        found = connection.get_database_version()
    except NotSupportedError:
        found = connection.get_database_version()
    except DatabaseError:
        return ""
    needed = connection.features.minimum_database_version
    if needed is None or found >= needed:
        return ""
    return f"PostgreSQL {needed[0]} or newer is needed, and this server is {'.'.join(map(str, found))}."


def no_database() -> str:
    """What is said where no connection to the default database comes about; empty where one does."""
    connection = connections["default"]
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        # Of a connection that never was: no row is in it. Of several lines the first says why.
        why = str(error).strip().splitlines()[:1] or [type(error).__name__]
        return f"The database that DATABASE_URL names does not answer: {why[0].strip()}"
    return ""


@checks.register(checks.Tags.database)
def check_server(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """lms_purge.E001: the server is of a release that nobody mends any more."""
    text = too_old_server() if databases and "default" in databases else ""
    hint = "Move the database to a newer server (pg_upgrade, or pg_dump and pg_restore), then run manage.py migrate."
    return [checks.Error(text, hint=hint, id="lms_purge.E001")] if text else []


@checks.register(checks.Tags.database)
def check_server_log(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """lms_purge.W002: PostgreSQL's own log would hold the addresses of people who are purged."""
    if not databases or "default" not in databases:
        return []
    try:
        if not dialect_of(connections["default"]).logs_values():
            return []
    except DatabaseError:
        return []
    bound = connections["default"].settings_dict["OPTIONS"].get("server_side_binding")
    not_bound = "" if bound else " and take server_side_binding=0 out of DATABASE_URL"
    return [
        checks.Warning(
            "PostgreSQL logs statements with their values: addresses of people who are purged stay in its log.",
            hint=f"Set log_parameter_max_length = 0 there{not_bound}, or log no statements ({', '.join(LOGGED[:-1])}).",
            id="lms_purge.W002",
        )
    ]
