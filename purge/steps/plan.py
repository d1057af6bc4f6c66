"""From rules and a scope to ordered steps, and what each step would do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from django.db.models import F
from django.utils.translation import gettext as _

from purge.choices import StepState
from purge.models import PurgeRequest, PurgeStep
from purge.routes.scope import Scope
from purge.rules.registry import Registry, get_registry
from purge.steps.addresses import AddressStep
from purge.steps.base import Step
from purge.steps.files import FileStep
from purge.steps.people import PeopleStep
from purge.steps.statement import Question, ask_all
from purge.steps.work import Outcome, StepRun

#: In the order in which a plan has them.
KINDS: tuple[type[Step], ...] = (PeopleStep, AddressStep, FileStep)


def plan_steps(scope: Scope, registry: Registry | None = None) -> list[Step]:
    """All steps that a scope needs, in the order in which they run."""
    registry = registry or get_registry()
    return [step for kind in KINDS if kind.needed(scope) for entry in registry.ordered for step in kind.of(entry)]


def stored_steps(purge_request: PurgeRequest, *, but_own: bool = False) -> Iterator[tuple[PurgeStep, Step]]:
    """The stored plan with its compiled steps; a step whose rule has vanished is passed over.

    ``but_own``: only those that change rows of other accounts than the one that asked.
    """
    steps = steps_by_key()
    rows = purge_request.steps.all()
    for row in rows.exclude(planned=F("own_planned")) if but_own else rows:
        if row.key in steps:
            yield row, steps[row.key]


def steps_by_key() -> dict[str, Step]:
    """All steps that the rules give, by the keys under which plans are stored."""
    ordered = get_registry().ordered
    return {step.key: step for kind in KINDS for entry in ordered for step in kind.of(entry)}


def labels_of(keys: Iterable[str]) -> dict[str, str]:
    """What a reader is told about stored steps, in the reader's language."""
    steps = steps_by_key()
    return {key: steps[key].label if key in steps else _("Records of an earlier version") for key in keys}


def new_step_rows(
    purge_request: PurgeRequest, first: int, steps: Iterable[tuple[Step, tuple[int, int]]]
) -> list[PurgeStep]:
    """Unsaved rows of the stored plan, from this position on, with how many rows each step is going to change, and how
    many of those are of the account that asked."""
    return [
        PurgeStep(
            request=purge_request,
            position=position,
            key=step.key,
            planned=planned,
            own_planned=own,
            state=StepState.WAITING,
        )
        for position, (step, (planned, own)) in enumerate(steps, first)
    ]


def run_step(step: Step, run: StepRun, *, limit: int, cursor: int = 0) -> Outcome:
    """Do at most ``limit`` rows of a step. The sweep does all of its work through here."""
    return step.run(run, limit=limit, cursor=cursor)


def ask_steps(steps: Iterable[Step], scope: Scope, question: Callable[[Step], Question | None]) -> dict[str, int]:
    """The answers to what each step asks, by its key: one statement for each kind of step."""
    answers: dict[str, int] = {}
    for _kind, some in groupby(steps, key=type):
        questions = {step.key: asked for step in some if (asked := question(step)) is not None}
        if questions:
            answers |= ask_all(questions, scope)
    return answers


def steps_with_work(steps: Sequence[Step], scope: Scope) -> set[str]:
    """The keys of the steps that may have something to do; the others need not be run.

    With the people locked it holds to the end of the transaction for every foreign key: a new row that points at one
    of them waits for the lock.
    """
    answers = ask_steps(steps, scope, lambda step: step.work_question(scope))
    return {step.key for step in steps if step.has_work(answers)}
