"""What a worker takes from the queue while a restored backup is looked at."""

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from purge.journal import site_fence
from purge.models import JournalAlarm
from purge.worker.broker import FencedQueue
from purge.worker.queue import enqueue
from tests.factories.purge_log import purge_written

pytestmark = pytest.mark.django_db(transaction=True)
TASKS = (
    "users.tasks.run_import",
    "messaging.tasks.send_welcome",
    "purge.tasks.beat",
    "users.tasks.forgotten_password",
    "purge.tasks.remind",
    "messaging.tasks.send_notification",
    "connectors.tasks.anything",
)


@pytest.fixture
def queue(monkeypatch):
    monkeypatch.setattr("django_q.conf.Conf.POLL", 0)
    for number, task in enumerate(TASKS):
        enqueue(task, number)
    return FencedQueue(list_key="lms")


def taken(queue) -> list[str]:
    """Everything that a worker gets, one after the other."""
    found = []
    for _n in range(2 * len(TASKS)):
        for pk, _payload in queue.dequeue() or ():
            found.append(OrmQ.objects.get(pk=pk).func())
            queue.acknowledge(pk)
    return found


def test_the_library_fetches_by_it(queue):
    from django_q.brokers import get_broker

    assert isinstance(get_broker(), FencedQueue)
    assert taken(queue) == list(TASKS)
    assert not OrmQ.objects.exists()


def test_what_touches_people_waits_in_its_order_and_the_rest_goes_on(queue):
    purge_written()
    assert taken(queue) == ["purge.tasks.beat", "purge.tasks.remind", "messaging.tasks.send_notification"]
    JournalAlarm.objects.all().delete()
    site_fence.forget()
    # Dealt with (the lines are read): what waited comes in the order in which it was put in.
    assert taken(queue) == [
        "users.tasks.run_import",
        "messaging.tasks.send_welcome",
        "users.tasks.forgotten_password",
        "connectors.tasks.anything",
    ]


def test_a_worker_that_ran_before_the_restore_asks_anew_for_each_task(queue):
    assert len(queue.dequeue()) == 1
    kept = site_fence._seen
    purge_written()
    site_fence._seen = kept  # an open site, seen just now
    assert [OrmQ.objects.get(pk=pk).func() for pk, _payload in queue.dequeue() or queue.dequeue()] == [
        "purge.tasks.beat"
    ]


def test_one_task_goes_to_one_of_two_workers(queue):
    purge_written()
    other = FencedQueue(list_key="lms")
    row = OrmQ.objects.get(pk=(queue.dequeue() or queue.dequeue())[0][0])
    assert row.lock > timezone.now()
    assert row.func() == "purge.tasks.beat"
    assert OrmQ.objects.get(pk=(other.dequeue() or other.dequeue())[0][0]).func() == "purge.tasks.remind"


def test_tasks_come_in_their_order_whatever_the_database_would_give_first(queue):
    # What is written last stands last in a table of PostgreSQL: there the first task would be the last one.
    first = OrmQ.objects.earliest("pk")
    OrmQ.objects.filter(pk=first.pk).update(lock=first.lock)
    assert taken(queue) == list(TASKS)


def test_a_worker_that_waits_sees_at_its_next_look_what_has_come(monkeypatch):
    """It does not sleep until the library would look again."""
    monkeypatch.setattr("django_q.conf.Conf.POLL", 1_000)
    slept: list[float] = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            enqueue("purge.tasks.beat")

    monkeypatch.setattr("purge.worker.broker.time.sleep", sleep)
    queue = FencedQueue(list_key="lms")
    assert queue.dequeue() is None
    assert slept == [0.05] * 3
    ((pk, _payload),) = queue.dequeue()
    assert OrmQ.objects.get(pk=pk).func() == "purge.tasks.beat"


def test_what_waits_for_the_site_is_not_asked_for_again_and_again(queue, monkeypatch):
    purge_written()
    for _n in range(2 * len(TASKS)):
        for pk, _payload in queue.dequeue() or ():
            queue.acknowledge(pk)
    slept: list[float] = []
    monkeypatch.setattr("django_q.conf.Conf.POLL", 0.5)
    monkeypatch.setattr("purge.worker.broker.time.sleep", slept.append)
    assert queue.dequeue() is None
    assert slept == [0.5]
