"""When a backup was restored: purges wait, and what an operator does about it; copies that are declared as such."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from purge.choices import OPEN_STATUSES, JournalTrouble
from purge.host import Person
from purge.installation.identity import installation
from purge.journal import chains, noticing
from purge.journal.lines import CANCELLED, journal_acceptance
from purge.journal.noticing import Trouble
from purge.journal.stores.home import HomeAway, Position
from purge.models import Installation, JournalAlarm, JournalChain, JournalMark, PurgeRequest
from purge.services.refusals import PurgeRefused

logger = logging.getLogger(__name__)

_LOG_UNREADABLE = gettext_lazy("The purge log cannot be read. Mount it, or look at the rights of its folder.")


def check_purge_log() -> None:
    """For operators: refuse what would erase or freeze while database and purge log differ."""
    try:
        found = noticing.glance()
    except OSError:
        raise PurgeRefused("purge_log", str(_LOG_UNREADABLE)) from None
    if found:
        raise PurgeRefused("purge_log", found.for_operators)


def write_ahead(purge_request: PurgeRequest, people: list[Person]) -> None:
    """The request's line in the purge log; refused where that cannot be written, and then nothing is accepted."""
    with log_or_refuse():
        journal_acceptance(purge_request, people=people)


@contextmanager
def log_or_refuse() -> Iterator[None]:
    """What cannot be written to the purge log is refused in plain words; the caller's transaction is rolled back."""
    try:
        yield
    except OSError as error:
        # Which home, for the log of the process: nobody's business on a page.
        logger.warning("purge log: %s", error if isinstance(error, HomeAway) else type(error).__name__)
        raise PurgeRefused(
            "journal",
            _(
                "The purge log of this site cannot be written at the moment (its disk may be full). Nothing was "
                "accepted and nothing has changed. Please tell the operators, and try again later."
            ),
        ) from None


# ---------------------------------------------------------------- operators


def journal_acknowledge(*, number: int) -> Trouble:
    """An operator has dealt with the differences: they are written to the log as such, and purges go on.

    ``number``: how many there are, as ``purge_journal status`` says, so that none is waved through unseen. What stands
    behind damage is read then, and what it tells waits for an answer of its own. Returns what was acknowledged.
    """
    trouble = _looked()
    if not trouble:
        raise PurgeRefused("nothing", _("The purge log and this database agree: there is nothing to acknowledge."))
    if number != trouble.number:
        raise PurgeRefused(
            "number",
            _("There are %(n)d differences, not %(typed)d. Read purge_journal status, then type their number.")
            % {"n": trouble.number, "typed": number},
        )
    alarms = list(JournalAlarm.objects.order_by("chain", "seq"))
    _check_called_off(alarms)
    line: dict[str, Any] = {"event": "acknowledged", "at": timezone.now().isoformat()}
    for kind in (JournalTrouble.UNKNOWN, JournalTrouble.BEHIND):
        line[kind] = sorted({alarm.reference for alarm in alarms if alarm.kind == kind})
    for kind in (JournalTrouble.MISSING, JournalTrouble.DAMAGED):
        line[kind] = [[alarm.chain, alarm.seq] for alarm in alarms if alarm.kind == kind]
    with log_or_refuse():
        chains.append(installation().pk, line, to_disk=True)
        for alarm in alarms:
            if alarm.kind == JournalTrouble.DAMAGED:
                noticing.go_past(alarm.chain, alarm.seq)
    with transaction.atomic():
        for alarm in alarms:
            if alarm.kind == JournalTrouble.MISSING:
                _forget_lost(alarm.chain)
        JournalAlarm.objects.filter(pk__in=[alarm.pk for alarm in alarms]).delete()
        if trouble.unknown or trouble.behind:
            Installation.objects.update(restored_at=timezone.now())
    if trouble.damaged:
        _looked()
    return trouble


def _looked() -> Trouble:
    try:
        return noticing.look(thorough=True)
    except OSError:
        raise PurgeRefused("journal", str(_LOG_UNREADABLE)) from None


def _check_called_off(alarms: list[JournalAlarm]) -> None:
    """A purge that was called off after the backup would be carried out by the restored database."""
    called_off = {alarm.reference for alarm in alarms if alarm.event == CANCELLED}
    open_here = PurgeRequest.across_accounts.filter(reference__in=called_off, status__in=OPEN_STATUSES)
    references = sorted(open_here.values_list("reference", flat=True))
    if references:
        raise PurgeRefused(
            "called_off",
            ngettext(
                "%(references)s was called off after the backup, and is open again here. Cancel it first.",
                "%(references)s were called off after the backup, and are open again here. Cancel them first.",
                len(references),
            )
            % {"references": ", ".join(references)},
        )


def _forget_lost(chain: str) -> None:
    """What is left of the chain is read from its beginning; the lines that are gone are remembered by nobody."""
    end = 0
    size = chains.size_of(chain)
    if size is not None:
        for position, _item in chains.read(chain, Position(), size, settled=True):
            end = position.seq
    JournalChain.objects.filter(name=chain).delete()
    JournalMark.objects.filter(chain=chain, seq__gt=end).update(chain="", seq=0)
