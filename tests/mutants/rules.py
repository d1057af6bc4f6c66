"""Mutants of the purge rules: a line dropped, a column kept, a flag off, another treatment, a consequence silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields, replace
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.apps import apps
from django.utils.module_loading import import_string

from purge.rules import (
    AddressTreatment,
    Blank,
    Delete,
    Detach,
    EndRow,
    HandOver,
    Keep,
    ModelRules,
    Redact,
    Rule,
    TakeOut,
    Treatment,
    Withdraw,
    WithRow,
)
from purge.rules.registry import Registry, rule_modules, set_registry
from tests.mutants.mutant import Mutant

KEPT = Keep("kept, to see whether anything notices it", closed="kept, to see whether anything notices it")
#: The routes by which a rule is judged; most are noticed by the first.
ROUTES = ("ui_enterprise", "ims_enterprise and ims_trial", "other_enterprise", "ui_trial", "other_trial")


def rule_mutants() -> Iterator[Mutant]:
    for module in rule_modules():
        for rules in module.RULES:
            for column, rule in rules.columns.items():
                for what, other in variants(rules, column, rule):
                    columns = {name: each for name, each in rules.columns.items() if name != column}
                    if other is not None:
                        columns = {name: other if name == column else each for name, each in rules.columns.items()}
                    yield mutant(f"{rules.model}.{column}: {what}", rules, replace(rules, columns=columns))
            yield from _of_model(rules)


def mutant(name: str, rules: ModelRules, changed: ModelRules) -> Mutant:
    return Mutant("rule", name, partial(with_rules, rules, changed), ROUTES)


@contextmanager
def with_rules(rules: ModelRules, changed: ModelRules) -> Iterator[None]:
    """The compiled rules of all apps, with one model's rules changed."""
    modules = [
        SimpleNamespace(
            RULES=[changed if each is rules else each for each in module.RULES],
            EXEMPT=getattr(module, "EXEMPT", ()),
            CONSEQUENCES=getattr(module, "CONSEQUENCES", ()),
        )
        for module in rule_modules()
    ]
    set_registry(Registry(modules))
    try:
        yield
    finally:
        set_registry(None)


def variants(rules: ModelRules, column: str, rule: Rule) -> Iterator[tuple[str, Rule | None]]:
    """(what was done, the rule instead; None: no line at all)."""
    field = apps.get_model(rules.model)._meta.get_field(column)
    yield "no line", None
    if isinstance(rule, Treatment | EndRow) and not isinstance(rule, WithRow):
        yield "kept", KEPT
    for each in fields(rule):
        value = getattr(rule, each.name)
        default = "" if each.default is MISSING else each.default
        if each.default_factory is not MISSING:
            default = each.default_factory()
        if value == default or each.name == "via":
            continue
        for what, other in smaller(value, default):
            yield f"{each.name} without {what}" if what else f"no {each.name}", replace(rule, **{each.name: other})
    yield from other_treatments(rule, field)


def smaller(value: Any, default: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((key, {name: each for name, each in value.items() if name != key}) for key in value)
    elif isinstance(value, tuple):
        yield from ((str(item), tuple(each for each in value if each != item)) for item in value)
    else:
        yield "", default


def other_treatments(rule: Rule, field: Any) -> Iterator[tuple[str, Rule]]:
    match rule:
        case Delete() if field.null:
            yield "detached", Detach()
            yield "handed over", HandOver()
        case Detach():
            yield "deleted", Delete()
        case HandOver():
            yield "detached", Detach()
        case Withdraw():
            yield "deleted", Delete()
            yield "detached", Detach()
        case Redact() if field.get_internal_type() != "JSONField":
            yield "blanked", Blank(also=rule.also, then=rule.then)
        case TakeOut():
            yield "blanked", Blank()
            yield "redacted", Redact()
        case Blank():
            yield "redacted", Redact(also=rule.also, then=rule.then)


def _of_model(rules: ModelRules) -> Iterator[Mutant]:
    if rules.staff_is_everybodys:
        yield mutant(f"{rules.model}: staff like anybody", rules, replace(rules, staff_is_everybodys=False))
    whose_matters = any(isinstance(rule, AddressTreatment | HandOver) for rule in rules.columns.values())
    if rules.account is not None and whose_matters:
        yield mutant(f"{rules.model}: of no account", rules, replace(rules, account=None))


# ---------------------------------------------------------------- consequences


def consequences() -> list[str]:
    paths = {
        rule.then
        for module in rule_modules()
        for rules in module.RULES
        for rule in rules.columns.values()
        if isinstance(rule, Treatment) and rule.then
    }
    return sorted(paths)


def consequence_mutants() -> Iterator[Mutant]:
    for path in consequences():
        yield Mutant("consequence", f"{path}: does nothing", partial(mock.patch, path, nothing), ROUTES)
        silent = without_facts(import_string(path))
        yield Mutant("consequence", f"{path}: returns no facts", partial(mock.patch, path, silent), ROUTES)


def nothing(**_words: Any) -> list[Any]:
    return []


def without_facts(consequence: Any) -> Any:
    def silent(**words: Any) -> list[Any]:
        consequence(**words)
        return []

    return silent
