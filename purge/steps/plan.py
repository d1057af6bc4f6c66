"""From rules and a scope to ordered steps, and what each step would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from purge.choices import StepState
from purge.models import PurgeRequest, PurgeStep
from purge.routes.scope import Scope
from purge.rules.registry import Registry, get_registry
from purge.steps.addresses import entries_with_candidates, treat_addresses
from purge.steps.base import ADDRESSES, FILES, Step
from purge.steps.files import (
    _file_columns,
    treat_files,
)
from purge.steps.people import steps_with_rows, treat
from purge.steps.work import Outcome, Run


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
    column = next((each for each in entry.references if each.field.name == name), None) if entry else None
    return Step(entry, column) if entry and column else None


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


def run_step(step: Step, run: Run, *, limit: int, cursor: int = 0) -> Outcome:
    """Do at most ``limit`` rows of a step."""
    if step.suffix == ADDRESSES:
        return treat_addresses(step.entry, run, limit, cursor)
    if step.suffix == FILES:
        return treat_files(step, run, limit, cursor)
    column = step.column
    assert column is not None
    return treat(column.rule, column, step.entry, run, limit)


def steps_with_work(steps: Sequence[Step], scope: Scope) -> set[str]:
    """The keys of the steps that may have something to do; the others need not be run.

    With the people locked it holds to the end of the transaction for every foreign key: a new row that points at one
    of them waits for the lock.
    """
    with_people = [step for step in steps if step.column is not None]
    with_addresses = [step for step in steps if step.suffix == ADDRESSES]
    mentioning = entries_with_candidates([step.entry for step in with_addresses], scope)
    return (
        steps_with_rows(with_people, scope)
        | {step.key for step in with_addresses if step.entry.rules.model in mentioning}
        | {step.key for step in steps if step.suffix == FILES}
    )
