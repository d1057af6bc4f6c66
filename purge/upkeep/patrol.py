"""The nightly patrol: one pass over every text, for all purges that have not yet had a clean one.

The pass holds the address it has just met, so before completion a row whose column has a treatment is treated at once
and nothing is stored but where it was. Once a request was proved clean the address may have become somebody else's:
then a look changes nothing, it lists the places, and people decide (:func:`take_out`). What was found calls for people
either way: the request is reopened as residue, and completes only through a later pass that finds nothing. What belongs
to a user of the account now (:mod:`purge.routes.ownership`) is no residue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from django.db import connection, transaction
from django.utils import timezone

from purge.addresses.tokens import ID
from purge.choices import IdentifierKind, Status, Verdict
from purge.database.catalog import read_catalog
from purge.models import PatrolPass, PurgeRequest
from purge.proof import columns, probe, texts
from purge.proof.report import CouldNotLook, Hit, Report
from purge.routes.scope import Scope, scope_of
from purge.rules.registry import get_registry
from purge.run import engine
from purge.run.passing_rows import end_passing_rows
from purge.steps.addresses import treat_rows
from purge.steps.files import FileStep, erase_files
from purge.steps.work import StepRun


def patrol_all() -> PatrolPass:
    """Pass over every text for all requests that wait for it. Records what was found; completes what is clean.

    When the hash key is missing or another, that is recorded as "could not look" and nothing changes.
    """
    requests = list(PurgeRequest.objects.filter(status=Status.COMPLETED, patrolled_at=None))
    requests += list(PurgeRequest.objects.filter(status=Status.RESIDUE))
    record = PatrolPass.objects.create(requests=len(requests), columns=_columns())
    try:
        met = end_passing_rows(texts.patrol(requests)) if requests else []
        hits = [hit for hit in met if hit.owner is None]
    except CouldNotLook:
        return _finish(record, Verdict.COULD_NOT_LOOK, 0)
    by_request: dict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_request[hit.request_id].append(hit)
    for purge_request in requests:
        _settle(purge_request, by_request.get(purge_request.pk, []))
    return _finish(record, Verdict.RESIDUE if hits else Verdict.CLEAN, len(hits))


def _columns() -> int:
    return len(columns.patrolled_columns(read_catalog(connection)))


def look_at(purge_request: PurgeRequest) -> tuple[Hit, ...]:
    """Probe the indexed places and pass over every text for one request, now; what was found, each place once.

    Among them what is somebody else's now (``owner``), which is no residue. What a finished request shows is acted on
    as in the nightly pass: hits reopen it, a clean look ends its residue. One that is still under way is only looked
    at. Raises :class:`CouldNotLook`.
    """
    hits = {(hit.table, hit.column, hit.row): hit for hit in probe.verify(purge_request).hits}
    met = end_passing_rows(texts.patrol([purge_request]))
    for hit in sorted(met, key=lambda hit: hit.owner is None):
        hits[hit.table, hit.column, hit.row] = hit  # of two things in one place the one that is nobody's counts
    if purge_request.status in (Status.COMPLETED, Status.RESIDUE):
        _settle(purge_request, [hit for hit in hits.values() if hit.owner is None])
    return tuple(hits[place] for place in sorted(hits))


def _finish(record: PatrolPass, verdict: Verdict, hits: int) -> PatrolPass:
    record.finished_at, record.verdict, record.hits = timezone.now(), verdict, hits
    record.save(update_fields=["finished_at", "verdict", "hits"])
    return record


def _settle(purge_request: PurgeRequest, hits: list[Hit]) -> None:
    if hits:
        if not was_proved(purge_request):
            treat_hits(purge_request, hits)
        with transaction.atomic():
            locked = PurgeRequest.objects.select_for_update().get(pk=purge_request.pk)
            if locked.status in (Status.COMPLETED, Status.RESIDUE):  # else somebody is trying again just now
                engine.set_residue(locked, Report(Verdict.RESIDUE, tuple(hits), patrolled=True))
        return
    if purge_request.status == Status.COMPLETED:
        PurgeRequest.objects.filter(pk=purge_request.pk, status=Status.COMPLETED).update(patrolled_at=timezone.now())
        return
    # Residue that is gone: the indexed places are probed as well before it may complete.
    report = probe.verify(purge_request)
    with transaction.atomic():
        locked = PurgeRequest.objects.select_for_update().get(pk=purge_request.pk)
        if report.verdict == Verdict.CLEAN and locked.status == Status.RESIDUE and not locked.people_left:
            engine.close_request(locked, patrolled=True)


def was_proved(purge_request: PurgeRequest) -> bool:
    """Whether the request has ever been completed. From then on an address may be somebody else's."""
    return purge_request.status == Status.COMPLETED or purge_request.ledger.filter(event="completed").exists()


def take_out(purge_request: PurgeRequest) -> int:
    """Treat the listed places of a request; how many rows were changed.

    Each is read again, and only what nobody holds now goes. Raises :class:`CouldNotLook`.
    """
    places = purge_request.residues.filter(gone_at=None).order_by("pk").values_list("table", "column", "row")
    found = [hit for place in places for hit in texts.look_at_place(purge_request, *place) if hit.owner is None]
    return treat_hits(purge_request, found)


def treat_hits(purge_request: PurgeRequest, hits: Iterable[Hit]) -> int:
    """Hand rows that mention a purged address or login to the treatment of their column; how many were changed.

    What has become somebody's in the meantime stays.
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
    engine.erase_remembered_files(purge_request.pk)
    return changed


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
        written={},
        logins=key if is_login and not is_id else frozenset(),
        matched=key if hit.matched else frozenset(),
    )
