"""``manage.py worker`` as it runs: a real cluster of processes on a real database; killed, cut off, stopped."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from learning.models import Comment, Enrolment
from messaging.models import Notification
from purge import services
from purge.choices import Status
from purge.models import PurgeRequest, WorkerBeat
from tests.factories.learning import CommentFactory, EnrolmentFactory, PostFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from tools.serve import descendants, parents_by_pid
from users.models import User, UserState

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(django_settings.BASE_DIR)
#: Everything short, so that what takes minutes in production is seen in seconds.
HASTE = {
    "Q_TIMEOUT": "7",
    "Q_RETRY": "55",
    "Q_POLL": "0.1",
    "PURGE_SLICE_SECONDS": "3",
    "PURGE_LEASE_SECONDS": "4",
    "PURGE_RETRY_SECONDS": "1",
    "PURGE_RECONCILE_SECONDS": "1",
    "PURGE_CANARY_SECONDS": "1",
    "PURGE_GRACE_SECONDS": "1",
}
#: Processes of a cluster beside the main one: sentinel, two workers, monitor, pusher.
WHOLE_CLUSTER = 5
#: A cluster is started anew after each: twenty times where there are several machines.
KILLS = 20 if connection.vendor == "postgresql" else 6
#: How long anything may take on a slow, busy machine. Only a failing test waits for so long.
PATIENCE = 240


class Worker:
    """A running ``manage.py worker``. ``log``: what it and its cluster print."""

    def __init__(self, url: str, log: Path, settings) -> None:
        self.log = log
        files = {"MEDIA_ROOT": str(settings.MEDIA_ROOT), "PURGE_JOURNAL": str(settings.PURGE_JOURNAL)}
        environ = {**os.environ, **HASTE, **files, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"], cwd=ROOT, env=environ, stdout=output, stderr=output
            )

    def family(self) -> list[int]:
        """The processes of the cluster, without the supervisor."""
        return descendants(self.process.pid, parents_by_pid())

    def wait_until(self, reached: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not reached():
            assert self.process.poll() is None, self.log.read_text()[-4_000:]
            assert time.monotonic() < until, f"{states()}\n{self.log.read_text()[-4_000:]}"
            time.sleep(0.1)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE)

    def kill(self) -> None:
        if self.process.poll() is None:
            # The supervisor first, or it starts the cluster anew while that is being killed.
            for pid in [self.process.pid, *self.family()]:
                kill(pid)
            self.process.wait(timeout=PATIENCE)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def states() -> list[tuple[str, str, int, int]]:
    return list(PurgeRequest.objects.values_list("status", "error_class", "attempts", "crashes"))


def is_alive() -> bool:
    return WorkerBeat.objects.exists()


def all_completed() -> bool:
    return not PurgeRequest.objects.exclude(status=Status.COMPLETED).exists()


@pytest.fixture
def start(database_url, tmp_path, settings) -> Iterator[Callable[[], Worker]]:
    """Starts workers; whatever is left of them at the end is killed."""
    workers: list[Worker] = []

    def start_worker() -> Worker:
        workers.append(Worker(database_url, tmp_path / f"worker{len(workers)}.log", settings))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.kill()


def submit_requests(number: int, people_each: int = 2) -> tuple[list[PurgeRequest], list[User]]:
    """Requests of one account, whose people have records, are written about, and have matches in a trial account."""
    cast = w.build_world()
    groups = [[UserFactory(account=cast.acme, deleted=True) for _p in range(people_each)] for _r in range(number)]
    everybody = [person for group in groups for person in group]
    posts = [PostFactory(board__account=cast.acme, author=person) for person in everybody]
    for position, person in enumerate(everybody):
        UserFactory(account=cast.alpha, email=person.email)
        EnrolmentFactory.create_batch(3, user=person, course__account=cast.acme)
        for post in posts[position : position + 3]:
            CommentFactory(post=post, author=cast.witness, body=f"Ask {person.email}")
    requests = [
        services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk for person in group])
        for group in groups
    ]
    return requests, everybody


def assert_each_thing_was_done_once(requests: list[PurgeRequest], people: list[User]) -> None:
    gone = [person.pk for person in people]
    addresses = [person.email for person in people]
    for purge_request in requests:
        assert w.completed(purge_request)
        steps = purge_request.steps.values_list("planned", "done")
        assert sum(planned for planned, _done in steps) == sum(done for _planned, done in steps)
        assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1
    assert not User.objects.filter(pk__in=gone).exists()
    assert not User.objects.filter(state=UserState.PURGING).exists()
    assert not Enrolment.objects.filter(user_id__in=gone).exists()
    assert not [body for body in Comment.objects.values_list("body", flat=True) if any(a in body for a in addresses)]


def test_killed_at_random_moments_again_and_again_everything_ends_completed_once(start):
    """Any process of the cluster: one at work, an idle one that holds the queue's lock, the pusher, the main one."""
    requests, people = submit_requests(KILLS * 4 // 5)
    worker = start()
    worker.wait_until(is_alive)
    dice = random.Random(20_26)
    kills = 0

    def killed_enough() -> bool:
        nonlocal kills
        main, *others = worker.family() or [0]
        if len(others) >= WHOLE_CLUSTER:  # a newborn cluster has nothing to lose yet
            kill(dice.choice([main, *others, *others, *others]))
            kills += 1
        time.sleep(dice.uniform(0.05, 0.4))
        return kills >= KILLS

    worker.wait_until(killed_enough)
    last_kill = timezone.now()
    worker.wait_until(all_completed)
    assert_each_thing_was_done_once(requests, people)
    # The last kill may have wedged the cluster: the watchdog sees to that, and a cluster that cannot stop is killed.
    worker.wait_until(lambda: WorkerBeat.objects.filter(beat_at__gt=last_kill + timedelta(seconds=3)).exists())
    assert worker.stop() in (0, 1)
    assert worker.family() == []
    assert not WorkerBeat.objects.exists()
    log = worker.log.read_text()
    assert "started anew" in log
    assert not [person.email for person in people if person.email in log]


@pytest.mark.both_databases
def test_a_worker_takes_up_what_a_killed_one_left_and_stops_when_asked(start):
    requests, people = submit_requests(3)
    first = start()
    first.wait_until(lambda: PurgeRequest.objects.exclude(started_at=None).exists())
    first.kill()
    second, third = start(), start()
    second.wait_until(all_completed)
    assert_each_thing_was_done_once(requests, people)
    families = [*second.family(), *third.family()]
    assert (second.stop(), third.stop()) == (0, 0)
    assert not set(families) & set(parents_by_pid())


@pytest.mark.postgresql
def test_the_database_is_gone_for_ten_seconds(start):
    requests, people = submit_requests(4)
    worker = start()
    worker.wait_until(lambda: PurgeRequest.objects.exclude(started_at=None).exists())
    config = connection.settings_dict
    with psycopg.connect(
        host=config["HOST"], port=config["PORT"], user=config["USER"], dbname="postgres", autocommit=True
    ) as outside:
        name = connection.ops.quote_name(config["NAME"])
        connection.close()
        outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            outside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [config["NAME"]]
            )
            back = time.monotonic() + 10
            while time.monotonic() < back:
                assert worker.process.poll() is None
                time.sleep(0.2)
        finally:
            outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    worker.wait_until(all_completed)
    assert_each_thing_was_done_once(requests, people)
    assert worker.stop() == 0
    assert "does not answer" in worker.log.read_text()


def test_a_worker_process_with_another_file_storage_erases_and_completes_nothing(start, settings, tmp_path):
    """As when MEDIA_ROOT is forgotten in the worker's unit file, or its volume is not mounted."""
    here = settings.MEDIA_ROOT
    _requests, people = submit_requests(1)
    person = people[0]
    person.avatar.save("a.png", ContentFile(b"png"), save=False)
    User.objects.filter(pk=person.pk).update(avatar=person.avatar.name)
    avatar = Path(here) / person.avatar.name
    settings.MEDIA_ROOT = tmp_path / "another"
    blind = start()
    settings.MEDIA_ROOT = here
    blind.wait_until(lambda: WorkerBeat.objects.filter(trouble="missing").exists())
    time.sleep(5)
    assert states() == [("queued", "", 0, 0)]
    assert User.objects.filter(pk=person.pk, state=UserState.PURGING).exists()
    assert avatar.exists()
    blind.stop()

    start().wait_until(all_completed)
    assert not User.objects.filter(pk__in=[each.pk for each in people]).exists()
    assert not avatar.exists()
