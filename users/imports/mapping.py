"""Which column means what: proposed from headings and first rows, corrected by people, remembered for the account."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.translation import gettext as _

from purge.addresses import emails_in
from users.imports.evidence import speaks_against
from users.imports.parsing import cleaned
from users.imports.words import headings as words
from users.imports.words.exports import known_export
from users.imports.words.fields import FIELDS
from users.imports.words.spelling import bare

__all__ = ["FIELDS"]

#: How many rows are looked at for what their cells say.
FIRST_ROWS = 200

#: The fields without which nobody is added.
NEEDED = frozenset({"name", "first_name", "last_name", "email"})

#: How many headings an account is remembered to have called so; they are read with each of its requests.
MOST_REMEMBERED = 200

_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_POSSESSIVE = re.compile(r"['’]s?\b")
#: "L'utilisateur", "dell'utente": two words, where "employee's" is one.
_ELIDED = re.compile(r"\b([dl]|dell)['’](?=\w{2})", re.IGNORECASE)
_NO_WORD = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_JAPANESE = re.compile(r"[の ※*]")


def plain(heading: str) -> str:
    """A heading as it is remembered: "Employee's E-mail *" and "employee email" are the same."""
    text = _CAMEL.sub(" ", _ASIDE.sub(" ", heading)).casefold()
    text = _NO_WORD.sub(" ", _POSSESSIVE.sub("", text)).strip()
    return re.sub(r"\be mail\b", "email", text)


def _as_compared(heading: str) -> str:
    text = _POSSESSIVE.sub("", _ELIDED.sub(r"\1 ", unicodedata.normalize("NFKC", heading)))
    return re.sub(r"\be mail", "email", bare(_CAMEL.sub(" ", _ASIDE.sub(" ", text))))


def _core(text: str) -> frozenset[str]:
    return frozenset(text.split()) - words.ASIDE


def _by_core(phrases: Mapping[str, tuple[str, ...]]) -> dict[frozenset[str], str]:
    found: dict[frozenset[str], str] = {}
    for name in words.FIELDS_IN_ORDER:
        for phrase in phrases.get(name, ()):
            found.setdefault(_core(phrase), name)
    found.pop(frozenset(), None)
    return found


_WHOLE_BY_CORE = _by_core(words.WHOLE)
_WHOLE = {phrase: name for name in reversed(words.FIELDS_IN_ORDER) for phrase in words.WHOLE.get(name, ())}
_YES_NO_BY_CORE = {core: pair for phrase, pair in words.YES_NO.items() if (core := _core(phrase))}
_WITHIN = tuple(
    (name, tuple(frozenset(p.split()) for p in words.WITHIN.get(name, ()))) for name in words.FIELDS_IN_ORDER
)


@lru_cache(maxsize=4_096)
def meanings_of(heading: str) -> tuple[str, ...]:
    """The fields that a heading can mean, most likely first."""
    text = _as_compared(heading)
    if not text:
        return ()
    if not text.isascii():
        name = words.JAPANESE.get(_NOT_JAPANESE.sub("", text))
        return () if name is None else (name,)
    said = frozenset(text.split())
    within = [name for name, phrases in _WITHIN if any(said >= phrase for phrase in phrases)]
    if "manager" in within:
        return () if said & words.OF_A_MANAGER and "email" not in within else ("manager",)
    if said & words.SOMEBODY_ELSE:
        within = [name for name in within if name not in ("email", "first_name", "last_name")]
    if said & words.OTHER_ADDRESSES:
        within = [name for name in within if name != "email"]
    whole = _WHOLE.get(text) or _WHOLE_BY_CORE.get(_core(text)) or ("state" if yes_no_of(heading) else None)
    return tuple(dict.fromkeys(([whole] if whole else []) + within))


def meaning_of(heading: str) -> str | None:
    """The field that a heading most likely means."""
    return next(iter(meanings_of(heading)), None)


def is_known(heading: str) -> bool:
    return bool(meanings_of(heading))


def yes_no_of(heading: str) -> tuple[str, str] | None:
    """Of a heading that a yes or no answers, the states that they mean."""
    text = _as_compared(heading)
    return words.YES_NO.get(text) or _YES_NO_BY_CORE.get(_core(text))


def is_universal_time(heading: str) -> bool:
    """Whether the heading says that its times are UTC and not the account's."""
    return "utc" in bare(heading).split()


# ---------------------------------------------------------------- the proposal


@dataclass(frozen=True)
class Proposal:
    """``columns``: field → number of its column, from 0. ``against``: number of a column → what its heading says and
    its cells do not, where nothing else was found for that. ``export``: the product whose export this is, or ''."""

    columns: dict[str, int] = field(default_factory=dict)
    against: dict[int, str] = field(default_factory=dict)
    export: str = ""


def proposal(
    headings: Sequence[str], remembered: Mapping[str, str], rows: Sequence[Sequence[str]] = (), company: str = ""
) -> Proposal:
    """What the columns mean: as the account had it last time, else as the export has it that this is, else as the
    headings say; nothing that the cells of the first ``rows`` contradict.

    Of several columns that could mean the same the one with the fewest other words is taken ("Email" before "Private
    email"), one that says something before an empty one; a manager's email goes before their other columns.
    """
    cells = [[text for row in rows if n < len(row) and (text := cleaned(row[n]))] for n in range(len(headings))]
    export = known_export(tuple(headings))
    columns: dict[str, int] = {}
    against: dict[int, str] = {}
    for name, number in _in_order(headings, remembered, export.columns if export else None, cells, bool(rows)):
        if name in columns or number in columns.values():
            continue
        heading = headings[number]
        yes_no, login = yes_no_of(heading) is not None, bare(heading) in words.LOGINS
        if speaks_against(name, cells[number], yes_no=yes_no, login=login, company=company):
            against.setdefault(number, name)
        else:
            columns[name] = number
    if "name" in columns:
        for part in ("first_name", "last_name"):
            columns.pop(part, None)
    against = {n: name for n, name in against.items() if name not in columns and n not in columns.values()}
    return Proposal(columns, against, export.name if export else "")


def propose(
    headings: Sequence[str], remembered: Mapping[str, str], rows: Sequence[Sequence[str]] = (), company: str = ""
) -> dict[str, int]:
    """The columns of :func:`proposal`."""
    return proposal(headings, remembered, rows, company).columns


def _in_order(
    headings: Sequence[str],
    remembered: Mapping[str, str],
    export: Mapping[str, str] | None,
    cells: Sequence[Sequence[str]],
    has_rows: bool,
) -> list[tuple[str, int]]:
    """Field and column, the best first."""
    found = [
        (name, number)
        for number, heading in enumerate(headings)
        if heading and (name := remembered.get(plain(heading))) in FIELDS and name is not None
    ]
    unknown = [number for number, heading in enumerate(headings) if plain(heading) not in remembered]
    if export is not None:
        places = {headings[number]: number for number in reversed(unknown)}
        return found + [(name, places[heading]) for heading, name in export.items() if heading in places]
    beside = {bare(heading) for heading in headings}
    ranked = sorted(
        (has_rows and not cells[number], *_rank(headings[number], name), place, number, name)
        for number in unknown
        for place, name in enumerate(_meanings_beside(headings[number], beside))
    )
    return found + [(str(name), int(number)) for *_order, number, name in ranked]


def _meanings_beside(heading: str, others: set[str]) -> tuple[str, ...]:
    """The same where a heading is only a part of the name, since another one is the other part."""
    part, companions = words.BESIDE.get(bare(heading), ("", frozenset()))
    return (part,) if companions & others else meanings_of(heading)


def _rank(heading: str, name: str) -> tuple[int, int]:
    said = _as_compared(heading).split()
    if name == "manager":
        first = 0 if "email" in meanings_within(said) else 1
    else:
        first = 1 if name == "email" and words.PRIVATE_ADDRESSES & set(said) else 0
    return first, len(said)


def meanings_within(said: Sequence[str]) -> set[str]:
    """The fields of which some phrase is in these words."""
    return {name for name, phrases in _WITHIN if any(phrase.issubset(said) for phrase in phrases)}


def missing_in(columns: Mapping[str, int]) -> list[str]:
    """The fields without which nobody can be added, by their names."""
    missing = [] if "email" in columns else [str(FIELDS["email"])]
    if "name" not in columns and not ("first_name" in columns or "last_name" in columns):
        missing.insert(0, str(FIELDS["name"]))
    return missing


def remember(remembered: Mapping[str, str], headings: Sequence[str], columns: Mapping[str, int]) -> dict[str, str]:
    """What the account knows of headings after this choice. An empty field says "means nothing".

    A heading that means nothing by itself and was given no meaning is not remembered: there may be thousands, and they
    may be people's names. Of :data:`MOST_REMEMBERED` the oldest go.
    """
    chosen = {number: name for name, number in columns.items()}
    known = {key: name for key, name in remembered.items() if name or is_known(key)}
    for number, heading in enumerate(headings):
        key, name = plain(heading), chosen.get(number, "")
        if key and len(key) <= 100 and not emails_in(heading):
            known.pop(key, None)
            if name or is_known(heading):
                known[key] = name
    return dict(list(known.items())[-MOST_REMEMBERED:])


def refuse_people_as_headings(headings: Sequence[str]) -> str | None:
    """Why this row cannot be the headings; None when it can. A heading is remembered, an address must not be."""
    if any(emails_in(heading) for heading in headings):
        return _(
            "The file has no row of headings: its first row holds an email address. Add headings, upload it again."
        )
    return None
