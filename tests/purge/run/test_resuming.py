"""Whoever takes over from a worker that died goes on where it stopped; how much one transaction does."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from purge import tasks
from purge.choices import Fate, StepState
from purge.models import PurgeRequest, PurgeStep
from purge.run import claims, engine, sweep
from purge.steps.work import Outcome
from tests.factories.users import LoginEventFactory, UserFactory
from tests.purge import world as w
from tests.purge.run.test_engine import Killed, expire_lease, submit, transactions_of
from users.models import User


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK_ROWS", 7)
    monkeypatch.setattr(sweep, "WHOLE_ROWS", 7)


@pytest.fixture
def small_plans(monkeypatch):
    """A step of the plan a transaction."""
    monkeypatch.setattr(engine, "PLAN_SECONDS", 0.0)


def claimed(purge_request: PurgeRequest) -> claims.Claim:
    expire_lease(purge_request)
    claim = claims.claim_request(purge_request.pk)
    assert claim is not None
    return claim


def expired(purge_request: PurgeRequest) -> PurgeRequest:
    expire_lease(purge_request)
    return purge_request


def stored(purge_request: PurgeRequest) -> list[tuple]:
    return list(purge_request.steps.values_list("position", "key", "planned", "state"))


# ---------------------------------------------------------------- the plan


def test_a_plan_that_was_cut_short_is_gone_on_with(furnished, small_plans, monkeypatch):
    purge_request = submit(furnished)
    engine._plan(claimed(purge_request))
    whole = stored(purge_request)
    purge_request.steps.all().delete()
    PurgeRequest.objects.filter(pk=purge_request.pk).update(planned=False, rows_planned=0)
    asked: list[int] = []
    real = engine.count_each

    def dies_after_ten(steps, *rest):
        asked.append(len(steps))
        for number, count in enumerate(real(steps, *rest)):
            if number == 10 and len(asked) == 1:
                raise Killed
            yield count

    monkeypatch.setattr(engine, "count_each", dies_after_ten)
    with pytest.raises(Killed):
        engine._plan(claimed(purge_request))
    purge_request.refresh_from_db()
    assert (len(stored(purge_request)), purge_request.planned, purge_request.rows_planned) == (10, False, 0)
    assert purge_request.crashes == 0  # what it counted is progress: it did not die at the same place again
    engine._plan(claimed(purge_request))
    assert asked == [len(whole), len(whole) - 10]
    assert stored(purge_request) == whole
    purge_request.refresh_from_db()
    assert (purge_request.planned, purge_request.steps_left) == (True, len(whole))
    assert purge_request.rows_planned == sum(planned for _position, _key, planned, _state in whole) > 0
    assert purge_request.ledger.filter(event="planned").count() == 2
    assert w.completed(w.run_to_end(expired(purge_request)))


def test_what_other_rules_have_planned_is_counted_anew(furnished, small_plans):
    purge_request = submit(furnished)
    engine._plan(claimed(purge_request))
    whole = stored(purge_request)
    PurgeRequest.objects.filter(pk=purge_request.pk).update(planned=False)
    purge_request.steps.filter(position__gte=12).delete()
    purge_request.steps.filter(position=3).update(key="learning.Course.somebody", planned=7)
    engine._plan(claimed(purge_request))
    assert stored(purge_request) == whole
    assert w.completed(w.run_to_end(expired(purge_request)))


# ---------------------------------------------------------------- the sweep


def test_a_sweep_begins_with_the_first_step_that_is_not_done(furnished, small_chunks, monkeypatch):
    purge_request = submit(furnished)
    engine._plan(claimed(purge_request))
    walk = sweep.Sweep(claimed(purge_request))
    while purge_request.steps.filter(state=StepState.DONE).count() < 20:
        assert walk.chunk() is False
    done = set(purge_request.steps.filter(state=StepState.DONE).values_list("key", flat=True))
    ran: list[str] = []
    real = sweep.run_step
    monkeypatch.setattr(sweep, "run_step", lambda step, *a, **k: ran.append(step.key) or real(step, *a, **k))
    other = sweep.Sweep(claimed(purge_request))
    before_last = []
    while other.progress.phase is not sweep.Phase.LAST:
        before_last = list(ran)
        assert other.chunk() is False
    assert before_last
    assert not done & set(before_last)
    while not other.chunk():
        assert other.progress.phase is sweep.Phase.LAST
    assert not User.objects.filter(pk=furnished.ann.pk).exists()
    assert w.completed(w.run_to_end(expired(purge_request)))


def test_where_all_steps_are_done_only_the_last_pass_is_missing(furnished, small_chunks, monkeypatch):
    purge_request = submit(furnished)
    engine._plan(claimed(purge_request))
    walk = sweep.Sweep(claimed(purge_request))
    while walk.progress.phase is not sweep.Phase.LAST:
        walk.chunk()
    LoginEventFactory(user=furnished.ann)  # what came in since is met all the same
    chunks = []
    real = sweep.Sweep._in_transaction
    monkeypatch.setattr(sweep.Sweep, "_in_transaction", lambda walk, *a, **k: chunks.append(1) or real(walk, *a, **k))
    other = sweep.Sweep(claimed(purge_request))
    assert other.progress.phase is sweep.Phase.LAST
    assert other.chunk() is True
    assert len(chunks) == 1
    assert not User.objects.filter(pk=furnished.ann.pk).exists()
    assert w.completed(w.run_to_end(expired(purge_request)))


def test_somebody_who_came_late_is_met_by_every_step(furnished, small_chunks, monkeypatch):
    purge_request = submit(furnished)
    long_ago = timezone.now() - timedelta(days=1)
    late = UserFactory(account=furnished.beta, email="late@x.org", adobe_id=w.ANN, added_at=long_ago)
    LoginEventFactory.create_batch(20, user=late)
    states = []
    real = sweep.all_steps_wait

    def all_wait(locked):
        real(locked)
        states.append(set(PurgeStep.objects.filter(request=locked).values_list("state", flat=True)))

    monkeypatch.setattr(sweep, "all_steps_wait", all_wait)
    assert w.completed(w.run_to_end(purge_request))
    assert states == [{StepState.WAITING}]
    assert not User.objects.filter(pk=late.pk).exists()
    assert purge_request.subjects.get(person_id=late.pk).fate == Fate.ERASED


# ---------------------------------------------------------------- how much a transaction does


class Clock:
    """Time that passes only while rows are erased: ``seconds`` a row."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds, self.asked = 1_000.0, seconds, []

    def run_step(self, step, run, *, limit, cursor=0):
        self.asked.append(limit)
        self.now += limit * self.seconds
        return Outcome(limit, exhausted=False)


def limits(monkeypatch, purge_request: PurgeRequest, seconds: float, chunks: int) -> list[list[int]]:
    """The limits of the statements of each chunk where a row takes so many seconds and there is no end of rows."""
    clock = Clock(seconds)
    monkeypatch.setattr(sweep, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(sweep, "run_step", clock.run_step)
    purge_request.steps.update(planned=1_000_000)
    walk, found = sweep.Sweep(claimed(purge_request)), []
    for _n in range(chunks):
        clock.asked = []
        assert walk.chunk() is False
        found.append(clock.asked)
    return found


def test_rows_that_take_long_are_erased_in_pieces_that_fit_the_time(furnished, monkeypatch):
    purge_request = submit(furnished)
    engine._plan(claimed(purge_request))
    first, second, third, fourth = limits(monkeypatch, purge_request, 0.00002, 4)
    assert first == [500, 750]  # half a chunk's 25 ms are over after the first: the rest fits 750
    assert second == [2_500]
    assert (third, fourth) == ([3_000], [3_000])


def test_rows_that_go_quickly_fill_the_chunk_by_their_number(furnished, monkeypatch):
    purge_request = submit(furnished)
    engine._plan(claimed(purge_request))
    first, second, third = limits(monkeypatch, purge_request, 0.000001, 3)
    assert first == [500, 24_500]
    assert (second, third) == ([25_000], [25_000])


@pytest.mark.postgresql
def test_foreign_keys_are_checked_by_each_statement_where_nobody_is_deleted(furnished, small_chunks):
    """The time that a chunk may take has to hold its checks; at the commit nobody could watch it."""
    purge_request = submit(furnished)
    with CaptureQueriesContext(connection) as captured:
        assert tasks.run_request(purge_request.pk) == "over"
    pieces = 0
    for statements in transactions_of(captured):
        at_once = "SET CONSTRAINTS ALL IMMEDIATE" in statements[0]
        if any(sql.startswith('DELETE FROM "users_user" ') for sql in statements):
            assert not at_once
        elif any(sql.startswith("DELETE") and "ctid" in sql for sql in statements):
            assert at_once
            pieces += 1
    assert pieces > 3
