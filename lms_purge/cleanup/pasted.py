"""A list of addresses or Unique User IDs that somebody has pasted, sorted by what can be done about each line.

The text stays in the browser's form: kept are the numbers of users and of lines (:class:`users.models.PurgeDraft`).
What has become of each user since is asked again whenever the list is looked at. The number of queries does not depend
on how long it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.urls import reverse

from lms_purge.cleanup.hints import Hints, hints_of
from purge.addresses import identity_key, is_address, trimmed
from purge.models import PurgeRequest
from purge.routes.suppression import Known, known_by, purged_before
from users.models import DraftKind, PurgeDraft, User
from users.services import unique_id_sort_key

#: More lines are refused.
MOST_LINES = 1_000
#: Nothing longer is anybody's address or ID.
LONGEST = 400


def lines_of(text: str) -> list[tuple[int, str]]:
    """(number, text) of the lines that say something, each text once; without a spreadsheet's comma at the end."""
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        word = trimmed(trimmed(line).rstrip(",;\t"))
        if word:
            seen.setdefault(word, number)
    return [(number, word) for word, number in seen.items()]


@dataclass(frozen=True)
class Found:
    """What the lines stand for, in one account. ``people``: ids of users, in the order of the list, each once.
    ``purged``: number of a line → ID of the account's own request; ``unknown``: numbers of the others."""

    people: list[int]
    purged: dict[int, str]
    unknown: list[int]

    def written(self) -> dict[str, Any]:
        return {"purged": {str(number): reference for number, reference in self.purged.items()}, "lines": self.unknown}


def looked_up(lines: Sequence[tuple[int, str]], account_id: int) -> Found:
    """Users of the account by their address or Unique User ID, and who was purged from it, by its own requests."""
    asked = [(number, word) for number, word in lines if len(word) <= LONGEST]
    by_line = _users(asked, account_id)
    rest = [(number, word) for number, word in lines if number not in by_line]
    purged = _purged([(number, word) for number, word in asked if number not in by_line], account_id)
    return Found(
        people=list(dict.fromkeys(by_line[number] for number, _word in lines if number in by_line)),
        purged=purged,
        unknown=[number for number, _word in rest if number not in purged],
    )


def _users(lines: Iterable[tuple[int, str]], account_id: int) -> dict[int, int]:
    """Number of a line → id of the user. An ID in other letters than theirs counts where it can mean nobody else."""
    addresses = {number: identity_key(word) for number, word in lines if is_address(word)}
    ids = dict(lines)
    sorts = {unique_id_sort_key(word) for word in ids.values()}
    rows = User.objects.filter(Q(email_key__in=set(addresses.values())) | Q(unique_id_sort__in=sorts))
    by_address: dict[str, int] = {}
    by_id: dict[str, int] = {}
    alike: dict[str, list[int]] = {}
    for pk, key, unique_id, sort in rows.filter(account_id=account_id).values_list(
        "pk", "email_key", "unique_user_id", "unique_id_sort"
    ):
        if key:
            by_address[key] = pk
        if unique_id:
            by_id[unique_id] = pk
            alike.setdefault(sort, []).append(pk)
    found: dict[int, int] = {}
    for number, word in ids.items():
        same = alike.get(unique_id_sort_key(word) or "", [])
        user = by_address.get(addresses.get(number, "")) or by_id.get(word) or (same[0] if len(same) == 1 else None)
        if user is not None:
            found[number] = user
    return found


def _purged(lines: Iterable[tuple[int, str]], account_id: int) -> dict[int, str]:
    known = {
        number: known_by(addresses=[identity_key(word)] if is_address(word) else [], unique_user_id=word)
        for number, word in lines
    }
    everything: set[Known] = set().union(*known.values())
    # Without an ID: what another account's request did is no business of this one.
    found = purged_before(account_id=account_id, known=everything)
    references = {
        number: next((found[each] for each in sorted(mine) if found.get(each)), "") for number, mine in known.items()
    }
    return {number: reference for number, reference in references.items() if reference}


# ---------------------------------------------------------------- looked at


@dataclass
class PastedList:
    """What can be done now about each line of a list. People are users with ``hints``."""

    token: str
    ready: list[Any] = field(default_factory=list)
    active: list[Any] = field(default_factory=list)
    in_request: list[Any] = field(default_factory=list)
    not_now: list[Any] = field(default_factory=list)
    purged: list[tuple[str, str, int]] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)

    @property
    def people(self) -> int:
        return len(self.ready) + len(self.active) + len(self.in_request) + len(self.not_now)


def sorted_list(draft: PurgeDraft, *, reader: Any) -> PastedList:
    """A list as it stands now. Who has been purged since it was pasted is not there any more."""
    account_id = draft.account_id or 0
    users = {
        user.pk: user
        for user in User.objects.filter(account_id=account_id, pk__in=draft.people).select_related("account")
    }
    people: list[Any] = [users[pk] for pk in draft.people if pk in users]
    hints = hints_of(people)
    pasted = PastedList(draft.token.hex, unknown=list(draft.facts["lines"]))
    pasted.purged = _requests_of(draft.facts["purged"], account_id)
    for person in people:
        person.hints = hints[person.pk]
        _room_of(person, person.hints, pasted, reader).append(person)
    return pasted


def _room_of(person: Any, hints: Hints, pasted: PastedList, reader: Any) -> list[Any]:
    if hints.purge_request is not None:
        return pasted.in_request
    if hints.mailbox or person.pk == reader.pk:
        return pasted.not_now
    return pasted.active if person.deleted_at is None else pasted.ready


def _requests_of(purged: Mapping[str, str], account_id: int) -> list[tuple[str, str, int]]:
    """(request ID, its page, how many lines), for each request that purged somebody of the list."""
    counts: dict[str, int] = {}
    for reference in purged.values():
        counts[reference] = counts.get(reference, 0) + 1
    rows = PurgeRequest.objects.filter(account_id=account_id, reference__in=counts).order_by("pk")
    return [
        (reference, reverse("admin:purge_purgerequest_change", args=[pk]), counts[reference])
        for pk, reference in rows.values_list("pk", "reference")
    ]


def line_numbers(numbers: Sequence[int]) -> str:
    """ "3, 5–9": which lines of a list, runs of them together."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ", ".join("–".join(map(str, run)) for run in runs)


KIND = DraftKind.LIST
