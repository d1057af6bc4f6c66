"""One page of the list of deleted users: filter, sort, keyset paging, months, hints. The same number of queries always.

Pages are found by the row they begin after, never by OFFSET, and nothing is counted: the numbers come from
:class:`users.models.DeletedCount`. A cursor is the number of a row, so that no Unique User ID gets into an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.http import QueryDict
from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _

from users.expressions import ByCodePoint
from users.filters import CleanupFilter
from users.models import DeletedCount, DeletedUser
from users.selectors import deleted_and_free

PAGE = 50
#: What may stand in the list's address besides the filter's own names.
SORT, AFTER, BEFORE, YEAR, SELECT = "sort", "after", "before", "year", "select"
DEFAULT_SORT = "-date"


@dataclass(frozen=True)
class Segment:
    """A part of the list that has one order: rows with a Unique User ID, then rows without. Ties break by id."""

    rows: QuerySet[DeletedUser]
    column: str
    descending: bool = False

    def ordered(self, *, backwards: bool) -> QuerySet[DeletedUser]:
        sign = "-" if self.descending != backwards else ""
        columns = ["pk"] if self.column == "pk" else [self.column, "pk"]
        return self.rows.order_by(*(f"{sign}{column}" for column in columns))

    def beyond(self, anchor: Mapping[str, Any], *, backwards: bool) -> QuerySet[DeletedUser]:
        """The rows on the far side of a row of this segment."""
        side = "lt" if self.descending != backwards else "gt"
        rows = self.ordered(backwards=backwards)
        if self.column == "pk":
            return rows.filter(**{f"pk__{side}": anchor["pk"]})
        value = anchor[self.column]
        # The first comparison is what the index needs, the second what is right.
        return rows.filter(
            Q(**{f"{self.column}__{side}": value}) | Q(**{f"pk__{side}": anchor["pk"]}),
            **{f"{self.column}__{side}e": value},
        )


def segments(rows: QuerySet[DeletedUser], sort: str) -> list[Segment]:
    """The list as parts in order. Empty Unique User IDs come last both ways."""
    descending = sort.startswith("-")
    if sort.removeprefix("-") == "date":
        return [Segment(rows, "deleted_at", descending)]
    return [
        Segment(
            rows.filter(unique_id_sort__isnull=False).annotate(uid=ByCodePoint("unique_id_sort")), "uid", descending
        ),
        Segment(rows.filter(unique_id_sort__isnull=True), "pk"),
    ]


def take(parts: Sequence[Segment], limit: int, *, anchor_id: int | None = None, backwards: bool = False) -> list[Any]:
    """The next rows beyond a row, or the first ones; in list order. Raises LookupError when that row is gone."""
    parts = list(reversed(parts)) if backwards else list(parts)
    found: list[Any] = []
    if anchor_id is not None:
        position, anchor = _locate(parts, anchor_id)
        found = list(parts[position].beyond(anchor, backwards=backwards)[:limit])
        parts = parts[position + 1 :]
    for part in parts:
        if len(found) < limit:
            found += part.ordered(backwards=backwards)[: limit - len(found)]
    return found[::-1] if backwards else found


def _locate(parts: Sequence[Segment], anchor_id: int) -> tuple[int, Mapping[str, Any]]:
    for position, part in enumerate(parts):
        columns = ["pk"] if part.column == "pk" else ["pk", part.column]
        anchor = part.rows.filter(pk=anchor_id).values(*columns).first()
        if anchor is not None:
            return position, anchor
    raise LookupError(anchor_id)


# ---------------------------------------------------------------- months


@dataclass(frozen=True)
class Month:
    value: str
    name: str
    n: int
    query: str
    chosen: bool


def month_label(month: str) -> str:
    """ "2026-01" → "January 2026"."""
    year, _dash, number = month.partition("-")
    return f"{MONTHS[int(number)]} {year}"


def month_counts(account_id: int | None) -> dict[str, int]:
    """Month → deleted users, newest first, from the summary. None: of all accounts together."""
    counts = DeletedCount.objects.filter(n__gt=0)
    if account_id is not None:
        counts = counts.filter(account_id=account_id)
    summed = counts.order_by("-month").values("month").annotate(total=Sum("n"))
    return dict(summed.values_list("month", "total"))


# ---------------------------------------------------------------- the page


@dataclass
class Listing:
    """Everything the page of deleted users shows."""

    filterset: CleanupFilter
    rows: list[Any]
    sort: str
    chips: list[tuple[str, str]]
    months: list[Month]
    years: list[tuple[int, str, bool]]
    all_months: list[Month]
    total: int | None
    first_ids: list[int]
    selected: set[int]
    next_query: str = ""
    previous_query: str = ""
    first_query: str = ""
    select_query: str = ""
    unselect_query: str = ""
    export_query: str = ""
    lost_place: bool = False
    sorts: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def beyond_page(self) -> list[int]:
        """Selected people who stand on another page: the form carries them along."""
        shown = {row.pk for row in self.rows}
        return [pk for pk in self.first_ids if pk in self.selected and pk not in shown]

    @property
    def filtered(self) -> bool:
        return bool(self.chips)


class ListQuery:
    """The list's address, taken apart: the filter's names, and our own."""

    def __init__(self, data: QueryDict | Mapping[str, str]) -> None:
        self.filter = {name: str(data[name]) for name in CleanupFilter.base_filters if data.get(name)}
        sort = str(data.get(SORT, DEFAULT_SORT))
        self.sort = sort if sort in ("date", "-date", "uid", "-uid") else DEFAULT_SORT
        self.data = data

    def with_(self, **changes: Any) -> str:
        """ "?…" with the filter and the sort, and what is given; None takes a name out. Never the place in the list."""
        query = QueryDict(mutable=True)
        query.update(self.filter)
        if self.sort != DEFAULT_SORT:
            query[SORT] = self.sort
        for name, value in changes.items():
            query.pop(name, None)
            if value is not None:
                query[name] = str(value)
        return f"?{query.urlencode()}"


def listing(rows: QuerySet[DeletedUser], *, account_id: int | None, data: QueryDict) -> Listing:
    """One page of ``rows`` (the deleted users that somebody may see) for an address' query."""
    query = ListQuery(data)
    filterset = CleanupFilter(query.filter, queryset=rows)
    valid = filterset.form.is_valid()
    kept = filterset.qs if valid else rows.none()
    parts = segments(kept, query.sort)
    page, older, newer, lost = _page(parts, data)
    selectable = deleted_and_free(kept).select_related(None).only("pk")
    first_ids = [row.pk for row in take(segments(selectable, query.sort), settings.PURGE_MAX_PEOPLE)]
    counts = month_counts(account_id)
    month = query.filter.get("month", "") if valid else ""
    others = set(query.filter) - {"month"}
    return Listing(
        filterset=filterset,
        rows=page,
        sort=query.sort,
        chips=_chips(query, filterset) if valid else [],
        months=_months(query, counts, _year(data, month, counts), month),
        years=_years(query, counts, _year(data, month, counts)),
        all_months=[Month(m, month_label(m), n, query.with_(month=m), m == month) for m, n in counts.items()],
        total=None if others or not valid else counts.get(month, 0) if month else sum(counts.values()),
        first_ids=first_ids,
        selected=set(first_ids) if data.get(SELECT) == "first" else set(),
        next_query=query.with_(after=page[-1].pk) if page and older else "",
        previous_query=query.with_(before=page[0].pk) if page and newer else "",
        first_query=query.with_(),
        select_query=query.with_(select="first"),
        unselect_query=query.with_(),
        export_query=query.with_(),
        lost_place=lost,
        sorts={name: _sort_link(query, name) for name in ("uid", "date")},
    )


def _page(parts: list[Segment], data: QueryDict) -> tuple[list[Any], bool, bool, bool]:
    """(rows, whether more follow, whether some come before, whether the place was lost)."""
    after, before = _number(data.get(AFTER)), _number(data.get(BEFORE))
    try:
        if before is not None:
            rows = take(parts, PAGE + 1, anchor_id=before, backwards=True)
            if len(rows) >= PAGE:
                return rows[-PAGE:], True, len(rows) > PAGE, False
            after = None
        rows = take(parts, PAGE + 1, anchor_id=after)
        return rows[:PAGE], len(rows) > PAGE, after is not None, False
    except LookupError:
        rows = take(parts, PAGE + 1)
        return rows[:PAGE], len(rows) > PAGE, False, True


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _sort_link(query: ListQuery, column: str) -> tuple[str, str]:
    """(query, "ascending" | "descending" | "none"): a second click turns it round. Dates begin with the newest."""
    first, second = (f"-{column}", column) if column == "date" else (column, f"-{column}")
    target = second if query.sort == first else first
    state = "none"
    if query.sort.removeprefix("-") == column:
        state = "descending" if query.sort.startswith("-") else "ascending"
    return query.with_(sort=target), state


def _chips(query: ListQuery, filterset: CleanupFilter) -> list[tuple[str, str]]:
    """(words, query that takes this part of the filter away)."""
    chips = []
    if month := query.filter.get("month"):
        label = _("Showing users deleted in %(month)s") % {"month": month_label(month)}
        chips.append((label, query.with_(month=None)))
    if kind := query.filter.get("kind"):
        label = dict(filterset.form.fields["kind"].choices).get(kind, kind)
        chips.append((_("Kind: %(kind)s") % {"kind": label}, query.with_(kind=None)))
    if text := query.filter.get("q"):
        chips.append((_("Begins with “%(text)s”") % {"text": text}, query.with_(q=None)))
    return chips


def _year(data: QueryDict, month: str, counts: Mapping[str, int]) -> int:
    asked = _number(data.get(YEAR))
    if asked is not None and 1970 <= asked <= 9999:
        return asked
    newest = month or next(iter(counts), "")
    return int(newest[:4]) if newest else timezone.localdate().year


def _months(query: ListQuery, counts: Mapping[str, int], year: int, chosen: str) -> list[Month]:
    values = [f"{year:04d}-{number:02d}" for number in MONTHS]
    return [
        Month(value, str(MONTHS[number]), counts.get(value, 0), query.with_(month=value), value == chosen)
        for number, value in zip(MONTHS, values, strict=True)
    ]


def _years(query: ListQuery, counts: Mapping[str, int], shown: int) -> list[tuple[int, str, bool]]:
    years = sorted({int(month[:4]) for month in counts} | {shown}, reverse=True)
    return [(year, query.with_(year=year), year == shown) for year in years]
