"""What the data map and the routes show; the same as a document is :mod:`purge.pages.data_map.concept`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.routes.policy import Policy, policies
from purge.rules import Reasoned, Rule, Treatment
from purge.rules.registry import ColumnRule, get_registry

# ---------------------------------------------------------------- plain names

#: Packages that this product is made of call themselves and their columns as programmers do.
APP_NAMES: Mapping[str, Any] = {
    "account": gettext_lazy("Signing in"),
    "admin": gettext_lazy("Administration"),
    "auth": gettext_lazy("Permissions"),
    "contenttypes": gettext_lazy("Kinds of records"),
    "django_q": gettext_lazy("Background tasks"),
    "mfa": gettext_lazy("Second factors"),
    "socialaccount": gettext_lazy("Sign-in at identity providers"),
}
#: By model and column; "" where a column is called so in every model.
COLUMN_NAMES: Mapping[tuple[str, str], Any] = {
    ("admin.LogEntry", "object_id"): gettext_lazy("number of the record"),
    ("admin.LogEntry", "object_repr"): gettext_lazy("what the record was called"),
    ("admin.LogEntry", "change_message"): gettext_lazy("which fields were changed"),
    ("auth.Permission", "codename"): gettext_lazy("short name"),
    ("contenttypes.ContentType", "app_label"): gettext_lazy("part of the product"),
    ("contenttypes.ContentType", "model"): gettext_lazy("kind of record"),
    ("django_q.OrmQ", "key"): gettext_lazy("name of the queue"),
    ("django_q.OrmQ", "payload"): gettext_lazy("what is to be done"),
    ("django_q.Task", "id"): gettext_lazy("number of the task"),
    ("django_q.Schedule", "task"): gettext_lazy("number of the last task"),
    ("django_q.Schedule", "cron"): gettext_lazy("when"),
    ("django_q.Schedule", "intended_date_kwarg"): gettext_lazy("name of the planned date"),
    ("mfa.Authenticator", "data"): gettext_lazy("the factor itself"),
    ("socialaccount.SocialAccount", "uid"): gettext_lazy("login at the identity provider"),
    ("socialaccount.SocialAccount", "extra_data"): gettext_lazy("what the identity provider said"),
    ("", "func"): gettext_lazy("what is done"),
    ("", "hook"): gettext_lazy("what is done afterwards"),
    ("", "args"): gettext_lazy("with which numbers"),
    ("", "kwargs"): gettext_lazy("with which settings"),
    ("", "cluster"): gettext_lazy("which worker"),
}

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
            noun=_(entry.rules.noun),
            model=label,
            app=str(APP_NAMES.get(entry.model._meta.app_label, entry.model._meta.app_config.verbose_name)),
            lines=[_map_line(column) for column in entry.columns.values()],
        )
        for label, entry in sorted(
            registry.entries.items(), key=lambda item: (item[0].split(".")[0], item[1].rules.noun)
        )
        if entry.columns
    ]


def exempt_lines() -> list[tuple[str, str]]:
    """What no rule looks at, with the reason: tables, and what else a database has."""
    return sorted((exempt.place, _(exempt.reason)) for exempt in get_registry().exemptions)


def _map_line(column: ColumnRule[Rule]) -> MapLine:
    rule = column.rule
    reason = _(rule.reason) if isinstance(rule, Reasoned) else _consequence(rule)
    name = COLUMN_NAMES.get((column.rules.model, column.field.name)) or COLUMN_NAMES.get(("", column.field.name))
    return MapLine(str(name or column.field.verbose_name), column.field.name, rule.get_label(), reason, rule.kept)


def _consequence(rule: Rule) -> str:
    if not isinstance(rule, Treatment) or not rule.then:
        return ""
    declared = (each.label for each in get_registry().consequences.values() if each.path == rule.then)
    return _("then: %(what)s") % {"what": next(declared, rule.then.rpartition(".")[2].replace("_", " "))}
