"""A request's history in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy

from purge.models import LedgerEntry
from purge.register.staff import staff_names

EVENTS = {
    "grown": gettext_lazy("Users found who had been overlooked"),
    "split_off": gettext_lazy("Part of it is a request of its own: other accounts"),
    "taken_out": gettext_lazy("Taken out by an operator"),
    "accepted": gettext_lazy("Accepted"),
    "batch": gettext_lazy("Begun as a batch"),
    "held": gettext_lazy("Waiting for the platform's check"),
    "released": gettext_lazy("Checked by an operator"),
    "proved": gettext_lazy("Its account has proved that the addresses are its own"),
    "planned": gettext_lazy("Plan stored"),
    "failed": gettext_lazy("Attempt failed"),
    "needs_attention": gettext_lazy("Stopped: needs help"),
    "tried_again": gettext_lazy("Tried again"),
    "people_erased": gettext_lazy("People erased"),
    "person_stuck": gettext_lazy("Somebody could not be erased"),
    "verified": gettext_lazy("Looked: something was left, so the plan runs again"),
    "erased": gettext_lazy("Erased: waiting for the final check of every text"),
    "residue": gettext_lazy("Personal data found"),
    "completed": gettext_lazy("Completed and verified"),
    "cancelled": gettext_lazy("Cancelled"),
    "follow_up_done": gettext_lazy("Marked as done: something that was left to do"),
    "follow_up_undone": gettext_lazy("Opened again: something that was left to do"),
    "noted": gettext_lazy("Note for the register written"),
    "replayed": gettext_lazy("Asked again: a restored backup had undone it"),
    "resumed": gettext_lazy("Goes on after a restored backup"),
}


def event_label(event: str) -> str:
    """What a ledger entry says."""
    return str(EVENTS.get(event, event.replace("_", " ")))


#: Facts of ledger entries that people read; the others are the engine's own. Totals count other accounts as well.
FACT_LABELS = {
    "people": gettext_lazy("people: %s"),
    "already_gone": gettext_lazy("already gone: %s"),
    "steps": gettext_lazy("steps: %s"),
    "hits": gettext_lazy("places: %s"),
    "attempt": gettext_lazy("attempt %s"),
    "error": gettext_lazy("error: %s"),
    "table": gettext_lazy("table: %s"),
    "kept": gettext_lazy("kept: %s"),
}


#: What the account that asked reads of them: ``own`` counts people, and only its own.
OWN_FACT_LABELS = {
    "own": FACT_LABELS["people"],
    "steps": FACT_LABELS["steps"],
    "attempt": FACT_LABELS["attempt"],
}
#: Events that happen because of what is in other accounts.
ELSEWHERE_EVENTS = ("grown", "split_off", "held", "released", "proved", "let_go")


def facts_text(entry: LedgerEntry, *, everything: bool) -> str:
    """The numbers of a ledger entry. Zeros say nothing. ``everything``: for those who see all accounts."""
    labels = FACT_LABELS if everything else OWN_FACT_LABELS
    return ", ".join(str(text) % entry.facts[key] for key, text in labels.items() if entry.facts.get(key))


@dataclass(frozen=True)
class HistoryLine:
    """What happened, when, by whom, and in what numbers. ``who``: as the reader may know them, or ''."""

    label: str
    at: datetime
    who: str
    facts: str


def history_lines(entries: Iterable[LedgerEntry], *, reader: Any, everything: bool) -> list[HistoryLine]:
    """What happened when, without what other accounts brought about unless ``everything``."""
    entries = list(entries)
    names = staff_names((entry.actor_id for entry in entries), reader)
    return [
        HistoryLine(
            event_label(entry.event),
            entry.at,
            names.get(entry.actor_id or 0, ""),
            facts_text(entry, everything=everything),
        )
        for entry in entries
        if everything or entry.event not in ELSEWHERE_EVENTS
    ]
