"""What a release, or another try, would do: who goes, in which accounts, and what goes with them.

Asked before the button does it, so that nobody erases people on a click without having seen them. Who sees all accounts
reads all; an account's administrator reads their own account's people, and of others nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import Fate, Reader
from purge.host import PersonLine, get_host
from purge.models import PurgeRequest
from purge.routes.scope import DOOMED_REASONS, scope_of
from purge.standing import CUSTOMERS, reader_of
from purge.steps.impact import COUNT_CAP, Impact, ImpactLine, in_account_only, measure_impact

SALT = "purge.going_on"
#: How long a page may lie open before what it has shown is shown again.
SELECTION_LIVES = timedelta(hours=24)
#: People listed by name in one account; the number is always that of all.
MOST_LISTED = 500


@dataclass(frozen=True)
class AccountGroup:
    """Those of one account who go. ``lines`` is empty for who may not read names."""

    account_id: int
    name: str
    number: int
    lines: tuple[PersonLine, ...]

    @property
    def more(self) -> int:
        """How many are not listed, for who reads names."""
        return self.number - len(self.lines) if self.lines else 0


@dataclass(frozen=True)
class GoingOn:
    """What is about to happen, for one reader. ``people``: ids of all that the reader may know of, ascending;
    ``number``: what has to be typed, 0 for nothing; ``places``: in how many something was found after everybody was
    gone, for those who see all accounts."""

    purge_request: PurgeRequest
    people: tuple[int, ...]
    groups: tuple[AccountGroup, ...]
    lines: tuple[ImpactLine, ...]
    places: int

    @property
    def number(self) -> int:
        return len(self.people) or self.places

    @property
    def title(self) -> str:
        if self.people:
            text = ngettext(
                "%(n)d person will be erased for good", "%(n)d people will be erased for good", len(self.people)
            )
            return text % {"n": len(self.people)}
        return _("The people are erased already; what is found of them now will be erased for good")

    @property
    def number_text(self) -> str:
        return _("How many people are erased?") if self.people else _("In how many places was something found?")

    def sealed(self, action: str, user: Any) -> str:
        """What the page has shown, for the form that it carries: signed for one user and one action."""
        return signing.dumps([action, self.purge_request.pk, self.people, self.places], salt=_salt(user), compress=True)

    def was_shown(self, text: str, action: str, user: Any) -> bool:
        """Whether this is what a page has shown to this user. Raises ``signing.BadSignature`` for what is none."""
        shown = signing.loads(text, salt=_salt(user), max_age=SELECTION_LIVES)
        return bool(shown == [action, self.purge_request.pk, list(self.people), self.places])


def _salt(user: Any) -> str:
    return f"{SALT}.{user.pk}.{get_host().plans_of(user)}"


def going_on(purge_request: PurgeRequest, user: Any) -> GoingOn:
    """For a user, who may follow the request; None: the command line."""
    reader = reader_of(user, purge_request)
    subjects = purge_request.subjects.filter(role__in=DOOMED_REASONS, fate__in=(Fate.WAITING, Fate.STUCK))
    if reader in CUSTOMERS:
        subjects = subjects.filter(account_id=purge_request.account_id or 0)
    of_account: dict[int, list[int]] = {}
    for person_id, account_id in subjects.order_by("person_id").values_list("person_id", "account_id"):
        of_account.setdefault(account_id, []).append(person_id)
    people = tuple(sorted(pk for ids in of_account.values() for pk in ids))
    return GoingOn(
        purge_request=purge_request,
        people=people,
        groups=_groups(of_account, reader),
        lines=tuple(_impact(purge_request, reader, people).lines),
        # In whose account they are is not stored with them: an account's people read no number.
        places=0 if reader in CUSTOMERS else purge_request.residue_left,
    )


def _groups(of_account: dict[int, list[int]], reader: Reader) -> tuple[AccountGroup, ...]:
    accounts = get_host().accounts(of_account)
    groups = []
    for account_id, ids in of_account.items():
        # Support follows requests by their ID, without personal data.
        lines = tuple(get_host().person_lines(ids[:MOST_LISTED])) if reader != Reader.SUPPORT else ()
        name = accounts[account_id].name if account_id in accounts else _("an account that is gone")
        groups.append(AccountGroup(account_id, name, len(ids), lines))
    return tuple(sorted(groups, key=lambda group: (-group.number, group.name)))


def _impact(purge_request: PurgeRequest, reader: Reader, people: Iterable[int]) -> Impact:
    scope = scope_of(purge_request)
    if reader in CUSTOMERS and purge_request.account_id is not None:
        scope = in_account_only(replace(scope, people=tuple(sorted(people))), purge_request.account_id)
    return measure_impact(scope)


def plain_lines(going: GoingOn) -> list[str]:
    """For a terminal: numbers of rows instead of names, since what is printed there ends in logs."""
    lines = [f"{going.title}."]
    for group in going.groups:
        ids = ", ".join(str(line.id) for line in group.lines)
        more = f" and {group.more} more" if group.more else ""
        lines.append(f"  {group.number:>6}  in account {group.name}: user {ids}{more}")
    if going.places:
        lines.append(f"  {going.places:>6}  place(s) in which something was found")
    lines.append("What goes with them:" if going.lines else "Nothing goes with them.")
    counts: dict[str, int] = {}
    for line in going.lines:
        counts[line.label] = counts.get(line.label, 0) + line.n
    lines += [
        f"  {f'more than {COUNT_CAP:,}' if number > COUNT_CAP else f'{number:,}':>16}  {text}"
        for text, number in counts.items()
    ]
    return lines
