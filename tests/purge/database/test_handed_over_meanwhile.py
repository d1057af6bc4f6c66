"""What a session gives to somebody else while a statement of a purge waits for it is not the victim's any more.

A plain table hides the fault on PostgreSQL's minor releases that look again at what an address stands for (15.15, 17.7
and their like); ``python -m tools.old_servers`` runs this file on releases that do not.
"""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction

from learning.models import SessionInstructor
from purge import services, tasks
from tests.factories.learning import SessionInstructorFactory
from tests.factories.users import LoginEventFactory
from tests.purge import world as w
from tests.purge.database.test_tables_in_pieces import NOVEMBER, no_partitions_any_more, partition_by_month, run
from users.models import LoginEvent

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.usefixtures("aside_is_exempted"),
]


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return bool(cursor.fetchone()[0])


def hand_over_under(world: w.World, hand_over: Callable[[], None]) -> None:
    """Purge while another session has handed rows over, and commits when the purge waits for it."""
    purge_request = services.purge_submit(acting_user=world.admin, account_id=world.acme.pk, user_ids=[world.ann.pk])
    handed_over, waited = threading.Event(), []

    def session() -> None:
        try:
            with transaction.atomic():
                hand_over()
                handed_over.set()
                until = time.monotonic() + 20
                while not (waits := somebody_waits()) and time.monotonic() < until:
                    time.sleep(0.01)
                waited.append(waits)
        finally:
            connections.close_all()

    other = threading.Thread(target=session)
    other.start()
    assert handed_over.wait(30)
    tasks.run_request(purge_request.pk)
    other.join(30)
    assert waited == [True]
    assert w.completed(w.run_to_end(purge_request))


def test_a_sign_in_that_passes_to_a_colleague_stays():
    world = w.build_world()
    run(
        "INSERT INTO users_loginevent (user_id, at, user_agent, success) "
        f"SELECT {world.witness.pk}, now(), 'a browser', true FROM generate_series(1, 30000)",
        "ANALYZE users_loginevent",
    )
    mine = LoginEventFactory.create_batch(20, user=world.ann)
    given = [event.pk for event in mine[:10]]
    hand_over_under(world, lambda: LoginEvent.objects.filter(pk__in=given).update(user=world.witness) and None)
    assert LoginEvent.objects.filter(user=world.witness).count() == 30_010
    assert LoginEvent.objects.filter(pk__in=given).count() == 10
    assert LoginEvent.objects.filter(user=world.ann).count() == 0


def test_a_session_that_gets_another_instructor_keeps_them():
    """Rows that are looked at before they go: they are locked, so nobody can hand them over in between."""
    world = w.build_world()
    mine = SessionInstructorFactory.create_batch(3, user=world.ann, session__course__account=world.acme)
    given = mine[0].pk
    hand_over_under(world, lambda: SessionInstructor.objects.filter(pk=given).update(user=world.witness) and None)
    assert list(SessionInstructor.objects.filter(pk=given).values_list("user", flat=True)) == [world.witness.pk]
    assert SessionInstructor.objects.filter(user=world.ann).count() == 0


def test_a_sign_in_in_a_partition_that_passes_to_a_colleague_stays():
    world = w.build_world()
    partition_by_month("parts")
    try:
        mine = LoginEventFactory.create_batch(20, user=world.ann, at=NOVEMBER)
        given = [event.pk for event in mine[:10]]
        hand_over_under(world, lambda: LoginEvent.objects.filter(pk__in=given).update(user=world.witness) and None)
        assert LoginEvent.objects.filter(user=world.witness).count() == 10
        assert LoginEvent.objects.filter(user=world.ann).count() == 0
    finally:
        no_partitions_any_more("parts")
