"""A treatment that nobody has thought of yet: one class says what it is, one function does it."""

from dataclasses import dataclass

import pytest

from learning.models import Post
from purge.pages.data_map import data_map
from purge.routes.scope import Scope
from purge.rules import ModelRules, PersonTreatment
from purge.rules.coverage import model_gaps
from purge.rules.registry import Registry, set_registry
from purge.steps.people import treat
from purge.steps.plan import plan_steps, run_step, steps_with_work
from purge.steps.work import Outcome, StepRun
from tests.factories.learning import PostFactory
from tests.factories.users import UserFactory


@dataclass(frozen=True, kw_only=True)
class Retire(PersonTreatment):
    """The row stays, marked as removed, without its author."""

    label = "retired"
    progress = "Retired: %(noun)s"
    needs_null = True


@treat.register
def retire(rule: Retire, step: object, run: StepRun, limit: int) -> Outcome:
    rows = Post.objects.filter(author_id__in=run.scope.people)
    pks = list(rows.values_list("pk", flat=True)[:limit])
    Post.objects.filter(pk__in=pks).update(author=None, removed=True)
    return Outcome(len(pks), exhausted=len(pks) < limit)


def rules_for(column):
    rules = ModelRules("learning.Post", "posts", "board__account", {column: Retire()})
    return Registry([type("module", (), {"RULES": [rules], "EXEMPT": []})])


@pytest.fixture
def with_it():
    set_registry(rules_for("author"))
    yield
    set_registry(None)


@pytest.mark.django_db
def test_it_is_planned_named_run_and_shown(with_it):
    ann, bob = UserFactory(), UserFactory()
    hers, his = PostFactory(author=ann), PostFactory(author=bob)
    scope = Scope(people=(ann.pk,))
    (step,) = plan_steps(scope)
    assert (step.key, step.label) == ("learning.Post.author", "Retired: posts")
    assert steps_with_work([step], scope) == {"learning.Post.author"}
    assert run_step(step, StepRun(scope), limit=10) == Outcome(1, exhausted=True)
    assert steps_with_work([step], scope) == set()
    left = {row.pk: (row.author_id, row.removed) for row in Post.objects.all()}
    assert left == {hers.pk: (None, True), his.pk: (bob.pk, False)}
    assert [line.treatment for entry in data_map() for line in entry.lines] == ["retired"]


def test_where_it_cannot_work_it_is_refused():
    said = [gap.what for gap in model_gaps(rules_for("board")) if gap.where == "learning.Post.board"]
    assert said == ["cannot become null, as its treatment needs."]
