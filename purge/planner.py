"""From rules and a scope to ordered steps, and what each step would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from purge.choices import StepState
from purge.models import PurgeRequest, PurgeStep
from purge.registry import ColumnRule, ModelEntry, Registry, get_registry, person_model
from purge.rules import (
    Delete,
    DeleteAbout,
    EraseFile,
    HandOver,
    PersonTreatment,
    Unassign,
    Withdraw,
)
from purge.scope import Scope

ADDRESSES = "#addresses"
FILES = "#files"


@dataclass(frozen=True)
class Step:
    """One step of a plan: a reference to the people, or a model's addresses, or a model's stored files."""

    entry: ModelEntry
    column: ColumnRule | None = None
    suffix: str = ""

    @property
    def key(self) -> str:
        return self.column.key if self.column else f"{self.entry.rules.model}{self.suffix}"

    @property
    def noun(self) -> str:
        """What administrators call the rows, in the reader's language."""
        return _(self.entry.rules.noun)

    @property
    def words(self) -> str:
        """What an administrator reads while it runs."""
        noun = self.noun
        if self.suffix == ADDRESSES:
            return _("Addresses taken out of %(noun)s") % {"noun": noun}
        if self.suffix == FILES:
            return _("Stored files of %(noun)s") % {"noun": noun}
        assert self.column is not None
        match self.column.rule:
            case Delete() | DeleteAbout():
                return _("Deleted: %(noun)s") % {"noun": noun}
            case Unassign():
                return _("Taken off: %(noun)s") % {"noun": noun}
            case HandOver():
                return _("Handed over: %(noun)s") % {"noun": noun}
            case Withdraw():
                return _("Removed or emptied: %(noun)s") % {"noun": noun}
            case _other:
                return _("Reference removed: %(noun)s (%(column)s)") % {
                    "noun": noun,
                    "column": self.column.field.verbose_name,
                }


def plan_steps(scope: Scope, registry: Registry | None = None) -> list[Step]:
    """All steps that a scope needs, in the order in which they run."""
    registry = registry or get_registry()
    steps: list[Step] = []
    if scope.people:
        steps += [Step(entry, column) for entry in registry.ordered for column in entry.references]
    if scope.all_addresses() or scope.logins:
        steps += [Step(entry, suffix=ADDRESSES) for entry in registry.ordered if entry.addresses]
    if scope.all_addresses() or scope.losing_accounts:
        steps += [Step(entry, suffix=FILES) for entry in registry.ordered if _file_columns(entry)]
    return steps


def _file_columns(entry: ModelEntry) -> list[ColumnRule]:
    return [
        column
        for column in entry.files
        if isinstance(column.rule, EraseFile) and (column.rule.mentions or column.rule.whole_account)
    ]


def file_columns(step: Step) -> list[ColumnRule]:
    """The file columns that a file step looks at."""
    return _file_columns(step.entry)


# ---------------------------------------------------------------- queries


def person_labels() -> list[tuple[str, str]]:
    """(app label, model name) under which a generic relation may point at a person: the model and its proxies."""
    from django.apps import apps

    person = person_model()
    return [
        (model._meta.app_label, str(model._meta.model_name))
        for model in apps.get_models()
        if model._meta.concrete_model is person
    ]


def person_condition(column: ColumnRule, people: Iterable[int]) -> Q:
    """The rows that this column ties to one of the people."""
    rule = column.rule
    if isinstance(rule, DeleteAbout):
        kind = Q(pk__in=())
        for app_label, name in person_labels():
            kind |= Q(**{f"{rule.content_type}__app_label": app_label, f"{rule.content_type}__model": name})
        return kind & Q(**{f"{column.field.name}__in": [str(person_id) for person_id in people]})
    assert isinstance(rule, PersonTreatment)
    return Q(**{f"{rule.via or column.field.name}__in": list(people)})


def earlier_removals(step: Step) -> list[ColumnRule]:
    """Rules of the same model that take whole rows before this step: those rows count there, not here."""
    removals = step.entry.removals
    return removals[: removals.index(step.column)] if step.column in removals else removals


def person_rows(step: Step, scope: Scope) -> models.QuerySet[Any]:
    """The rows a person step would change, each counted once in the plan."""
    assert step.column is not None
    rows = step.entry.model._base_manager.filter(person_condition(step.column, scope.people))
    for column in earlier_removals(step):
        rows = rows.exclude(pk__in=step.entry.model._base_manager.filter(person_condition(column, scope.people)))
    return rows


def stored_steps(request: PurgeRequest) -> Iterator[tuple[PurgeStep, Step]]:
    """The stored plan with its compiled steps; a step whose rule has vanished is passed over."""
    registry = get_registry()
    for row in request.steps.all():
        step = step_of(row.key, registry)
        if step is not None:
            yield row, step


def step_of(key: str, registry: Registry) -> Step | None:
    """The compiled step of a stored key ("app.Model.column", "app.Model#addresses", "app.Model#files")."""
    for suffix in (ADDRESSES, FILES):
        if key.endswith(suffix):
            entry = registry.entries.get(key.removesuffix(suffix))
            return Step(entry, suffix=suffix) if entry else None
    model, _dot, name = key.rpartition(".")
    entry = registry.entries.get(model)
    return Step(entry, entry.columns[name]) if entry and name in entry.columns else None


def new_step_rows(request: PurgeRequest, first: int, steps: Iterable[tuple[Step, tuple[int, int]]]) -> list[PurgeStep]:
    """Unsaved rows of the stored plan, from this position on, with how many rows each step is going to change, and how
    many of those are of the account that asked."""
    return [
        PurgeStep(
            request=request,
            position=position,
            key=step.key,
            words=step.words[:200],
            planned=planned,
            own_planned=own,
            state=StepState.WAITING,
        )
        for position, (step, (planned, own)) in enumerate(steps, first)
    ]
