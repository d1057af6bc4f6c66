"""What the supervisor of a cluster does in one round, without a cluster: a sleeping process stands for it."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from purge import services, tasks
from purge.choices import Status
from purge.models import PatrolPass, PurgeRequest, WorkerBeat
from purge.selectors import work_to_deliver, worker_is_alive
from purge.upkeep import compaction
from purge.worker import queue, supervisor
from purge.worker.leases import leased
from purge.worker.shutdown import CLUSTER_VARIABLE, STOP_VARIABLE
from tests.factories.users import UserFactory
from tests.purge import world as w

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def watchdog(db, settings):
    """A supervisor with a running "cluster" that never shows a sign of life, and no patience at all."""
    settings.PURGE_GRACE_SECONDS = -1
    settings.Q_TIMEOUT = 0
    made = supervisor.Supervisor(command=SLEEPER, name="here:1")
    made._start()
    yield made
    made._kill(made.process)


@pytest.fixture
def request_of_ann(cast):
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    OrmQ.objects.all().delete()
    return purge_request


def tasks_in_queue(name):
    return [row.task["args"] for row in OrmQ.objects.order_by("pk") if row.task["func"] == name]


# ---------------------------------------------------------------- lost work


def test_a_request_that_the_queue_lost_is_put_in_again_once(request_of_ann):
    assert supervisor.deliver() == 1
    assert tasks_in_queue(queue.REQUEST_TASK) == [(request_of_ann.pk,)]
    assert supervisor.deliver() == 0
    assert OrmQ.objects.count() == 1


def test_work_that_is_claimed_waiting_or_over_is_left_alone(request_of_ann):
    soon = timezone.now() + timedelta(minutes=1)
    for columns in (
        {"lease_until": soon},
        {"next_attempt_at": soon},
        {"status": Status.HELD},
        {"status": Status.NEEDS_ATTENTION},
        {"status": Status.RESIDUE},
        {"status": Status.CANCELLED},
    ):
        PurgeRequest.objects.filter(pk=request_of_ann.pk).update(
            **{"status": Status.RUNNING, "lease_until": None, "next_attempt_at": None, **columns}
        )
        assert supervisor.deliver() == 0, columns
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(
        status=Status.RUNNING, lease_until=timezone.now() - timedelta(seconds=1)
    )
    assert supervisor.deliver() == 1


def test_a_task_that_a_killed_worker_took_does_not_hold_the_request_up(request_of_ann, settings):
    queue.enqueue_request(request_of_ann.pk)
    taken_just_now = timezone.now() + timedelta(seconds=settings.Q_RETRY)
    OrmQ.objects.update(lock=taken_just_now)
    assert supervisor.deliver() == 0
    OrmQ.objects.update(lock=taken_just_now - timedelta(seconds=settings.PURGE_LEASE_SECONDS + 1))
    assert supervisor.deliver() == 1


def test_a_task_signed_with_another_key_is_no_task(request_of_ann):
    OrmQ.objects.create(key="lms", payload="eyJ.not:signed", lock=timezone.now())
    assert queue.queued_requests() == set()
    assert supervisor.deliver() == 1


def test_a_task_is_called_by_what_it_does_and_with_which_row(request_of_ann):
    queue.enqueue_request(request_of_ann.pk)
    queue.enqueue_compaction()
    queue.enqueue_pass()
    names = sorted(row.task["name"] for row in OrmQ.objects.all())
    assert names[:2] == ["compact", "patrol"]
    assert set(names[2:]) == {f"run_request {request_of_ann.pk}"}


def test_a_long_queue_is_not_made_longer(request_of_ann, monkeypatch):
    monkeypatch.setattr(supervisor, "LONG_QUEUE", 0)
    queue.enqueue(queue.CANARY_TASK)
    assert supervisor.deliver() == 0


def test_what_is_put_in_again_is_then_done(request_of_ann):
    supervisor.deliver()
    assert w.completed(w.run_to_end(request_of_ann))
    assert work_to_deliver() == []


# ---------------------------------------------------------------- the canary


def test_a_canary_is_sent_at_its_time_and_not_without_end(watchdog, settings):
    settings.PURGE_CANARY_SECONDS = 3_600
    watchdog._send_canary()
    watchdog._send_canary()
    assert tasks_in_queue(queue.CANARY_TASK) == [()]
    settings.PURGE_CANARY_SECONDS = 0
    for _n in range(10):
        watchdog._send_canary()
    assert queue.waiting_canaries() == supervisor.MOST_CANARIES


def test_the_log_says_once_an_hour_that_the_worker_is_alive(watchdog, settings, caplog):
    settings.PURGE_CANARY_SECONDS = 0

    def told() -> list[str]:
        return [record.getMessage() for record in caplog.records if "alive" in record.getMessage()]

    with caplog.at_level("INFO", logger="purge.worker.supervisor"):
        for _n in range(5):
            watchdog._send_canary()
        assert told() == []
        watchdog.last_told -= 3_601
        for _n in range(5):
            watchdog._send_canary()
    assert told() == ["worker: alive, 0 restarts of the cluster since its start"]


def test_the_canary_leaves_a_sign_of_life_under_the_cluster_s_name(db, monkeypatch):
    tasks.beat()
    assert not WorkerBeat.objects.exists()  # no cluster, no sign
    assert not worker_is_alive()
    monkeypatch.setenv(CLUSTER_VARIABLE, "here:1")
    tasks.beat()
    tasks.beat()
    assert [beat.name for beat in WorkerBeat.objects.all()] == ["here:1"]
    assert worker_is_alive()


def test_any_task_is_a_sign_of_life(db, monkeypatch):
    monkeypatch.setenv(CLUSTER_VARIABLE, "here:1")
    assert tasks.run_request(0) == "nothing to do"
    assert worker_is_alive()


def test_a_silent_cluster_is_suspected_then_killed_with_all_its_processes_and_started_anew(watchdog):
    first = watchdog.process
    watchdog._watch()
    assert (watchdog.process, watchdog.restarts) == (first, 0)
    assert queue.waiting_canaries() == supervisor.BURST
    watchdog._watch()
    assert watchdog.restarts == 1
    assert first.poll() == -signal.SIGKILL
    assert watchdog.process.poll() is None
    assert watchdog.process.pid != first.pid


def test_a_cluster_that_shows_a_sign_is_left_alone(watchdog, settings):
    watchdog._watch()
    settings.PURGE_GRACE_SECONDS = 30
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    watchdog._watch()
    assert (watchdog.suspected_at, watchdog.restarts) == (None, 0)


def test_the_sign_of_another_machine_is_none_of_this_one(watchdog):
    WorkerBeat.objects.create(name="elsewhere:1", beat_at=timezone.now() + timedelta(hours=1))
    watchdog._watch()
    watchdog._watch()
    assert watchdog.restarts == 1


def test_a_long_patrol_is_no_silence(watchdog):
    PatrolPass.objects.create()
    watchdog._watch()
    watchdog._watch()
    assert (watchdog.suspected_at, watchdog.restarts) == (None, 0)


def test_a_cluster_whose_main_process_ended_is_started_anew(watchdog, settings):
    settings.PURGE_GRACE_SECONDS = 600
    os.kill(watchdog.process.pid, signal.SIGKILL)
    watchdog.process.wait()
    watchdog.look_after()
    assert watchdog.restarts == 1
    assert watchdog.process.poll() is None


# ---------------------------------------------------------------- staying alive, ending


@pytest.mark.parametrize("error", [OperationalError("ann@x.org"), InterfaceError("ann@x.org")])
def test_a_database_that_is_gone_does_not_end_it(watchdog, error, caplog):
    def gone():
        raise error

    watchdog.guarded(gone)
    assert "does not answer" in caplog.text
    assert "ann@x.org" not in caplog.text


def test_asked_to_stop_it_asks_the_cluster_and_forgets_its_sign(watchdog, tmp_path):
    watchdog._stop_file = tmp_path / "stop"
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    assert watchdog._end() == 0
    assert watchdog.process.returncode == -signal.SIGTERM
    assert (tmp_path / "stop").exists()
    assert not WorkerBeat.objects.exists()


def test_a_cluster_that_does_not_stop_in_time_is_killed(db, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    made = supervisor.Supervisor(command=SLEEPER, name="here:1")
    made.process = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
    with made.process.stdout as output:
        assert output.readline() == b"deaf\n"
        assert made._end() == 1
    assert made.process.returncode == -signal.SIGKILL


def test_a_task_ends_after_its_chunk_when_the_worker_stops(request_of_ann, monkeypatch, tmp_path):
    w.point_everywhere(w.User.objects.get(pk=request_of_ann.subjects.first().person_id), request_of_ann.initiator)
    stop = tmp_path / "stop"
    monkeypatch.setenv(STOP_VARIABLE, str(stop))
    stop.touch()
    assert tasks.run_request(request_of_ann.pk) == "stopping"
    stop.unlink()
    real = tasks.engine._plan

    def asked_while_it_plans(claim):
        stop.touch()
        real(claim)

    monkeypatch.setattr(tasks.engine, "_plan", asked_while_it_plans)
    assert tasks.run_request(request_of_ann.pk) == "more"
    request_of_ann.refresh_from_db()
    assert (request_of_ann.planned, request_of_ann.lease_until, request_of_ann.rows_done) == (True, None, 0)
    stop.unlink()
    assert w.completed(w.run_to_end(request_of_ann))


# ---------------------------------------------------------------- by the clock


def test_schedules_are_made_once_and_mended(db, settings):
    Schedule.objects.all().delete()
    queue.ensure_schedules()
    queue.ensure_schedules()
    made = {row.name: row for row in Schedule.objects.all()}
    own = {"purge: patrol", "purge: vacuum", "purge: deadlines", "purge: evidence"}
    assert set(made) == {*own, *settings.PURGE_SCHEDULES}
    assert made["purge: patrol"].next_run > timezone.now()
    Schedule.objects.filter(name="purge: patrol").update(func="purge.tasks.gone", minutes=1)
    Schedule.objects.create(name="purge: deadlines", func="purge.tasks.remind", minutes=60)
    queue.ensure_schedules()
    assert Schedule.objects.get(name="purge: patrol").func == "purge.tasks.patrol"
    assert Schedule.objects.count() == len(made)


def test_what_the_clock_calls_exists_and_needs_no_argument(db):
    from django.utils.module_loading import import_string

    for columns in queue.schedules().values():
        task = import_string(columns["func"])
        assert task() is not None


def test_the_longest_of_them_may_take_its_time():
    assert str(queue.PATROL_SECONDS) in queue.schedules()["purge: patrol"]["kwargs"]


def test_what_the_clock_starts_is_called_by_what_it_does(db, monkeypatch):
    """By itself the library would make up a nickname for each."""
    # It would end the connection whose transaction this test is in.
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)
    queue.ensure_schedules()
    Schedule.objects.update(next_run=timezone.now() - timedelta(minutes=1))
    OrmQ.objects.all().delete()
    scheduler()
    called = {row.task["name"]: row.task for row in OrmQ.objects.all()}
    assert {"patrol", "compact", "remind", "clear_evidence"} <= set(called)
    assert {task["func"].rpartition(".")[2] for task in called.values()} == set(called)
    assert all(task["kwargs"] == {} for task in called.values())
    assert called["patrol"]["timeout"] == queue.PATROL_SECONDS


# ---------------------------------------------------------------- the boundary


def test_only_the_class_of_an_error_leaves_a_task(db, monkeypatch, caplog):
    def fails():
        raise ValueError("ann@x.org")

    monkeypatch.setattr(tasks, "patrol_all", fails)
    with pytest.raises(tasks.TaskFailed) as caught:
        tasks.patrol()
    assert str(caught.value) == "ValueError"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "ann@x.org" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_after_a_purge_the_tables_are_vacuumed():
    cast = w.build_world()
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    assert tasks_in_queue("purge.tasks.compact") == [()]
    assert PurgeRequest.objects.get(pk=purge_request.pk).compacted_at is None
    assert tasks.compact() is True
    assert PurgeRequest.objects.get(pk=purge_request.pk).compacted_at is not None


@pytest.mark.django_db(transaction=True)
def test_one_vacuum_serves_all_that_wait_for_it():
    cast = w.build_world()
    requests = [
        services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk])
        for person in (cast.ann, UserFactory(account=cast.acme, deleted=True))
    ]
    for purge_request in requests:
        assert w.completed(w.run_to_end(purge_request))
    with CaptureQueriesContext(connection) as first:
        tasks.compact()
    assert not PurgeRequest.objects.filter(compacted_at=None).exists()
    with CaptureQueriesContext(connection) as second:
        tasks.compact()
    done = [sum("VACUUM" in q["sql"] or "checkpoint" in q["sql"] for q in some) for some in (first, second)]
    assert done[0] >= 1
    assert done[1] == 0


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_while_another_process_vacuums_the_request_is_left_to_it():
    cast = w.build_world()
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    with leased(compaction.LEASE, 60) as renew:
        assert renew is not None
        tasks.compact()
        assert PurgeRequest.objects.get(pk=purge_request.pk).compacted_at is None
    tasks.compact()
    assert PurgeRequest.objects.get(pk=purge_request.pk).compacted_at is not None
