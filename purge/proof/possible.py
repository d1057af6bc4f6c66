"""What may be somebody's who was purged, and is not taken out: noted for people to look at.

*Other people's own files* (certificates) that mention an address stay with their owners. *Unique User IDs* may stand in
texts where nothing says whose they are.

``U-1001`` in a text may be the person's number, or an order's: it is never taken out. It is looked for while the
request still knows it, in rows of the account whose ID it is, as a whole word; in the same statements that look for
everything else (:mod:`purge.proof.texts`), and only so many at a time, since each makes reading slower.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from purge.addresses.identity import simple_lower
from purge.addresses.tokens import SHORTEST_ID
from purge.choices import IdentifierKind
from purge.database.catalog import Catalog, Column
from purge.host import get_host
from purge.models import Identifier, PossibleMention, PurgeRequest
from purge.proof.reading import values_of
from purge.proof.row_names import row_name
from purge.routes.ownership import ids_kept_in
from purge.routes.scope import DOOMED_REASONS, current_key
from purge.rules.registry import get_registry

#: IDs that a pass looks for; those of the requests that were accepted first.
MOST_IDS: Final = 10_000
#: IDs that PostgreSQL is asked for one by one; it takes longer with each. Of more it is asked for what looks like one.
ASKED_BY_NAME: Final = 100
#: Places that are noted for a request. Where there are more, the ID is a number that stands everywhere.
MOST_PLACES: Final = 20
#: Rows of a column that are looked at for it.
MOST_ROWS: Final = 2_000


@dataclass(frozen=True)
class Possible:
    """A place where an ID stands as a word, in a row of the account that a request is about; or a file of another's
    that mentions an address."""

    request_id: int
    table: str
    column: str
    row: str
    account_id: int


@dataclass(frozen=True)
class Unsought:
    """How many of a request's IDs a pass did not look for, since there were too many."""

    request_id: int
    number: int


class PossibleIds:
    """The IDs that open requests look for in texts, and the rows in which one of them may stand."""

    def __init__(self, requests: Iterable[PurgeRequest]) -> None:
        self._wanted, self.unsought = _wanted(list(requests))
        self._met: dict[Column, list[Any]] = defaultdict(list)
        self._look_for({key for there in self._wanted.values() for key in there})

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def _look_for(self, keys: Collection[str]) -> None:
        pattern = _any_of(keys)
        self._asked = pattern if len(keys) <= ASKED_BY_NAME else _any_shape_of(keys)
        self._words = re.compile(rf"(?<![\w@])(?<!\w[-.@+])(?:{pattern})(?![\w@])(?![-.@+]\w)")

    def are_in(self, column: Column) -> bool:
        """Whether rows of the column's table belong to an account at all."""
        entry = get_registry().by_table.get(column.table)
        return bool(self._wanted) and entry is not None and entry.rules.account is not None

    def condition(self, text: str) -> str:
        """That a text, an SQL expression of PostgreSQL's, may hold one; :meth:`may_be_in` is asked of those that do."""
        pattern = self._asked.replace("'", "''")
        return f"({text}) COLLATE \"C\" ~* '{pattern}'"

    def may_be_in(self, text: Any) -> bool:
        return isinstance(text, str) and bool(self._words.search(simple_lower(text)))

    def met(self, column: Column, pk: Any) -> None:
        """Remember a row in which one may stand."""
        if len(self._met[column]) < MOST_ROWS:
            self._met[column].append(pk)

    def places(self, catalog: Catalog) -> Iterator[Possible]:
        """Where one really stands as a word, in a row of its own account: at most so many for each request."""
        noted: dict[int, int] = defaultdict(int)
        for column, pks in self._met.items():
            accounts = _accounts_of(column.table, pks)
            for pk, values in sorted(values_of(catalog, column, set(pks)).items()):
                there = self._wanted.get(accounts.get(pk) or 0, {})
                text = simple_lower("\n".join(map(str, values)))
                words = {match.group() for match in self._words.finditer(text)} if there else set()
                for request_id in sorted({request_id for word in words & there.keys() for request_id in there[word]}):
                    noted[request_id] += 1
                    # One more than is shown: it says that there are more.
                    if noted[request_id] <= MOST_PLACES + 1:
                        yield Possible(request_id, column.table, column.name, row_name(column.table, pk), accounts[pk])


def note_possible(purge_request: PurgeRequest, found: Iterable[Possible | Unsought]) -> None:
    """List for a request what may be its people's, instead of what was listed before, and how much was not looked for.
    One that has been completed knows the IDs no longer: its list grows."""
    found = [each for each in found if each.request_id == purge_request.pk]
    if purge_request.identifiers.exists():
        purge_request.possible_mentions.all().delete()
        purge_request.ids_unsought = sum(each.number for each in found if isinstance(each, Unsought))
        PurgeRequest.across_accounts.filter(pk=purge_request.pk).update(ids_unsought=purge_request.ids_unsought)
    PossibleMention.across_accounts.bulk_create(
        [
            PossibleMention(
                request=purge_request, table=each.table, column=each.column, row=each.row, account_id=each.account_id
            )
            for each in found
            if isinstance(each, Possible)
        ],
        ignore_conflicts=True,
    )


def _wanted(requests: Sequence[PurgeRequest]) -> tuple[Mapping[int, Mapping[str, set[int]]], Sequence[Unsought]]:
    """Account → the keys of its IDs that nobody has there now → the requests that look for each; and what is beyond
    :data:`MOST_IDS`."""
    stored = Identifier.objects.filter(
        request__in=requests, kind=IdentifierKind.UNIQUE_ID, account_id__isnull=False
    ).order_by("request_id", "pk")
    wanted: dict[int, dict[str, set[int]]] = defaultdict(dict)
    for value, form, account_id, request_id in stored.values_list("value", "form", "account_id", "request_id"):
        key = simple_lower(current_key(value, form))
        if len(key) >= SHORTEST_ID and account_id is not None:
            wanted[account_id].setdefault(key, set()).add(request_id)
    if not wanted:
        return {}, ()
    going = {
        person_id
        for request in requests
        for person_id in request.subjects.filter(role__in=DOOMED_REASONS).values_list("person_id", flat=True)
    }
    kept = ids_kept_in(wanted, going=going)
    left, most = {}, MOST_IDS
    beyond: Counter[int] = Counter()
    for account_id, keys in wanted.items():
        free = [key for key in keys if key not in kept.get(account_id, ())]
        beyond.update(request_id for key in free[most:] for request_id in keys[key])
        if free[:most]:
            left[account_id] = {key: keys[key] for key in free[:most]}
        most -= len(free[:most])
    return left, [Unsought(*counted) for counted in beyond.items()]


def _accounts_of(table: str, pks: Sequence[Any]) -> Mapping[Any, int]:
    entry = get_registry().by_table[table]
    assert entry.rules.account is not None
    staff = set(get_host().staff_account_ids()) if entry.rules.staff_is_everybodys else set()
    rows = entry.model._base_manager.filter(pk__in=pks).values_list("pk", entry.rules.account)
    return {pk: account_id for pk, account_id in rows if account_id is not None and account_id not in staff}


def _any_of(keys: Iterable[str]) -> str:
    """A regular expression for all of them that shares what they begin with: read ten times as fast as one after the
    other. The same for Python and PostgreSQL."""
    root: dict[str, Any] = {}
    for key in keys:
        node = root
        for sign in key:
            node = node.setdefault(sign, {})
        node[""] = {}
    return _branches(root)


def _any_shape_of(keys: Iterable[str]) -> str:
    """A regular expression for whatever has letters, digits and the rest where one of them has."""
    return "|".join(sorted({"".join(_like(sign) for sign in key) for key in keys}))


def _like(sign: str) -> str:
    if sign.isascii() and sign.isalnum():
        return "[0-9]" if sign.isdigit() else "[a-z]"
    return _either_case(sign)


def _branches(node: Mapping[str, Any]) -> str:
    parts = [_either_case(sign) + _branches(then) for sign, then in sorted(node.items()) if sign]
    if not parts:
        return ""
    joined = parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"
    return f"(?:{joined})?" if "" in node else joined


def _either_case(sign: str) -> str:
    """A small letter, whatever the case: of those beyond ASCII PostgreSQL knows none."""
    capital = sign.upper()
    return re.escape(sign) if sign.isascii() or capital == sign or len(capital) > 1 else f"[{sign}{capital}]"
