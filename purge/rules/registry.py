"""The rules of all installed apps, compiled: which column is treated how, in which order.

Found the way Django finds ``admin.py``: a module ``purge_rules`` in each app, with ``RULES``, ``EXEMPT``, ``VIEWS``,
``CONSEQUENCES`` and ``PERIODS``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, Generic, TypeVar, cast

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.module_loading import module_has_submodule

from purge.addresses import Shape
from purge.database.catalog import called
from purge.fields import Opaque
from purge.rules import (
    AddressTreatment,
    Consequence,
    Draft,
    EraseFile,
    Exempt,
    ExemptTable,
    GoesAfter,
    ModelRules,
    PersonTreatment,
    Reasoned,
    Rule,
)
from purge.rules.decoders import Decoder

MODULE = "purge_rules"


R_co = TypeVar("R_co", bound=Rule, covariant=True)
R = TypeVar("R", bound=Rule)


@dataclass(frozen=True)
class ColumnRule(Generic[R_co]):
    """One line of the data map: a column and its treatment."""

    rules: ModelRules
    model: type[models.Model]
    field: models.Field[Any, Any]
    rule: R_co

    @property
    def key(self) -> str:
        return f"{self.rules.model}.{self.field.name}"

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def column(self) -> str:
        return str(self.field.column)

    @property
    def shape(self) -> Shape:
        """What stands in the column, by which its addresses are told: see :mod:`purge.addresses.shapes`."""
        return self.rule.shape or (Shape.ONE if isinstance(self.field, models.EmailField) else Shape.TEXT)

    @property
    def is_json(self) -> bool:
        """Whether its values are JSON, in Python."""
        return isinstance(self.field, models.JSONField)

    @property
    def is_opaque(self) -> bool:
        """Whether its stored values say nothing to the database."""
        return isinstance(self.field, Opaque)


PersonColumn = ColumnRule[PersonTreatment]
AddressColumn = ColumnRule[AddressTreatment]
FileColumn = ColumnRule[EraseFile]


@dataclass(frozen=True)
class ModelEntry:
    """The compiled rules of one model."""

    rules: ModelRules
    model: type[models.Model]
    columns: Mapping[str, ColumnRule[Rule]]

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def primary_key(self) -> str:
        """The name of the primary key's column."""
        return str(self.model._meta.pk.column)

    def of(self, kind: type[R]) -> list[ColumnRule[R]]:
        """The columns whose rule is of this class, in order of declaration."""
        return [cast("ColumnRule[R]", column) for column in self.columns.values() if isinstance(column.rule, kind)]

    @property
    def removals(self) -> list[PersonColumn]:
        """Columns by which whole rows go (or are withdrawn), in order of declaration."""
        return [column for column in self.of(PersonTreatment) if column.rule.takes_row]

    @property
    def references(self) -> list[PersonColumn]:
        """All columns that point at a person, removals first: a row that goes need not be detached."""
        return sorted(self.of(PersonTreatment), key=lambda column: not column.rule.takes_row)

    @property
    def addresses(self) -> list[AddressColumn]:
        return self.of(AddressTreatment)

    @property
    def files(self) -> list[FileColumn]:
        return self.of(EraseFile)


class Registry:
    """All declarations. ``modules``: what is read instead of the installed apps' (for tests)."""

    def __init__(self, modules: Iterable[Any] | None = None) -> None:
        self.exempt: dict[str, ExemptTable] = {}
        #: By place: whatever is no table.
        self.exempt_besides: dict[str, Exempt] = {}
        #: Names of materialized views, in the order in which they are made anew.
        self.refreshed: list[str] = []
        self.entries: dict[str, ModelEntry] = {}
        self.errors: list[tuple[str, str]] = []
        #: What goes when the period of its kind of evidence is over.
        self.periods: list[GoesAfter] = []
        declared: list[Consequence] = []
        for module in rule_modules() if modules is None else modules:
            for exempt in getattr(module, "EXEMPT", ()):
                if isinstance(exempt, ExemptTable):
                    self.exempt[exempt.table] = exempt
                else:
                    self.exempt_besides[exempt.place] = exempt
            self.refreshed += (each.view for each in getattr(module, "VIEWS", ()))
            for rules in getattr(module, "RULES", ()):
                self._add(rules)
            declared += getattr(module, "CONSEQUENCES", ())
            for period in getattr(module, "PERIODS", ()):
                self._add_period(period)
        #: By kind. What has a page of its own comes before what the request's page lists.
        self.consequences: dict[str, Consequence] = {}
        for consequence in sorted(declared, key=lambda each: (not each.page, each.path.partition(".")[0])):
            if consequence.kind in self.consequences:
                self.errors.append((f"the consequence {consequence.kind}", "is declared twice"))
            self.consequences.setdefault(consequence.kind, consequence)

    def _add_period(self, period: GoesAfter) -> None:
        try:
            model = apps.get_model(period.model)
            for name in (period.moment, *period.files):
                model._meta.get_field(name)
        except (LookupError, ValueError, FieldDoesNotExist):
            self.errors.append((period.model, "has a period, and is no installed model with these columns"))
            return
        if not period.row_stays and model._meta.related_objects:
            self.errors.append((period.model, "has a period, and other rows point at its own"))
            return
        self.periods.append(period)

    def _add(self, rules: ModelRules) -> None:
        try:
            model = apps.get_model(rules.model)
        except (LookupError, ValueError):
            self.errors.append((rules.model, "is no installed model"))
            return
        if rules.model in self.entries:
            self.errors.append((rules.model, "has two lists of rules"))
            return
        columns: dict[str, ColumnRule[Rule]] = {}
        for name, rule in rules.columns.items():
            try:
                field = model._meta.get_field(name)
            except FieldDoesNotExist:
                field = None
            if not isinstance(field, models.Field):
                self.errors.append((f"{rules.model}.{name}", "is no column of the model"))
                continue
            if isinstance(rule, Draft):
                self.errors.append((f"{rules.model}.{name}", "has a rule that is a draft: nobody has judged it"))
            judged = rule.rule if isinstance(rule, Draft) else rule
            columns[name] = ColumnRule(rules, model, field, judged)
        self.entries[rules.model] = ModelEntry(rules, model, columns)

    # ------------------------------------------------------------ readers

    def entry_of(self, model: type[models.Model]) -> ModelEntry | None:
        return self.entries.get(model._meta.label)

    @cached_property
    def by_table(self) -> dict[str, ModelEntry]:
        return {entry.table: entry for entry in self.entries.values()}

    @cached_property
    def decoders(self) -> dict[tuple[str, str], Decoder]:
        """(table, column) → how it is read, of the columns whose content the database cannot read."""
        found = {
            (column.table, column.column): column.rule.decoded_by
            for entry in self.entries.values()
            for column in entry.columns.values()
            if isinstance(column.rule, Reasoned) and column.rule.decoded_by is not None
        }
        for exempt in self.exempt.values():
            found |= {(exempt.table, column): decoder for column, decoder in exempt.decoded_by.items()}
        return found | self.opaque

    @cached_property
    def opaque(self) -> dict[tuple[str, str], Decoder]:
        """(table, column) → how it is read, of the columns whose field says so itself, with or without a rule."""
        return {
            (model._meta.db_table, str(field.column)): field.readable
            for model in apps.get_models(include_auto_created=True)
            if not model._meta.proxy
            for field in model._meta.local_fields
            if isinstance(field, Opaque)
        }

    @property
    def exemptions(self) -> Iterator[Exempt]:
        """Everything that is left alone, with the reason."""
        yield from self.exempt.values()
        yield from self.exempt_besides.values()

    def exempts_table(self, name: str) -> bool:
        """Whether a table, or all of its schema, is left alone."""
        schema, dot, _rest = name.partition(".")
        return name in self.exempt or bool(dot and f"{schema}.*" in self.exempt)

    @cached_property
    def refreshed_tables(self) -> frozenset[str]:
        """The same as :attr:`refreshed`, as the catalogue calls them."""
        return frozenset(map(called, self.refreshed))

    def consequence_at(self, path: str) -> Consequence | None:
        """The consequence that a treatment's ``then`` names."""
        return next((each for each in self.consequences.values() if path and each.path == path), None)

    @cached_property
    def ordered(self) -> list[ModelEntry]:
        """All entries, children before parents, so that no delete meets a row that still points at its victim."""
        person = get_user_model()._meta.label
        graph: dict[str, set[str]] = {label: set() for label in sorted(self.entries)}
        for label, entry in self.entries.items():
            for field in entry.model._meta.fields:
                target = field.remote_field.model._meta.label if field.remote_field else None
                if target in graph and target not in (label, person):
                    graph[target].add(label)  # the parent comes after this child
        return [self.entries[label] for label in _topological(graph)]

    def columns(self) -> Iterator[ColumnRule[Rule]]:
        for entry in self.ordered:
            yield from entry.columns.values()

    @cached_property
    def indexed_columns(self) -> list[AddressColumn]:
        """Columns that carry an address index: every one from which addresses are taken out and that can be read."""
        return [column for entry in self.ordered for column in entry.addresses if not column.is_opaque]


def _topological(graph: Mapping[str, set[str]]) -> Sequence[str]:
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        # Two models that point at each other: cut the cycle at its first edge, by name, and go on.
        first, second = error.args[1][:2]
        cut = {label: set(before) for label, before in graph.items()}
        cut[second].discard(first)
        return _topological(cut)


def rule_modules() -> list[Any]:
    """The ``purge_rules`` modules of the installed apps, in the order of INSTALLED_APPS."""
    return [
        importlib.import_module(f"{config.name}.{MODULE}")
        for config in apps.get_app_configs()
        if module_has_submodule(config.module, MODULE)
    ]


_registry: Registry | None = None


def get_registry() -> Registry:
    """The compiled rules of the installed apps; made once a process."""
    global _registry
    if _registry is None:
        _registry = Registry()
    return _registry


def set_registry(registry: Registry | None) -> None:
    """Replace the compiled rules (None: compile anew at the next use). For tests and for the benchmark's models."""
    global _registry
    _registry = registry


def person_model() -> type[models.Model]:
    return apps.get_model(settings.AUTH_USER_MODEL)
