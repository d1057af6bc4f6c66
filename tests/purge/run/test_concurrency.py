"""Several at once, on real connections: administrators, workers, writers.

Every thread is joined before a test ends, and closes its own connection.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from learning.models import Comment, Enrolment
from messaging.models import Notification
from purge import services, tasks
from purge.choices import Status
from purge.models import PurgeRequest, Subject
from purge.run import sweep
from purge.steps import plan
from tests.factories.learning import CommentFactory, CourseFactory, PostFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from users.models import User, UserState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def together(*actions: Callable[[], Any]) -> list[Any]:
    """Do several things at once; what each returned, or the exception that it raised."""
    results: list[Any] = [None] * len(actions)
    barrier = threading.Barrier(len(actions), timeout=30)

    def one(position: int, action: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[position] = action()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test has to see it
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    return results


def submit_as(admin: User, account_id: int, *people: User) -> Callable[[], PurgeRequest]:
    return lambda: services.purge_submit(
        acting_user=admin, account_id=account_id, user_ids=[person.pk for person in people]
    )


def test_of_two_administrators_at_once_exactly_one_wins():
    world = w.build_world()
    results = together(
        submit_as(world.admin, world.acme.pk, world.ann, world.bob),
        submit_as(world.admin2, world.acme.pk, world.bob, world.ann),
    )
    won = [result for result in results if isinstance(result, PurgeRequest)]
    lost = [result for result in results if isinstance(result, services.PurgeRefused)]
    assert (len(won), len(lost)) == (1, 1), results
    assert lost[0].reference == won[0].reference
    assert PurgeRequest.objects.count() == 1


def test_a_task_delivered_to_eight_workers_at_once_does_each_thing_once():
    world = w.build_world()
    w.point_everywhere(world.ann, world.witness)
    purge_request = submit_as(world.admin, world.acme.pk, world.ann)()
    answers = together(*[lambda: tasks.run_request(purge_request.pk)] * 8)
    assert sorted(answers) == ["nothing to do"] * 7 + ["over"]
    assert w.completed(purge_request)
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1
    steps = purge_request.steps.values_list("planned", "done")
    assert all(planned == done for planned, done in steps)


def test_four_requests_at_once_with_live_writers_leave_nothing_and_fail_nowhere():
    world = w.build_world()
    groups = [[UserFactory(account=world.acme, deleted=True) for _n in range(3)] for _m in range(4)]
    everybody = [person for group in groups for person in group]
    for person in everybody:
        UserFactory(account=world.alpha, email=person.email)
        post = PostFactory(board__account=world.acme, author=person)
        for other in everybody:
            CommentFactory(post=post, author=other, body=f"Ask {person.email}")
    course = CourseFactory(account=world.acme)
    stop = threading.Event()
    refused: list[str] = []

    def write() -> int:
        number = 0
        while not stop.is_set() and number < 3_000:
            victim = everybody[number % len(everybody)]
            number += 1
            try:
                Enrolment.objects.create(
                    user_id=victim.pk, course=course if number % 2 else CourseFactory(account=world.acme)
                )
            except DatabaseError as error:
                refused.append(type(error).__name__)
            comment = Comment.objects.exclude(body="").order_by("?").first()
            if comment is not None:
                Comment.objects.filter(pk=comment.pk).update(removed=comment.removed)
        return number

    requests = [submit_as(world.admin, world.acme.pk, *group)() for group in groups]

    def work(purge_request: PurgeRequest) -> str:
        answer = tasks.run_request(purge_request.pk)
        if purge_request == requests[-1]:
            stop.set()
        return answer

    writer = threading.Thread(target=lambda: (write(), connections.close_all()))
    writer.start()
    answers = together(*[lambda purge_request=purge_request: work(purge_request) for purge_request in requests])
    stop.set()
    writer.join(timeout=60)
    assert not writer.is_alive()
    for purge_request, answer in zip(requests, answers, strict=True):
        purge_request.refresh_from_db()
        assert (answer, purge_request.status, purge_request.attempts) == ("over", Status.COMPLETED, 0), (
            purge_request.error_class
        )
    gone = [person.pk for person in everybody]
    assert not User.objects.filter(pk__in=gone).exists()
    assert not Enrolment.objects.filter(user_id__in=gone).exists()
    for person in everybody:
        assert not Comment.objects.filter(body__contains=person.email).exists()


def waits_for_a_lock(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s", [pid])
        return bool(cursor.fetchone()[0])


def someone_waits_for_me() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


def until(happens: Callable[[], bool]) -> None:
    for _n in range(1_000):
        if happens():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within ten seconds")


def test_of_a_purge_and_a_person_who_wait_for_each_other_the_purge_gives_way():
    """The server ends whoever looks first, and that would be the person: they wait for the longest."""
    world = w.build_world()
    post = PostFactory(board__account=world.acme, author=world.witness)
    texts = [CommentFactory(post=post, author=world.witness, body=f"Ask {world.ann.email}").pk for _n in range(3)]
    purge_request = submit_as(world.admin, world.acme.pk, world.ann)()
    saves: dict[str, Any] = {}
    first_waits, go_on = threading.Event(), threading.Event()

    def save() -> None:
        """Holds the last row, and wants the first, which the purge has by then."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                saves["pid"] = cursor.fetchone()[0]
                Comment.objects.select_for_update().get(pk=texts[2])
                first_waits.set()
                assert go_on.wait(30)
                Comment.objects.filter(pk=texts[0]).update(removed=True)
            saves["error"] = None
        except DatabaseError as error:
            saves["error"] = type(error.__cause__).__name__
        finally:
            connections.close_all()

    person = threading.Thread(target=save)
    person.start()
    assert first_waits.wait(30)
    answer: list[str] = []
    worker = threading.Thread(
        target=lambda: (answer.append(tasks.run_request(purge_request.pk)), connections.close_all())
    )
    with transaction.atomic():
        # The purge has the first row and waits for the second.
        Comment.objects.select_for_update().get(pk=texts[1])
        worker.start()
        until(someone_waits_for_me)
        go_on.set()
        until(lambda: waits_for_a_lock(saves["pid"]) or not person.is_alive())
    # Now the purge goes on to the third, which the person holds, who waits for the first.
    person.join(timeout=60)
    worker.join(timeout=120)
    assert not person.is_alive()
    assert not worker.is_alive()
    assert saves["error"] is None
    purge_request.refresh_from_db()
    assert (answer, purge_request.status, purge_request.attempts) == (["over"], Status.COMPLETED, 0)
    assert Comment.objects.get(pk=texts[0]).removed
    assert not Comment.objects.filter(body__contains=world.ann.email).exists()


def test_a_lock_that_is_held_for_seconds_is_waited_for():
    world = w.build_world()
    post = PostFactory(board__account=world.acme, author=world.witness)
    comment = CommentFactory(post=post, author=world.witness, body=f"Ask {world.ann.email}")
    purge_request = submit_as(world.admin, world.acme.pk, world.ann)()
    answer: list[str] = []
    worker = threading.Thread(
        target=lambda: (answer.append(tasks.run_request(purge_request.pk)), connections.close_all())
    )
    with transaction.atomic():
        Comment.objects.select_for_update().get(pk=comment.pk)
        worker.start()
        until(someone_waits_for_me)
        time.sleep(5)
        assert worker.is_alive()
    worker.join(timeout=120)
    assert not worker.is_alive()
    purge_request.refresh_from_db()
    assert (answer, purge_request.status, purge_request.attempts) == (["over"], Status.COMPLETED, 0)


def test_the_same_human_purged_by_two_accounts_at_the_same_time():
    world = w.build_world()
    User.objects.filter(pk=world.globex_ann.pk).update(
        state=UserState.DELETED, deleted_at="2026-02-01T00:00Z", deleted_month="2026-02"
    )
    w.point_everywhere(world.alpha_match, world.nobody[3])
    first = submit_as(world.admin, world.acme.pk, world.ann)()
    second = submit_as(User.objects.get(email="admin@globex.example"), world.globex.pk, world.globex_ann)()
    answers = together(lambda: tasks.run_request(first.pk), lambda: tasks.run_request(second.pk))
    assert answers == ["over", "over"]
    assert w.completed(first)
    assert w.completed(second)
    fates = Subject.objects.filter(person_id=world.alpha_match.pk).values_list("fate", flat=True)
    assert sorted(fates) == ["erased", "gone"]


def test_a_writer_for_the_purged_person_is_refused_not_lost():
    world = w.build_world()
    purge_request = submit_as(world.admin, world.acme.pk, world.ann)()
    assert w.completed(w.run_to_end(purge_request))
    with pytest.raises(DatabaseError):
        Enrolment.objects.create(user_id=world.ann.pk, course=CourseFactory(account=world.acme))
    connection.close()


def test_when_the_database_breaks_the_connection_the_work_is_taken_up_again(monkeypatch):
    world = w.build_world()
    w.point_everywhere(world.ann, world.witness)
    purge_request = submit_as(world.admin, world.acme.pk, world.ann)()
    real, calls = plan.run_step, {"n": 0}

    def cut_once(step, run, **kwargs):
        calls["n"] += 1
        if calls["n"] == 25:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pid = cursor.fetchone()[0]
            together(lambda: terminate(pid))
        return real(step, run, **kwargs)

    monkeypatch.setattr(sweep, "run_step", cut_once)
    assert tasks.run_request(purge_request.pk) == "failed"
    purge_request.refresh_from_db()
    assert (purge_request.attempts, purge_request.error_class) == (1, "OperationalError")
    PurgeRequest.objects.filter(pk=purge_request.pk).update(next_attempt_at=None)
    assert w.completed(w.run_to_end(purge_request))
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
