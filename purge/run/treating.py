"""Treating rows and files in which a pass over every text has met somebody: what no index finds, no step looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction

from purge.addresses import search_keys
from purge.addresses.tokens import ID
from purge.choices import IdentifierKind, Status
from purge.models import PurgeRequest
from purge.proof.report import Hit
from purge.routes.scope import Scope, scope_of
from purge.rules.registry import get_registry
from purge.steps.addresses import treat_rows
from purge.steps.files import FileStep, erase_files
from purge.steps.work import StepRun


def was_proved(purge_request: PurgeRequest) -> bool:
    """Whether the request has ever been completed. From then on an address may be somebody else's."""
    return purge_request.status == Status.COMPLETED or purge_request.ledger.filter(event="completed").exists()


def treat_hits(purge_request: PurgeRequest, hits: Iterable[Hit]) -> int:
    """Hand rows that mention a purged address or login to the treatment of their column; how many were changed.

    What has become somebody's in the meantime stays. Files that go are remembered, for whoever erases them.
    """
    registry = get_registry()
    changed = 0
    with transaction.atomic():
        base = scope_of(purge_request)
        for hit in hits:
            entry = registry.by_table.get(hit.table)
            if entry is None or not hit.ruled or not hit.key or not hit.row.isdigit():
                continue
            run = StepRun(_only(base, hit))
            file = next((column for column in entry.files if column.column == hit.column), None)
            if file is not None:
                changed += erase_files(FileStep(entry), run, {(file.field.name, int(hit.row))})
            else:
                changed += treat_rows(entry, run, [int(hit.row)])
    return changed


def _writings_of(scope: Scope, key: str) -> frozenset[str]:
    """How the addresses of a search key are stored with the people."""
    return frozenset().union(*(found for identity, found in scope.written.items() if key in search_keys(identity)))


def _only(scope: Scope, hit: Hit) -> Scope:
    """The scope of a request with nobody and nothing in it but the identifier that was met."""
    key, is_login = frozenset({hit.key}), hit.kind == IdentifierKind.LOGIN
    is_id = hit.key.startswith(ID) or hit.kind == IdentifierKind.UNIQUE_ID
    return replace(
        scope,
        people=(),
        addresses=frozenset() if is_login and not is_id else key,
        own_addresses={},
        # In a column for logins it stands without the sign.
        ids={hit.account_id: frozenset({hit.key.removeprefix(ID)})} if is_id and hit.account_id is not None else {},
        opaque=frozenset(),
        written={hit.key: _writings_of(scope, hit.key)},
        logins=key if is_login and not is_id else frozenset(),
        matched=key if hit.matched else frozenset(),
    )
