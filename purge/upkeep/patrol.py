"""The nightly patrol: one pass over every text, for all purges that have not yet had a clean one.

The pass holds the address it has just met, so before completion a row whose column has a treatment is treated at once
and nothing is stored but where it was. Once a request was proved clean the address may have become somebody else's:
then a look changes nothing, it lists the places, and people decide (:func:`take_out`). What was found calls for people
either way: the request is reopened as residue, and completes only through a later pass that finds nothing. What belongs
to a user of the account now (:mod:`purge.routes.ownership`) is no residue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from purge.choices import Status, Verdict
from purge.database import dialect_of
from purge.models import PatrolPass, PurgeRequest
from purge.proof import columns, probe, texts
from purge.proof.decoding.salted import knowing
from purge.proof.files import FileMention, note_unopened
from purge.proof.judge import Judge
from purge.proof.possible import Possible, note_possible
from purge.proof.report import CouldNotLook, Hit, Report
from purge.routes.scope import addresses_of
from purge.run import engine, treating
from purge.run.passing_rows import end_passing_rows

#: Statuses of a request that no worker works on, and whose people are erased.
_SETTLED = (Status.ERASED, Status.COMPLETED, Status.RESIDUE)
#: Passes over every text that follow on one another while each finds what can be treated.
MOST_PASSES = 4


def patrol_all() -> PatrolPass:
    """Pass over every text for all requests that wait for it. Records what was found; completes what is clean.

    What is found of a request that has never been completed is treated, and looked for again at once.

    When the hash key is missing or another, that is recorded as "could not look" and nothing changes.
    """
    # Completed without a pass: by an earlier release.
    waiting = Q(status__in=(Status.ERASED, Status.RESIDUE)) | Q(status=Status.COMPLETED, patrolled_at=None)
    requests = list(PurgeRequest.objects.filter(waiting).order_by("pk"))
    record = PatrolPass.objects.create(requests=len(requests), columns=_columns())
    hits, unopened = 0, 0
    for passes_left in reversed(range(MOST_PASSES)):
        try:
            found = _pass(requests)
        except CouldNotLook:
            return _finish(record, Verdict.COULD_NOT_LOOK, 0)
        unopened = max(unopened, len(found.unopened))
        again = []
        for purge_request in requests:
            met = found.hits.get(purge_request.pk, [])
            if _settle(purge_request, met, may_look_again=passes_left > 0):
                again.append(purge_request)
            else:
                hits += len(met)
        if not again:
            break
        requests = again
    record.unopened = unopened
    verdict = Verdict.UNOPENED if unopened else Verdict.CLEAN
    return _finish(record, Verdict.RESIDUE if hits else verdict, hits)


@dataclass(frozen=True)
class _Found:
    """What a pass found: places by request, and the files that could not be opened."""

    hits: Mapping[int, list[Hit]]
    unopened: list[FileMention]


def _pass(requests: Sequence[PurgeRequest]) -> _Found:
    """Pass over every text once. Raises :class:`CouldNotLook`."""
    unopened: list[FileMention] = []
    possible: list[Possible] = []
    with knowing(addresses_of(requests)):
        met = end_passing_rows(texts.patrol(requests, unopened, possible)) if requests else []
    by_request: dict[int, list[Hit]] = defaultdict(list)
    for hit in met:
        if hit.owner is None:
            by_request[hit.request_id].append(hit)
    judge = Judge(requests)
    for purge_request in requests:
        note_unopened(purge_request, judge.concerning(purge_request, unopened))
        note_possible(purge_request, possible)
    return _Found(by_request, unopened)


def _columns() -> int:
    return len(columns.patrolled_columns(dialect_of(connection).read_catalog()))


def look_at(purge_request: PurgeRequest) -> tuple[Hit, ...]:
    """Probe the indexed places and pass over every text for one request, now; what was found, each place once.

    Among them what is somebody else's now (``owner``), which is no residue. What a finished request shows is acted on
    as in the nightly pass: hits reopen it, a clean look completes one that is erased and ends its residue. One that is
    still under way is only looked at. Raises :class:`CouldNotLook`.
    """
    hits = {(hit.table, hit.column, hit.row): hit for hit in probe.verify(purge_request).hits}
    unopened: list[FileMention] = []
    possible: list[Possible] = []
    with knowing(addresses_of([purge_request])):
        met = end_passing_rows(texts.patrol([purge_request], unopened, possible))
    note_unopened(purge_request, unopened)
    note_possible(purge_request, possible)
    for hit in sorted(met, key=lambda hit: hit.owner is None):
        hits[hit.table, hit.column, hit.row] = hit  # of two things in one place the one that is nobody's counts
    if purge_request.status in _SETTLED:
        _settle(purge_request, [hit for hit in hits.values() if hit.owner is None], may_look_again=True)
    return tuple(hits[place] for place in sorted(hits))


def _finish(record: PatrolPass, verdict: Verdict, hits: int) -> PatrolPass:
    record.finished_at, record.verdict, record.hits = timezone.now(), verdict, hits
    record.save(update_fields=["finished_at", "verdict", "hits", "unopened"])
    return record


def _settle(purge_request: PurgeRequest, hits: list[Hit], *, may_look_again: bool = False) -> bool:
    """Act on what a pass found of a request. True: something was treated, and it is to be looked for again.

    ``may_look_again``: a request that has never been completed need not be called residue before that.
    """
    if hits:
        if not treating.was_proved(purge_request):
            treated = treat_hits(purge_request, hits)
            if treated and may_look_again and purge_request.status == Status.ERASED:
                return True
        with transaction.atomic():
            locked = PurgeRequest.objects.select_for_update().get(pk=purge_request.pk)
            if locked.status in _SETTLED:  # else somebody is trying again just now
                engine.set_residue(locked, Report(Verdict.RESIDUE, tuple(hits), patrolled=True))
        return False
    if purge_request.status == Status.COMPLETED:
        PurgeRequest.objects.filter(pk=purge_request.pk, status=Status.COMPLETED).update(patrolled_at=timezone.now())
        return False
    # The indexed places are probed as well before it may complete: the pass took its time.
    report = probe.verify(purge_request)
    with transaction.atomic():
        locked = PurgeRequest.objects.select_for_update().get(pk=purge_request.pk)
        if locked.status in (Status.ERASED, Status.RESIDUE) and not locked.people_left:
            if report.verdict == Verdict.CLEAN:
                engine.close_request(locked)
            elif locked.status == Status.ERASED:
                engine.set_residue(locked, report)
    return False


def take_out(purge_request: PurgeRequest) -> int:
    """Treat the listed places of a request; how many rows were changed.

    Each is read again, and only what nobody holds now goes. Raises :class:`CouldNotLook`.
    """
    places = purge_request.residues.filter(gone_at=None).order_by("pk").values_list("table", "column", "row")
    with knowing(addresses_of([purge_request])):
        found = [hit for place in places for hit in texts.look_at_place(purge_request, *place) if hit.owner is None]
    return treat_hits(purge_request, found)


def treat_hits(purge_request: PurgeRequest, hits: Iterable[Hit]) -> int:
    """Treat what was met, and erase the files that go with it; how many rows were changed."""
    changed = treating.treat_hits(purge_request, hits)
    engine.erase_remembered_files(purge_request.pk)
    return changed
