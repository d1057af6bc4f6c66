"""Deleting the rows of the people themselves, in the transaction that ends a sweep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection

from purge.choices import Reason
from purge.database import dialect_of
from purge.database.catalog import Catalog
from purge.host import Person, PersonState, get_host
from purge.models import FollowUp, PurgeRequest
from purge.proof import probe
from purge.purge_rules import HEADLESS
from purge.routes.policy import policy_for
from purge.rules.registry import get_registry, person_model
from purge.steps.work import doom_files

#: PostgreSQL's word for a row that points at nothing.
FOREIGN_KEY_VIOLATION = "23503"


class StillReferenced(Exception):
    """A row of ``table`` points at a person who is about to be deleted, and no rule takes it away."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


def erase_people(purge_request: PurgeRequest, people: list[Any], catalog: Catalog | None) -> None:
    """Delete the rows of locked people inside the caller's transaction. ``catalog``: asked on SQLite only.

    Raises IntegrityError (PostgreSQL) or :class:`StillReferenced` (SQLite, whose deferred check would only name no
    table, at the commit) when something still points at one of them.
    """
    if not people:
        return
    host, model = get_host(), person_model()
    ids = [person.id for person in people]
    if catalog is not None:
        for table in probe.referring_tables(catalog, model._meta.db_table, ids):
            raise StillReferenced(table)
    entry = get_registry().entry_of(model)
    if entry is not None:
        doom_files(entry, ids, purge_request.pk)
    creators = set(
        purge_request.subjects.filter(role=Reason.CREATOR, person_id__in=ids).values_list("account_id", flat=True)
    )
    if policy_for(purge_request).delete_users_of_created_trials:
        for account_id in sorted(creators):
            host.close_account(account_id)
    host.people_gone(people)
    model._base_manager.filter(pk__in=ids)._raw_delete(connection.alias)
    dialect_of(connection).check_foreign_keys()


def note_headless_accounts(purge_request: PurgeRequest, people: Iterable[Person]) -> None:
    """A follow-up for each account that lost somebody in use and has no active administrator now.

    Nobody there can act on it, so support is told. An account that was closed with its creator needs none.
    """
    host = get_host()
    lost = {person.account_id for person in people if person.earlier_state == PersonState.ACTIVE}
    for account_id, account in sorted(host.accounts(lost).items()):
        if account.active and not host.administrators(account_id):
            FollowUp.across_accounts.get_or_create(
                request=purge_request,
                kind=HEADLESS.kind,
                model=host.account_label(),
                row=account_id,
                defaults={"account_id": account_id},
            )


def is_still_referenced(error: Exception) -> bool:
    """Whether a row points at somebody who was about to go: no other conflict says that they cannot be deleted."""
    if isinstance(error, StillReferenced):
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    return state == FOREIGN_KEY_VIOLATION if state else "FOREIGN KEY" in str(error)


def table_of(error: Exception) -> str:
    if isinstance(error, StillReferenced):
        return error.table
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnosis, "table_name", None) or "unknown")
