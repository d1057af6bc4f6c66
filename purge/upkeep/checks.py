"""System checks: gaps in the rules, a missing key, unindexed references.

The gaps of the models need no database and run with every command. Those that ask the database (tables nobody
accounts for, the fingerprint of the hash key) run with ``check --database default`` and before each submission.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, NotSupportedError, connections

from purge.addresses.index import is_current
from purge.choices import Trust
from purge.hashing import HashKeyMissing, fingerprint
from purge.rules.coverage import Gap, model_gaps, table_gaps, unindexed_references
from purge.rules.registry import get_registry
from purge.steps.addresses import text_column


def _error(gap: Gap) -> checks.Error:
    return checks.Error(str(gap), hint=gap.hint, obj=None, id=gap.id)


@checks.register("purge")
def check_rules(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """purge.E001 to E003, E005, E008, E009: a column without a rule, a rule that cannot work, a reason that is none, a
    consequence or decoder that is promised and not declared."""
    return [_error(gap) for gap in model_gaps()]


@checks.register("purge")
def check_indexes(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Warning(
            f"{where} is a foreign key to a person without an index.",
            hint="Index it (db_index=True): every purge would read the whole table.",
            id="purge.W001",
        )
        for where in unindexed_references()
    ]


@checks.register("purge")
def check_key(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    try:
        fingerprint()
    except HashKeyMissing as error:
        return [
            checks.Error(
                str(error),
                hint="Set PURGE_HASH_KEY to the key in the backup of your secrets. A new key cannot read old hashes.",
                id="purge.E006",
            )
        ]
    return []


@checks.register("purge", deploy=True)
def check_reach(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    if settings.PURGE_REACH_TRIAL == Trust.PROVED:
        return []
    return [
        checks.Warning(
            "A purge in any trial account erases from all others whoever has an address that was typed there.",
            hint="Where strangers can open a trial, set PURGE_REACH_TRIAL=proved: what is not proved waits for you.",
            id="purge.W002",
        )
    ]


@checks.register("purge")
def check_site_fence(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    if settings.PURGE_SITE_FENCE:
        return []
    return [
        checks.Warning(
            "A restored backup does not pause this site: people who were purged after it could sign in again.",
            hint="Take PURGE_SITE_FENCE=0 out of the environment as soon as the emergency is over.",
            id="purge.W003",
        )
    ]


@checks.register("purge", checks.Tags.database)
def check_database(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """purge.E004, E013: something of the database that nobody accounts for. purge.E007: the hash key is not the one
    that made the stored hashes. purge.E008: the file storage is not the one that belongs to the database. purge.E010,
    E011: the database and its purge log differ, or the log cannot be read. purge.E012: a home of the log does not take
    the next line. purge.E014: what finds addresses is out of date. purge.E015: the bucket of the stored files does not
    let a purge erase them."""
    if not databases or "default" not in databases:
        return []
    from purge.models import PurgeRequest

    try:
        tables = connections["default"].introspection.table_names()
    except NotSupportedError:
        return []  # a server that is too old: the site's own check says so
    if PurgeRequest._meta.db_table not in tables:
        return []
    messages: list[checks.CheckMessage] = [_error(gap) for gap in table_gaps()]
    messages += _storage_messages()
    messages += _purge_log_messages()
    messages += _outdated_messages()
    try:
        present = fingerprint()
        other = PurgeRequest.across_accounts.open().exclude(key_fingerprint=present).exists()
    except (HashKeyMissing, DatabaseError):
        return messages
    if other:
        messages.append(
            checks.Error(
                "PURGE_HASH_KEY is not the key that made the hashes of open purge requests.",
                hint="Set it back to the key in your backup: no request completes until its hashes can be compared.",
                id="purge.E007",
            )
        )
    return messages


def _outdated_messages() -> list[checks.CheckMessage]:
    try:
        if is_current(connections["default"], map(text_column, get_registry().indexed_columns)):
            return []
    except DatabaseError:
        return []
    return [
        checks.Error(
            "What finds addresses in the database was made by another release, PostgreSQL or Python, or is not there.",
            hint="Run manage.py migrate: it makes functions and indexes anew.",
            id="purge.E014",
        )
    ]


def _storage_messages() -> list[checks.CheckMessage]:
    from purge.installation.bucket_rights import bucket_troubles
    from purge.installation.storage import FILES_MISSING, TEXTS, UNMARKED, sample_of_files, storage_trouble

    try:
        trouble = storage_trouble(now=True)
        if trouble == UNMARKED:
            # The first start of the web marks it, if it looks like the right one.
            trouble = "" if sample_of_files().is_convincing else FILES_MISSING
    except DatabaseError:
        return []
    if trouble:
        return [checks.Error("Nothing is purged.", hint=str(TEXTS[trouble]), id="purge.E008")]
    return [checks.Error(text, hint="See docs/object-storage.md.", id="purge.E015") for text in bucket_troubles()]


def _purge_log_messages() -> list[checks.CheckMessage]:
    """Nothing while migrations are missing: a restored database may lack the tables that could tell."""
    from purge.journal.homes import home_troubles
    from purge.journal.noticing import glance

    try:
        homes = [checks.Error(trouble.text, id="purge.E012") for trouble in home_troubles(now=True)]
        trouble = glance()
    except DatabaseError:
        return []
    except OSError:
        text = "The purge log cannot be read."
        return [checks.Error(text, hint="Mount it, or look at the rights of PURGE_JOURNAL's folder.", id="purge.E011")]
    if not trouble:
        return [*homes]
    return [*homes, checks.Error(" ".join(trouble.sentences), hint=trouble.what_to_do, id="purge.E010")]
