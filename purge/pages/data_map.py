"""What the data map and the routes show."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.routes.policy import Policy, policies
from purge.rules import Reasoned, Rule, Treatment
from purge.rules.registry import ColumnRule, get_registry

# ---------------------------------------------------------------- routes and data map

TICKS = (
    ("delete_selected", gettext_lazy("Selected users are erased")),
    ("delete_trial_matches", gettext_lazy("Matching users of all trial accounts are erased")),
    ("delete_matching_creators", gettext_lazy("… also a match who created that trial account")),
    ("delete_users_of_created_trials", gettext_lazy("… and then everybody else in that account")),
    ("scrub_requesting_account", gettext_lazy("Address taken out of the requesting account")),
    ("scrub_trial_accounts", gettext_lazy("Address taken out of all trial accounts")),
)


@dataclass(frozen=True)
class RouteLine:
    name: str
    ticks: list[bool]
    told: str


def route_lines() -> list[RouteLine]:
    """The policy table, as it stands under the present settings."""
    return [
        RouteLine(str(route.label), [getattr(policy, name) for name, _words in TICKS], _told(policy))
        for route, policy in policies().items()
    ]


def _told(policy: Policy) -> str:
    return str(policy.notify.label) if policy.notify else _("nobody")


@dataclass(frozen=True)
class MapLine:
    """One column: what people call it (``column``), its name in the code (``field``), and what happens to it."""

    column: str
    field: str
    treatment: str
    reason: str
    kept: bool


@dataclass(frozen=True)
class MapEntry:
    """One model of the data map."""

    noun: str
    model: str
    app: str
    lines: list[MapLine]


def data_map() -> list[MapEntry]:
    """Every column with a rule, grouped by what an administrator calls the rows, in the order of a purge."""
    registry = get_registry()
    return [
        MapEntry(
            noun=str(entry.rules.noun),
            model=label,
            app=str(entry.model._meta.app_config.verbose_name),
            lines=[_map_line(column) for column in entry.columns.values()],
        )
        for label, entry in sorted(
            registry.entries.items(), key=lambda item: (item[0].split(".")[0], item[1].rules.noun)
        )
        if entry.columns
    ]


def exempt_lines() -> list[tuple[str, str]]:
    """What no rule looks at, with the reason: tables, and what else a database has."""
    return sorted((exempt.place, str(exempt.reason)) for exempt in get_registry().exemptions)


def _map_line(column: ColumnRule[Rule]) -> MapLine:
    rule = column.rule
    reason = str(rule.reason) if isinstance(rule, Reasoned) else _consequence(rule)
    return MapLine(str(column.field.verbose_name), column.field.name, rule.get_label(), reason, rule.kept)


def _consequence(rule: Rule) -> str:
    if not isinstance(rule, Treatment) or not rule.then:
        return ""
    return _("then: %(what)s") % {"what": rule.then.rpartition(".")[2].replace("_", " ")}
