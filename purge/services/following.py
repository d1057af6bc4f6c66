"""What happens to a request afterwards: release, by an operator or by a proof; try again, cancel; what it left people
to do."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.choices import (
    OPEN_STATUSES,
    Done,
    Fate,
    IdentifierKind,
    NoticeState,
    Origin,
    Reach,
    Reason,
    Route,
    Status,
    Trust,
)
from purge.hashing import FOLDED
from purge.host import get_host
from purge.installation.storage import TEXTS, begin_storage
from purge.journal.lines import CANCELLED, LET_GO, journal_outcome, journal_people
from purge.models import FollowUp, ImsNotice, PurgeRequest
from purge.references import named_in_logs
from purge.routes.guards import (
    PROVED,
    UNPROVED,
    reached_elsewhere,
    reached_of,
    reason_to_hold_again,
    reason_to_hold_elsewhere,
    trust_in,
)
from purge.routes.policy import policy_for
from purge.routes.scope import DOOMED_REASONS
from purge.routes.targets import Target, add_subjects, matches_of
from purge.run import transitions
from purge.run.claims import note
from purge.run.engine import forget_identifiers
from purge.run.freezing import begin, give_back
from purge.run.notifications import notify_trouble
from purge.run.sweep import all_steps_wait
from purge.run.transitions import IllegalTransition
from purge.services.accepting import (
    Identities,
    accept_request,
    by_proof,
    capture,
    is_in_use_elsewhere,
    keys_of,
)
from purge.services.refusals import NotAllowed, PurgeRefused
from purge.services.restoring import check_purge_log, log_or_refuse
from purge.worker.queue import enqueue_request

logger = logging.getLogger(__name__)


def purge_release(*, acting_user: Any, purge_request: PurgeRequest) -> PurgeRequest:
    """An operator lets a request begin that waits for the platform's check; now its people are frozen."""
    check_operator(acting_user)
    get_host().require_confirmed()
    if trouble := begin_storage():
        raise PurgeRefused("storage", str(TEXTS[trouble]))
    check_purge_log()
    with transaction.atomic():
        try:
            transitions.release(purge_request)
        except IllegalTransition:
            raise PurgeRefused(
                "not_held",
                _("Request %(reference)s does not wait for the platform's check.")
                % {"reference": purge_request.reference},
            ) from None
        with log_or_refuse():
            begin(purge_request)
        note(purge_request, "released", actor_id=getattr(acting_user, "pk", None))
        enqueue_request(purge_request.pk)
    purge_request.refresh_from_db()
    return purge_request


def proved_parts_release(*, account_id: int | None = None) -> int:
    """What waits because an account had not proved an address goes on once it has; how many parts do. None: of all
    accounts.

    What is still not proved waits on by itself. Nobody has let anything through: the guards are asked again, now and
    when its plan is made. Where purging is paused, it is for the next time.
    """
    waiting = PurgeRequest.across_accounts.filter(
        status=Status.HELD, held_reason=UNPROVED, part_of__account_id__isnull=False
    )
    if account_id is not None:
        waiting = waiting.filter(part_of__account_id=account_id)
    released = 0
    for pk, reference in list(waiting.order_by("pk").values_list("pk", "reference")):
        with named_in_logs(reference):
            try:
                if begin_storage():
                    break
                check_purge_log()
                with transaction.atomic():
                    released += _release_what_is_proved(pk)
            except PurgeRefused as refusal:
                logger.info("purge request %s waits on: %s", reference, refusal.code)
    return released


def _release_what_is_proved(pk: int) -> bool:
    waiting = PurgeRequest.across_accounts.select_for_update(of=("self",)).filter(
        status=Status.HELD, held_reason=UNPROVED
    )
    part = waiting.filter(pk=pk).first()
    if part is None or part.part_of is None or part.part_of.account_id is None:
        return False
    host, first, account_id = get_host(), part.part_of, part.part_of.account_id
    if trust_in(host.accounts([account_id])[account_id].kind) != Trust.PROVED:
        return False  # an operator decides, as was said when it was accepted
    roles = {person_id: Reason(role) for person_id, role in part.subjects.values_list("person_id", "role")}
    targets = [Target(person, roles[person.id]) for person in host.lock_people(sorted(roles))]
    identities = _identities_of(part, targets)
    proved, unproved = by_proof(account_id, identities)
    if not (proved.emails or proved.other_addresses):
        return False
    theirs = [target for target in targets if keys_of(target) & proved.emails]
    others = [target for target in targets if target not in theirs]
    if unproved is None:
        return _goes_on(part, targets)
    if not others and not is_in_use_elsewhere(policy_for(part), account_id, unproved):
        _becomes(part, theirs, proved)
        return _goes_on(part, theirs)
    still = {target.person.id for target in matches_of(part, emails=proved.emails)}
    _becomes(part, others, unproved)
    note(part, "split_off", people=len(theirs))
    going = accept_request(
        route=Route(part.route),
        policy=policy_for(part),
        origin=Origin.ELSEWHERE,
        account_id=None,
        acting_user=None,
        targets=[target for target in theirs if target.person.id in still],
        identities=proved,
        reach=Reach.OTHERS,
        part_of=first,
        held=reason_to_hold_elsewhere(account_id, first.initiator_id, reached_of(theirs)),
    )
    note(going, PROVED)
    return going.status != Status.HELD


def _goes_on(part: PurgeRequest, targets: Sequence[Target]) -> bool:
    """All that a part is about is proved: it begins, unless it reaches too many in a day."""
    if reason := reason_to_hold_again(part, reached_of(targets)):
        PurgeRequest.across_accounts.filter(pk=part.pk).update(held_reason=reason)
        note(part, "held", reason=reason)
        notify_trouble(part, "held")
        return False
    transitions.release(part, by_operator=False)
    with log_or_refuse():
        begin(part)
    note(part, PROVED)
    enqueue_request(part.pk)
    return True


def _identities_of(part: PurgeRequest, targets: Sequence[Target]) -> Identities:
    """What a part was accepted for; not what is known of the people whom it found by that."""
    found = {target.person.adobe_key for target in targets if target.reason in DOOMED_REASONS}
    captured: dict[tuple[str, bool], set[str]] = defaultdict(set)
    written: set[str] = set()
    everywhere = part.identifiers.filter(account_id=None, person_id=None).exclude(form=FOLDED)
    for kind, value, match, writings in everywhere.values_list("kind", "value", "match", "written"):
        captured[kind, match].add(value)
        written |= {line for line in writings.splitlines() if kind == IdentifierKind.EMAIL}
    return Identities(
        emails=frozenset(captured[IdentifierKind.EMAIL, True]),
        other_addresses=frozenset(captured[IdentifierKind.EMAIL, False]),
        logins=frozenset(captured[IdentifierKind.LOGIN, False] - found),
        match_logins=frozenset(captured[IdentifierKind.LOGIN, True]),
        written=frozenset(written),
    )


def _becomes(part: PurgeRequest, targets: Sequence[Target], identities: Identities) -> None:
    """From now on a part is about these alone, as if it had been accepted so; whoever else was in it is let go."""
    staying = {target.person.id for target in targets}
    left = part.subjects.filter(role__in=DOOMED_REASONS).exclude(person_id__in=staying)
    gone = get_host().people(list(left.values_list("person_id", flat=True)))
    part.identifier_sets.all().delete()
    part.identifiers.all().delete()
    part.hashes.all().delete()
    part.subjects.all().delete()
    capture(part, identities, targets)
    add_subjects(part, list(targets), begins=False)
    if gone:
        with log_or_refuse():
            journal_people(part, LET_GO, people=gone)
    doomed = [target for target in targets if target.reason in DOOMED_REASONS]
    PurgeRequest.across_accounts.filter(pk=part.pk).update(
        other_account_count=reached_elsewhere(None, reached_of(targets)),
        kept_count=len(targets) - len(doomed),
        people_left=len(doomed),
    )


def check_operator(acting_user: Any) -> None:
    """The command line acts without a user: whoever may run it owns the machine."""
    if acting_user is not None and not acting_user.has_perm("purge.operate_requests"):
        raise NotAllowed("permission", _("Only an operator of the platform may do this."))


def may_follow(user: Any, purge_request: PurgeRequest) -> bool:
    """Whether somebody signed in may see a request: their account's administrators, and support for every account."""
    if user.has_perm("purge.follow_requests"):
        return True
    account_id = get_host().account_of(user)
    return (
        account_id is not None and account_id == purge_request.account_id and user.has_perm("purge.view_purgerequest")
    )


def purge_retry(*, acting_user: Any, purge_request: PurgeRequest) -> PurgeRequest:
    """Try again what needed attention, failed, or left residue: everything waits anew, people gone stay in scope."""
    if acting_user is not None and not may_follow(acting_user, purge_request):
        raise NotAllowed("permission", _("Only administrators of the account and support may do this."))
    get_host().require_confirmed()
    with transaction.atomic():
        locked = PurgeRequest.across_accounts.select_for_update().get(pk=purge_request.pk)
        try:
            transitions.retry(locked)
        except IllegalTransition:
            raise PurgeRefused(
                "nothing_to_retry",
                _("Request %(reference)s is at work, waits or is over: there is nothing to try again.")
                % {"reference": locked.reference},
            ) from None
        locked.subjects.filter(fate=Fate.STUCK).update(fate=Fate.WAITING, stuck_table="")
        locked.files.update(erased_at=None)
        all_steps_wait(locked)
        note(locked, "tried_again", actor_id=getattr(acting_user, "pk", None))
        enqueue_request(locked.pk)
    purge_request.refresh_from_db()
    return purge_request


def locked_files_retry() -> int:
    """Try again what waited for the end of a lock on its files, once that is over; how many requests."""
    over = PurgeRequest.across_accounts.filter(status=Status.NEEDS_ATTENTION, files_locked_until__lte=timezone.now())
    tried = 0
    for purge_request in over.order_by("pk"):
        with suppress(PurgeRefused):  # a person was quicker
            purge_retry(acting_user=None, purge_request=purge_request)
            tried += 1
    return tried


def purge_cancel(*, acting_user: Any, purge_request: PurgeRequest) -> PurgeRequest:
    """Call a request off before its first destructive step: everybody and every import link is as before.

    What was split off from it and has not begun either is called off with it.
    """
    if acting_user is not None and not (
        acting_user.has_perm("purge.operate_requests")
        or (purge_request.account_id is not None and get_host().may_purge(acting_user.pk, purge_request.account_id))
    ):
        raise NotAllowed("permission", _("Only who may purge in this account can cancel."))
    with transaction.atomic():
        locked = PurgeRequest.across_accounts.select_for_update().get(pk=purge_request.pk)
        parts = locked.parts.select_for_update().filter(status__in=OPEN_STATUSES).order_by("pk")
        together = [locked, *parts]
        try:
            for each in together:
                transitions.cancel(each)
        except IllegalTransition:
            raise PurgeRefused(
                "too_late",
                _("Request %(reference)s has begun and cannot be cancelled.") % {"reference": locked.reference},
            ) from None
        for each in together:
            _give_back(each, actor_id=getattr(acting_user, "pk", None))
    purge_request.refresh_from_db()
    return purge_request


def _give_back(purge_request: PurgeRequest, *, actor_id: int | None) -> None:
    give_back(purge_request)
    forget_identifiers(purge_request)
    purge_request.hashes.all().delete()
    purge_request.notices.filter(state=NoticeState.OPEN).update(
        state=NoticeState.DECLINED, identifier="", closed_at=timezone.now()
    )
    note(purge_request, "cancelled", actor_id=actor_id)
    journal_outcome(purge_request, CANCELLED)


def notice_decline(*, acting_user: Any, notice: ImsNotice) -> ImsNotice:
    """An enterprise account's administrator decides that a reported person stays; the address leaves the notice."""
    account_id = get_host().account_of(acting_user)
    if account_id != notice.account_id or not get_host().may_purge(acting_user.pk, notice.account_id):
        raise NotAllowed("permission", _("Only who may purge in this account can decide on this notice."))
    changed = ImsNotice.across_accounts.filter(pk=notice.pk, state=NoticeState.OPEN).update(
        state=NoticeState.DECLINED, identifier="", closed_at=timezone.now(), closed_by=acting_user
    )
    if not changed:
        raise PurgeRefused("closed", _("This notice is closed already."))
    notice.refresh_from_db()
    return notice


def follow_up_done(*, acting_user: Any, follow_up: FollowUp, why: str = Done.BY_HAND) -> FollowUp:
    """Somebody of the account says that what a purge left to do needs nobody any more. ``why``: of :class:`Done`."""
    if why not in Done.values:
        raise PurgeRefused("why", _("Choose why it is done."))
    return _follow_up_changed(
        acting_user, follow_up, "follow_up_done", done_by=acting_user, done_at=timezone.now(), marked=why
    )


def follow_up_undone(*, acting_user: Any, follow_up: FollowUp) -> FollowUp:
    """It was marked too early: it is left to do again."""
    return _follow_up_changed(acting_user, follow_up, "follow_up_undone", done_by=None, done_at=None, marked="")


def _follow_up_changed(acting_user: Any, follow_up: FollowUp, event: str, **columns: Any) -> FollowUp:
    own = get_host().account_of(acting_user) == follow_up.account_id
    if not own or not get_host().may_tick_off(acting_user.pk, follow_up.account_id):
        raise NotAllowed("permission", _("Only administrators of the account can tick this off."))
    undone = columns["done_at"] is None
    with transaction.atomic():
        rows = FollowUp.across_accounts.filter(pk=follow_up.pk, done_at__isnull=not undone)
        # What was done by doing it is undone in the same way.
        changed = (rows.exclude(marked="") if undone else rows).update(**columns)
        # The history of another account's request is that account's to read.
        if changed and follow_up.request.account_id == follow_up.account_id:
            note(follow_up.request, event, actor_id=acting_user.pk)
    follow_up.refresh_from_db()
    return follow_up
