"""Running a request: plan, sweep, erase files, verify, close; each in bounded pieces that survive a kill.

The state is the data: whoever claims a request (:mod:`purge.run.claims`) sees from its rows what is next.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Count, Q, Sum
from django.utils import timezone

from purge.choices import CLAIMABLE_STATUSES, Fate, IdentifierKind, Reason, Status, Verdict
from purge.installation.storage import require_storage, storage_trouble
from purge.journal.lines import COMPLETED, journal_outcome
from purge.models import DoomedFile, Identifier, PurgeRequest, PurgeStep, Residue, Subject
from purge.proof import probe, report, texts
from purge.proof.decoding.salted import knowing
from purge.proof.files import note_unopened
from purge.proof.possible import note_possible
from purge.proof.report import FILES, StoredFile
from purge.routes.scope import DOOMED_REASONS, addresses_of, scope_of
from purge.routes.targets import complete_searched_for
from purge.run import transitions
from purge.run.claims import (
    Claim,
    StaleClaim,
    chunk_transaction,
    lay_down_claim,
    needs_attention,
    note,
    note_progress,
    release_claim,
)
from purge.run.growing import divide_or_hold, rows_elsewhere
from purge.run.notifications import notify_completion, notify_trouble
from purge.run.passing_rows import without_passing_rows
from purge.run.sweep import Sweep, all_steps_wait, people_left_of
from purge.run.treating import treat_hits, was_proved
from purge.steps.base import Step
from purge.steps.erasing import Stays, eraser_of
from purge.steps.erasing.stays import together
from purge.steps.impact import Counted, count_each
from purge.steps.plan import new_step_rows, plan_steps
from purge.steps.prefixes import erase_prefix
from purge.steps.views import refresh_views
from purge.steps.work import TextScan
from purge.thoroughness.recording import forget_looks, note_applications, note_completion
from purge.worker.queue import enqueue
from purge.worker.shutdown import slice_is_over

#: How often a hit of the verification runs the plan again before it is called residue.
MAX_RERUNS = 3
#: A plan whose counting takes longer is stored in pieces of this length.
PLAN_SECONDS = 0.12


# ---------------------------------------------------------------- one slice of work


def work(claim: Claim, *, seconds: float | None = None) -> bool:
    """Work on a claimed request until it is closed, waits for people, or the time slice is over.

    Returns whether more remains; then the claim was released and the next task is queued. Raises :class:`StaleClaim`
    and whatever the database or storage raise; nothing of an unfinished chunk is kept.
    """
    deadline = time.monotonic() + (settings.PURGE_SLICE_SECONDS if seconds is None else seconds)
    sweep: Sweep | None = None
    scan: TextScan | None = None
    searched_for = just_planned = False
    passed, staying = 0, None
    while True:
        purge_request = PurgeRequest.across_accounts.get(pk=claim.request_id)
        if purge_request.fence != claim.fence or purge_request.status not in CLAIMABLE_STATUSES:
            raise StaleClaim(claim.request_id)
        if storage_trouble():
            lay_down_claim(claim)
            return False
        if not (searched_for or purge_request.identifier_sets.exists()):
            with chunk_transaction(claim) as purge_request:
                complete_searched_for(purge_request)
        searched_for = True
        if not purge_request.planned:
            scan, just_planned = _plan(claim), True
        elif _unfinished(purge_request):
            sweep = sweep or Sweep(claim, scan, just_planned=just_planned)
            if sweep.run(deadline):
                # The next one, if there is one, has other people or something that was overlooked.
                sweep, scan, just_planned = None, None, False
        elif purge_request.files.filter(erased_at=None, pk__gt=passed).exists():
            passed, those = _erase_files(claim, after=passed)
            staying = together((staying, those))
        elif staying is not None:
            _files_stay(claim, staying)
            return False
        elif purge_request.people_left:
            _stuck(claim)
            return False
        elif not _verify(claim):
            return False
        else:
            passed = 0
        if slice_is_over(deadline):
            release_claim(claim)
            return True


def _unfinished(purge_request: PurgeRequest) -> bool:
    return (
        purge_request.steps_left > 0
        or purge_request.subjects.filter(fate=Fate.WAITING, role__in=DOOMED_REASONS).exists()
    )


def _plan(claim: Claim) -> TextScan | None:
    """Store the ordered steps with what each is going to do. Returns what need not be looked for again.

    Counting many rows takes time: what was counted is stored now and then, and the next worker goes on from there.
    """
    claim.step = "plan"
    purge_request = PurgeRequest.across_accounts.get(pk=claim.request_id)
    scope = scope_of(purge_request)
    steps = plan_steps(scope)
    scan = TextScan.now()
    position = _counted_before(purge_request, steps)
    numbers = zip(steps[position:], count_each(steps[position:], scope, scan), strict=True)
    over = False
    while not over:
        with chunk_transaction(claim, piece=True) as purge_request:
            until = time.monotonic() + PLAN_SECONDS
            counted: list[tuple[Step, Counted]] = []
            for step_and_rows in numbers:
                counted.append(step_and_rows)
                if time.monotonic() >= until:
                    break
            else:
                over = True
            purge_request.steps.filter(position__gte=position).delete()
            PurgeStep.objects.bulk_create(new_step_rows(purge_request, position, counted))
            position += len(counted)
            if over:
                rows = rows_elsewhere(purge_request)
                if not divide_or_hold(purge_request, rows):
                    _plan_is_made(purge_request, rows)
            else:
                note_progress(purge_request)
    return scan


def _counted_before(purge_request: PurgeRequest, steps: Sequence[Step]) -> int:
    """How many of the steps a worker who died has counted; 0 when that plan was another, made by other rules."""
    stored = list(purge_request.steps.values_list("key", flat=True))
    return len(stored) if stored == [step.key for step in steps[: len(stored)]] else 0


def _plan_is_made(purge_request: PurgeRequest, rows_elsewhere: int) -> None:
    made = purge_request.steps.aggregate(steps=Count("pk"), rows=Sum("planned", default=0))
    PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(
        planned=True,
        steps_left=made["steps"],
        rows_planned=made["rows"],
        other_row_count=rows_elsewhere,
        people_left=people_left_of(purge_request),
        progress_at=timezone.now(),
        crashes=0,
    )
    note(purge_request, "planned", steps=made["steps"])
    note_applications(purge_request)


def _stuck(claim: Claim) -> None:
    """Who could go is gone; what keeps the rest is for people to mend."""
    with chunk_transaction(claim) as purge_request:
        table = purge_request.subjects.filter(fate=Fate.STUCK).values_list("stuck_table", flat=True).first() or ""
        needs_attention(purge_request, error_class="PersonCannotBeDeleted", step=table)


# ---------------------------------------------------------------- files


def _erase_files(claim: Claim, *, after: int, batch: int = 100) -> tuple[int, Stays | None]:
    """Erase some remembered files: the link died with an earlier commit; a file that is already gone is done.

    They stay remembered until the request is closed, so that the proof can look for each. Returns up to which record
    was gone, and what cannot be erased: the others do not wait for it.
    """
    claim.step = "files"
    require_storage()
    waiting = DoomedFile.objects.filter(request_id=claim.request_id, erased_at=None, pk__gt=after)
    doomed = list(waiting.order_by("pk")[:batch])
    staying = eraser_of(default_storage).erase([row.name for row in doomed])
    gone = [row.pk for row in doomed if staying is None or row.name not in staying.names]
    with chunk_transaction(claim) as purge_request:
        purge_request.files.filter(pk__in=gone).update(erased_at=timezone.now())
        note_progress(purge_request)
    return doomed[-1].pk, staying


def _files_stay(claim: Claim, staying: Stays) -> None:
    """Everything else is erased; the storage keeps these files, until a date or until somebody has mended that."""
    with chunk_transaction(claim) as purge_request:
        PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(files_locked_until=staying.until)
        until = {"until": staying.until.isoformat(timespec="seconds")} if staying.until else {}
        needs_attention(purge_request, error_class=staying.why, step=staying.right or "files", **until)


def erase_remembered_files(request_id: int) -> None:
    """The same for a request that nobody works on. What stays is found when it is looked at again."""
    waiting = DoomedFile.objects.filter(request_id=request_id, erased_at=None)
    names = list(waiting.values_list("name", flat=True))
    if names:
        staying = eraser_of(default_storage).erase(names)
        waiting.exclude(name__in=staying.names if staying else ()).update(erased_at=timezone.now())


def _erase_stray_files(claim: Claim) -> Stays | None:
    """Files under the prefix of a person who is gone, which no row names any more, and the folders they were in. What
    cannot be erased of them."""
    claim.step = "stray files"
    public_ids = list(
        Identifier.objects.filter(
            # Of nobody's row: of people whom only the purge log knows.
            Q(person_id=None)
            | Q(
                person_id__in=Subject.objects.filter(
                    request_id=claim.request_id, fate__in=(Fate.ERASED, Fate.GONE)
                ).values("person_id")
            ),
            request_id=claim.request_id,
            kind=IdentifierKind.PUBLIC_ID,
        ).values_list("value", flat=True)
    )
    return together([erase_prefix(public_id) for public_id in public_ids])


# ---------------------------------------------------------------- verifying and closing


def _verify(claim: Claim) -> bool:
    """Look whether anything is left; close, run again, or call it residue. True: work goes on."""
    require_storage()
    if (staying := _erase_stray_files(claim)) is not None:
        _files_stay(claim, staying)
        return False
    claim.step = "views"
    refresh_views()
    claim.step = "verify"
    with chunk_transaction(claim) as purge_request:
        if purge_request.status != Status.VERIFYING:
            transitions.verify(purge_request)
    purge_request = PurgeRequest.across_accounts.get(pk=claim.request_id)
    report = probe.verify(purge_request)
    if report.verdict == Verdict.CLEAN and (purge_request.reopened or texts.is_small()):
        claim.step = "patrol"
        with knowing(addresses_of([purge_request])):
            report = without_passing_rows(texts.patrol_one(purge_request, report.catalog))
    with chunk_transaction(claim) as purge_request:
        if report.verdict == Verdict.CLEAN:
            if not report.patrolled:
                transitions.await_check(purge_request)
                note(purge_request, "erased")
                return False
            note_unopened(purge_request, report.unopened)
            note_possible(purge_request, report.possible)
            close_request(purge_request)
            return False
        runs = purge_request.verifications + 1
        if report.treatable and runs <= MAX_RERUNS:
            note(purge_request, "verified", verdict="hit", run=runs, hits=len(report.hits))
            if report.patrolled and not was_proved(purge_request):
                # What only a reading of every text finds is no candidate of a step.
                treat_hits(purge_request, report.hits)
            _erase_again(purge_request, report)
            all_steps_wait(purge_request)
            transitions.run_again(purge_request, verifications=runs)
            return True
        set_residue(purge_request, report)
        return False


def _erase_again(purge_request: PurgeRequest, report: report.Report) -> None:
    """Of which something was found although it had been erased: somebody was writing to it."""
    found = [int(hit.row) for hit in report.hits if (hit.table, hit.column) == (FILES, StoredFile.DOOMED)]
    purge_request.files.filter(pk__in=found).update(erased_at=None)


def set_residue(purge_request: PurgeRequest, report: report.Report) -> None:
    """Store where something was found, and call for people: the first time, and when more is found.

    The request can only complete through a clean patrol.
    """
    known = set(purge_request.residues.filter(gone_at=None).values_list("table", "column", "row"))
    news = purge_request.status != Status.RESIDUE or any(
        (hit.table, hit.column, hit.row) not in known for hit in report.hits
    )
    for hit in report.hits:
        Residue.objects.update_or_create(
            request=purge_request,
            table=hit.table,
            column=hit.column,
            row=hit.row,
            defaults={"ruled": hit.ruled, "gone_at": None},
        )
    transitions.find_residue(purge_request, left=purge_request.residues.filter(gone_at=None).count())
    forget_looks(purge_request)
    note(purge_request, "residue", hits=len(report.hits))
    if news:
        notify_trouble(purge_request, "residue")


def close_request(purge_request: PurgeRequest) -> None:
    """The proof is there: notify, wipe what was captured, and say so, in one transaction."""
    purge_request.residues.filter(gone_at=None).update(gone_at=timezone.now())
    kept = purge_request.subjects.filter(role=Reason.KEPT).count()
    transitions.complete(purge_request, kept=kept)
    note_completion(purge_request)
    note(purge_request, "completed", kept=kept)
    notify_completion(purge_request)
    forget_identifiers(purge_request)
    journal_outcome(purge_request, COMPLETED)
    enqueue("purge.tasks.compact")


def forget_identifiers(purge_request: PurgeRequest) -> None:
    """Nothing plain stays of the people of a closed request."""
    purge_request.identifiers.all().delete()
    purge_request.file_readings.all().delete()
    purge_request.files.all().delete()
