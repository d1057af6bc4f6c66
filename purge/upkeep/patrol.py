"""The nightly patrol: one pass over every text, for all purges that have not yet had a clean one; and for those that
are over, where it may find more than the pass before (:mod:`purge.upkeep.arming`).

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
from purge.hashing import HashKeyMissing
from purge.models import PatrolPass, PurgeRequest
from purge.proof import columns, probe, texts
from purge.proof.decoding.salted import knowing
from purge.proof.files import FileMention, note_unopened
from purge.proof.judge import Judge
from purge.proof.possible import Possible, Unsought, note_possible
from purge.proof.report import CouldNotLook, Hit, Report
from purge.routes.scope import addresses_of
from purge.run import engine, treating
from purge.run.passing_rows import end_passing_rows
from purge.steps.views import refresh_views
from purge.upkeep.arming import armed_by, must_ask_again
from purge.upkeep.returned import returned

#: Statuses of a request that no worker works on, and whose people are erased.
_SETTLED = (Status.ERASED, Status.COMPLETED, Status.RESIDUE)
#: Finished requests that one pass over every text is for: a person's hashes take some kilobytes of memory.
EARLIER_AT_ONCE = 2_000
#: Passes over every text that follow on one another while each finds what can be treated.
MOST_PASSES = 4


def patrol_all(*, everything: bool = False) -> PatrolPass:
    """Pass over every text for all requests that wait for it, and, where that is due or with ``everything``, for those
    that are over. Records what was found; completes what is clean.

    What is found of a request that has never been completed is treated, and looked for again at once.

    When the hash key is missing or another, that is recorded as "could not look" and nothing changes.
    """
    # Completed without a pass: by an earlier release.
    waiting = Q(status__in=(Status.ERASED, Status.RESIDUE)) | Q(status=Status.COMPLETED, patrolled_at=None)
    requests = list(PurgeRequest.across_accounts.filter(waiting).order_by("pk"))
    catalog = dialect_of(connection).read_catalog()
    record = PatrolPass.objects.create(requests=len(requests), columns=len(columns.patrolled_columns(catalog)))
    try:
        now = armed_by(catalog)
    except HashKeyMissing:
        return _finish(record, Verdict.COULD_NOT_LOOK, 0)
    earlier = _earlier(record, now) if everything or must_ask_again(now) else []
    hits, unopened = 0, 0
    for passes_left in reversed(range(MOST_PASSES)):
        try:
            found = _pass(requests, earlier[:EARLIER_AT_ONCE])
        except CouldNotLook:
            return _finish(record, Verdict.COULD_NOT_LOOK, 0)
        unopened = max(unopened, len(found.unopened))
        hits += _settle_earlier(earlier[:EARLIER_AT_ONCE], found)
        earlier = earlier[EARLIER_AT_ONCE:]
        again = []
        for purge_request in requests:
            met = found.hits.get(purge_request.pk, [])
            if _settle(purge_request, met, may_look_again=passes_left > 0):
                again.append(purge_request)
            else:
                hits += len(met)
        requests = again
        if not again:
            break
    while earlier:
        hits += _settle_earlier(earlier[:EARLIER_AT_ONCE], _pass([], earlier[:EARLIER_AT_ONCE]))
        earlier = earlier[EARLIER_AT_ONCE:]
    record.unopened = unopened
    verdict = Verdict.UNOPENED if unopened else Verdict.CLEAN
    return _finish(record, Verdict.RESIDUE if hits else verdict, hits)


@dataclass(frozen=True)
class _Found:
    """What a pass found: places by request, and the files that could not be opened."""

    hits: Mapping[int, list[Hit]]
    unopened: list[FileMention]


def _earlier(record: PatrolPass, now: str) -> list[PurgeRequest]:
    """The purges that are over, as far as their hashes can be compared; the record says that they are asked again.

    Finished ones, and among them those of which a look before has been clean.
    """
    over = PurgeRequest.across_accounts.filter(status=Status.COMPLETED, patrolled_at__isnull=False).order_by("pk")
    earlier = list(over.filter(key_fingerprint=now.rpartition(".")[2]))
    record.armed_by, record.earlier, record.left_out = now, len(earlier), over.count() - len(earlier)
    record.save(update_fields=["armed_by", "earlier", "left_out"])
    return earlier


def _settle_earlier(earlier: Sequence[PurgeRequest], found: _Found) -> int:
    """Reopen the finished requests of which something was found; how many places. Of the others nothing is written:
    the pass says that it was for them too."""
    for purge_request in earlier:
        if met := found.hits.get(purge_request.pk):
            _settle(purge_request, met)
    return sum(len(found.hits.get(purge_request.pk, ())) for purge_request in earlier)


def _pass(requests: Sequence[PurgeRequest], earlier: Sequence[PurgeRequest] = ()) -> _Found:
    """Pass over every text, and everybody's addresses, once. Raises :class:`CouldNotLook`.

    ``earlier``: requests that are over; what is not residue is noted of the others alone.
    """
    unopened: list[FileMention] = []
    possible: list[Possible | Unsought] = []
    asked = [*requests, *earlier]
    with knowing(addresses_of(requests)):
        met = end_passing_rows(texts.patrol(asked, unopened, possible)) if asked else []
    by_request: dict[int, list[Hit]] = defaultdict(list)
    for hit in (*met, *returned(asked)):
        if hit.owner is None:
            by_request[hit.request_id].append(hit)
    judge = Judge(requests)
    for purge_request in requests:
        note_unopened(purge_request, judge.concerning(purge_request, unopened))
        note_possible(purge_request, possible)
    return _Found(by_request, unopened)


def look_at(purge_request: PurgeRequest) -> tuple[Hit, ...]:
    """Probe the indexed places and pass over every text for one request, now; what was found, each place once.

    Among them what is somebody else's now (``owner``), which is no residue. What a finished request shows is acted on
    as in the nightly pass: hits reopen it, a clean look completes one that is erased and ends its residue. One that is
    still under way is only looked at. Raises :class:`CouldNotLook`.
    """
    hits = {(hit.table, hit.column, hit.row): hit for hit in probe.verify(purge_request).hits}
    unopened: list[FileMention] = []
    possible: list[Possible | Unsought] = []
    with knowing(addresses_of([purge_request])):
        met = end_passing_rows(texts.patrol([purge_request], unopened, possible))
    hits |= {(hit.table, hit.column, hit.row): hit for hit in returned([purge_request])}
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
            locked = PurgeRequest.across_accounts.select_for_update().get(pk=purge_request.pk)
            if locked.status in _SETTLED:  # else somebody is trying again just now
                engine.set_residue(locked, Report(Verdict.RESIDUE, tuple(hits), patrolled=True))
        return False
    if purge_request.status == Status.COMPLETED:
        PurgeRequest.across_accounts.filter(pk=purge_request.pk, status=Status.COMPLETED).update(
            patrolled_at=timezone.now()
        )
        return False
    # The indexed places are probed as well before it may complete: the pass took its time.
    report = probe.verify(purge_request)
    with transaction.atomic():
        locked = PurgeRequest.across_accounts.select_for_update().get(pk=purge_request.pk)
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
    """Treat what was met, and erase the files that go with it; how many rows were changed, and views made anew."""
    changed = treating.treat_hits(purge_request, hits)
    engine.erase_remembered_files(purge_request.pk)
    return changed + refresh_views()
