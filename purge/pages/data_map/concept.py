"""The deletion concept as a document: which data, what happens to it and why, and after which period; and what is
different from an earlier one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from purge.pages.data_map import MapEntry, data_map, exempt_lines
from purge.rules import Reasoned
from purge.rules.fingerprint import rules_fingerprint
from purge.rules.periods import Evidence
from purge.rules.registry import get_registry
from purge.rules.release import this_release
from purge.standing import moment_text


class NoConcept(ValueError):
    """A file is no earlier concept; in words."""


@dataclass(frozen=True)
class Concept:
    """``periods``: for how long each kind of evidence is kept, in words."""

    at: datetime
    release: str
    rules: str
    entries: Sequence[MapEntry]
    periods: Sequence[tuple[Evidence, str]]
    exempt: Sequence[tuple[str, str]]


def concept_of(periods: Sequence[tuple[Evidence, str]]) -> Concept:
    """As it is in force now."""
    return Concept(timezone.now(), this_release(), rules_fingerprint(), data_map(), periods, exempt_lines())


def as_json(concept: Concept) -> dict[str, Any]:
    """For programs, and for a comparison later: names of the code, which stay the same in every language."""
    registry = get_registry()
    return {
        "at": concept.at,
        "release": concept.release,
        "rules": concept.rules,
        "columns": [
            {
                "model": column.rules.model,
                "column": column.field.name,
                "records": str(column.rules.noun),
                "treatment": type(column.rule).__name__,
                "words": column.rule.get_label(),
                "reason": str(column.rule.reason) if isinstance(column.rule, Reasoned) else None,
            }
            for column in registry.columns()
        ],
        "periods": [{"kind": str(kind), "records": str(kind.label), "kept": text} for kind, text in concept.periods],
        "exempt": [
            {"table": each.place, "reason": each.reason}
            for each in sorted(registry.exemptions, key=lambda each: each.place)
        ],
    }


# ---------------------------------------------------------------- Markdown


def as_markdown(concept: Concept, zone: str = "UTC") -> Iterator[str]:
    """The document, line by line: a table of periods, then kind of data, rule and why, by part of the product."""
    yield "# " + _("Deletion concept")
    yield ""
    yield _("As it was in force on %(when)s. Release %(release)s, rules %(rules)s.") % {
        "when": moment_text(concept.at, zone),
        "release": concept.release,
        "rules": concept.rules,
    }
    yield ""
    yield _(
        "Personal data is kept until somebody purges the person it belongs to, at most 30 days after that was asked "
        "for. The tables say what a purge then does to each kind of data."
    )
    yield from ("", "## " + _("Periods of evidence"), "")
    yield from _table((_("Kind of data"), _("Kept")), [(str(kind.label), text) for kind, text in concept.periods])
    for app, entries in groupby(concept.entries, key=lambda entry: entry.app):
        yield from ("", f"## {app}", "")
        rows = [(entry.noun, line.column, line.treatment, line.reason) for entry in entries for line in entry.lines]
        yield from _table((_("Records"), _("Kind of data"), _("Rule"), _("Why, or what follows")), rows)
    if concept.exempt:
        yield from ("", "## " + _("Left alone"), "")
        yield from _table((_("Table"), _("Why")), concept.exempt)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in row)} |"


# ---------------------------------------------------------------- what is different


@dataclass(frozen=True)
class Change:
    """``what``: added, removed or changed. ``before``, ``now``: the rule, '' where there is none."""

    what: str
    where: str
    before: str
    now: str


def changes_since(earlier: Any, concept: Concept) -> list[Change]:
    """What was added, removed and changed since an earlier ``--json``, by name. Raises :class:`NoConcept`."""
    before, now = _rules_of(earlier), _rules_of(as_json(concept))
    if not _has_periods(earlier):
        # A data map without periods says nothing of them.
        now = {where: rule for where, rule in now.items() if not where.startswith(_PERIOD)}
    changes = []
    for where in sorted(before.keys() | now.keys()):
        was, has = before.get(where), now.get(where)
        if was != has:
            what = "added" if was is None else "removed" if has is None else "changed"
            changes.append(Change(what, where, was or "", has or ""))
    return changes


_PERIOD = "period of "


def _rules_of(document: Any) -> dict[str, str]:
    """Where → rule, with its reason."""
    try:
        found = {f"{each['model']}.{each['column']}": _rule(each) for each in document["columns"]}
        found |= {str(each["table"]): str(each["reason"]) for each in document.get("exempt", ())}
        found |= {f"{_PERIOD}{each['kind']}": str(each["kept"]) for each in document.get("periods", ())}
    except (KeyError, TypeError, AttributeError):
        raise NoConcept(_("This is no earlier output of “purge_rules --json”.")) from None
    return found


def _rule(each: Mapping[str, Any]) -> str:
    return f"{each['words']}: {each['reason']}" if each.get("reason") else str(each["words"])


def _has_periods(document: Any) -> bool:
    return isinstance(document, dict) and "periods" in document


def changes_as_markdown(changes: Sequence[Change], since: str) -> Iterator[str]:
    yield "# " + _("What is different in the deletion concept")
    yield ""
    yield _("Compared with that of %(since)s.") % {"since": since}
    if not changes:
        yield from ("", _("Nothing is different."))
        return
    titles = {"added": _("Added"), "removed": _("Removed"), "changed": _("Changed")}
    for what, title in titles.items():
        rows = [(each.where, each.before or "–", each.now or "–") for each in changes if each.what == what]
        if rows:
            yield from ("", f"## {title}", "")
            yield from _table((_("Kind of data"), _("Before"), _("Now")), rows)
