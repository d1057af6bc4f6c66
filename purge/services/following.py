"""What happens to a request afterwards: release, try again, cancel; what it left people to do."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.choices import OPEN_STATUSES, Fate, NoticeState
from purge.host import get_host
from purge.installation.storage import TEXTS, begin_storage
from purge.journal.lines import CANCELLED, journal_outcome
from purge.models import FollowUp, ImsNotice, PurgeRequest
from purge.run import transitions
from purge.run.claims import note
from purge.run.engine import forget_identifiers
from purge.run.freezing import begin, give_back
from purge.run.sweep import all_steps_wait
from purge.run.transitions import IllegalTransition
from purge.services.refusals import NotAllowed, PurgeRefused
from purge.services.restoring import check_purge_log, log_or_refuse
from purge.worker.queue import enqueue_request


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
        locked = PurgeRequest.objects.select_for_update().get(pk=purge_request.pk)
        try:
            transitions.retry(locked)
        except IllegalTransition:
            raise PurgeRefused(
                "nothing_to_retry",
                _("Request %(reference)s is at work, waits or is over: there is nothing to try again.")
                % {"reference": locked.reference},
            ) from None
        locked.subjects.filter(fate=Fate.STUCK).update(fate=Fate.WAITING, stuck_table="")
        all_steps_wait(locked)
        note(locked, "tried_again", actor_id=getattr(acting_user, "pk", None))
        enqueue_request(locked.pk)
    purge_request.refresh_from_db()
    return purge_request


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
        locked = PurgeRequest.objects.select_for_update().get(pk=purge_request.pk)
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
    changed = ImsNotice.objects.filter(pk=notice.pk, state=NoticeState.OPEN).update(
        state=NoticeState.DECLINED, identifier="", closed_at=timezone.now(), closed_by=acting_user
    )
    if not changed:
        raise PurgeRefused("closed", _("This notice is closed already."))
    notice.refresh_from_db()
    return notice


def follow_up_done(*, acting_user: Any, follow_up: FollowUp) -> FollowUp:
    """Somebody of the account has done what a purge left to do."""
    if get_host().account_of(acting_user) != follow_up.account_id:
        raise NotAllowed("permission", _("Only administrators of the account can tick this off."))
    FollowUp.objects.filter(pk=follow_up.pk, done_at=None).update(done_by=acting_user, done_at=timezone.now())
    follow_up.refresh_from_db()
    return follow_up
