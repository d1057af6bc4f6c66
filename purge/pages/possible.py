"""Places where a Unique User ID of a purged person may stand: shown to people, who alone can say whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from purge.models import PossibleMention, PurgeRequest
from purge.pages.requests import UnopenedLine, link_to
from purge.proof.possible import MOST_PLACES
from purge.rules.registry import get_registry
from purge.thoroughness.telling import Listed


@dataclass(frozen=True)
class PossibleLine:
    """A place. ``link`` is empty where no page shows the row."""

    label: str
    table: str
    column: str
    row: str
    link: str

    def as_json(self) -> dict[str, Any]:
        return {"table": self.table, "column": self.column, "row": self.row}


@dataclass(frozen=True)
class PossibleLines:
    """``words``: where an ID may stand; ``files``: of other people, that mention an address. ``more``: there are
    others, which were not counted. ``unsought``: how many IDs were not looked for."""

    words: Sequence[PossibleLine]
    files: Sequence[PossibleLine]
    more: bool
    unsought: int

    def __bool__(self) -> bool:
        return bool(self.words or self.files or self.unsought)


def possible_of(purge_request: PurgeRequest, *, everything: bool) -> PossibleLines:
    """The places of a request. ``everything``: for support; else only those of the account that asked."""
    places = purge_request.possible_mentions.order_by("table", "column", "pk")
    if not everything:
        places = places.filter(account_id=purge_request.account_id or 0)
    words: list[PossibleMention] = []
    files: list[PossibleMention] = []
    for place in places[: 2 * MOST_PLACES + 2]:
        (files if _is_file(place) else words).append(place)
    more = max(len(words), len(files)) > MOST_PLACES
    return PossibleLines(
        list(map(_line, words[:MOST_PLACES])), list(map(_line, files[:MOST_PLACES])), more, purge_request.ids_unsought
    )


def listed_of(unopened: Sequence[UnopenedLine], possible: PossibleLines | None) -> Listed:
    """What of these lists is not covered, for the summary of how thoroughly a request was checked."""
    stayed = [(line.kind, line.files - line.erased) for line in unopened if line.files > line.erased]
    if possible is None:
        return Listed(stayed)
    return Listed(stayed, possible.unsought, len(possible.words) + len(possible.files), possible.more)


def _is_file(place: PossibleMention) -> bool:
    entry = get_registry().by_table.get(place.table)
    return entry is not None and any(column.column == place.column for column in entry.files)


def _line(place: PossibleMention) -> PossibleLine:
    entry = get_registry().by_table.get(place.table)
    noun = place.table if entry is None else _(entry.rules.noun)
    link = "" if entry is None else link_to(f"admin:{entry.rules.model.lower().replace('.', '_')}_change", place.row)
    label = _("%(noun)s, row %(row)s (%(column)s)") % {"noun": noun, "row": place.row, "column": place.column}
    return PossibleLine(label, place.table, place.column, place.row, link)
