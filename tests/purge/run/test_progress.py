"""Where a sweep is: which pass a plan is for, what a chunk may do in it, and that only a commit moves it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import pytest

from purge.choices import StepState
from purge.models import PurgeStep
from purge.run import engine, sweep
from purge.run.sweep import Phase, Progress, StepProgress
from tests.purge.run.test_engine import Killed, submit
from tests.purge.run.test_resuming import claimed


def plan(*rows: tuple[int, bool]):
    """Steps as a stored plan has them: how many rows were counted, and whether it is done."""
    return [
        (
            PurgeStep(key=f"app.Model.{n}", planned=planned, state=StepState.DONE if done else StepState.WAITING),
            SimpleNamespace(key=f"app.Model.{n}", by_key=True, reads_all=False),
        )
        for n, (planned, done) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("steps", "phase", "position", "busy"),
    [
        ([], Phase.WHOLE, 0, None),
        ([(10_000, False), (0, False)], Phase.WHOLE, 0, None),
        ([(10_000, False), (1, False)], Phase.PIECES, 0, {"app.Model.0", "app.Model.1"}),
        ([(10_001, False), (0, False)], Phase.PIECES, 0, {"app.Model.0"}),
        ([(3, True), (0, False), (4, False)], Phase.PIECES, 1, {"app.Model.0", "app.Model.2"}),
        ([(3, False), (4, True)], Phase.WHOLE, 0, None),
        ([(3, True), (4, True)], Phase.LAST, 0, None),
        ([(20_000, True)], Phase.LAST, 0, None),
    ],
)
def test_the_stored_plan_says_which_pass_it_is(steps, phase, position, busy):
    progress = Progress.of_plan(plan(*steps))
    assert (progress.phase, progress.position, progress.busy) == (phase, position, busy)
    assert progress.may_end is (phase is not Phase.PIECES)
    assert (progress.chunks, progress.over) == (0, False)


def test_what_only_reading_can_tell_is_busy_in_every_pass_of_pieces():
    steps = plan((20_000, False), (0, False))
    steps[1][1].reads_all = True
    assert Progress.of_plan(steps).busy == {"app.Model.0", "app.Model.1"}


@pytest.mark.parametrize("phase", [Phase.WHOLE, Phase.LAST])
def test_only_the_first_chunk_of_a_pass_may_be_the_last_of_all(phase):
    begins = Progress(phase, 0, (StepProgress(),))
    assert begins.may_end is True
    assert Progress(phase, 0, (StepProgress(),), busy=frozenset()).may_end is False
    again = Progress(Phase.PIECES, 1, (StepProgress(is_done=True),), busy=frozenset({"a"}), chunks=4).last_pass()
    assert again == Progress(Phase.LAST, 0, (StepProgress(is_done=True),), busy=None, chunks=4)


def test_how_long_a_chunk_may_take():
    assert [Phase.PIECES.seconds(chunks) for chunks in (0, 1, 2, 3, 1_000)] == [0.025, 0.05, 0.06, 0.06, 0.06]
    assert [Phase.WHOLE.seconds(chunks) for chunks in (0, 7)] == [0.25, 0.25]
    assert [Phase.LAST.seconds(chunks) for chunks in (0, 7)] == [30.0, 30.0]
    assert [phase for phase in Phase if phase.is_paced] == [Phase.PIECES]


def test_progress_is_never_changed():
    progress = Progress(Phase.WHOLE, 0, (StepProgress(),))
    with pytest.raises(FrozenInstanceError):
        progress.position = 1
    with pytest.raises(FrozenInstanceError):
        progress.steps[0].cursor = 1


# In small chunks it commits some two thousand times: what is compared is the same on both databases.
@pytest.mark.parametrize("rows_a_chunk", [pytest.param(7, marks=pytest.mark.sqlite), 10_000])
def test_a_chunk_that_is_taken_back_has_not_moved_it(furnished, monkeypatch, rows_a_chunk):
    for name in ("CHUNK_ROWS", "WHOLE_ROWS"):
        monkeypatch.setattr(sweep, name, rows_a_chunk)
    purge_request = submit(furnished)
    engine._plan(claimed(purge_request))
    walk = sweep.Sweep(claimed(purge_request))
    real = sweep.Sweep._report
    while not walk.progress.over:
        before, stored = walk.progress, list(purge_request.steps.values())

        def dies(*args):
            real(*args)  # all that the chunk did is done and reported; only the commit is missing
            raise Killed

        monkeypatch.setattr(sweep.Sweep, "_report", dies)
        with pytest.raises(Killed):
            walk.chunk()
        assert walk.progress is before
        assert list(purge_request.steps.values()) == stored
        monkeypatch.setattr(sweep.Sweep, "_report", real)
        assert walk.chunk() is walk.progress.over
        assert walk.progress.chunks == before.chunks + 1
        # What is remembered is what is stored.
        rows = {row.key: row for row in purge_request.steps.all()}
        for (row, _step), now in zip(walk.plan, walk.progress.steps, strict=True):
            stored_row = rows[row.key]
            assert (stored_row.done, stored_row.late, stored_row.own_done) == (now.done, now.late, now.own_done)
    assert {row.state for row in purge_request.steps.all()} == {StepState.DONE}
