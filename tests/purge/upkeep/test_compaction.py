"""The space of what was erased is given up when nobody can look at the database as it was before, and not earlier."""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from purge import services, tasks
from purge.models import PurgeRequest
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def patience(monkeypatch):
    """Nobody waits here for what will not end."""
    with contextlib.suppress(AttributeError, ImportError):
        monkeypatch.setattr("purge.upkeep.compaction.PATIENCE_SECONDS", 0.2)


def another_session(**options) -> psycopg.Connection:
    config = connection.settings_dict
    here = {"host": config["HOST"], "port": config["PORT"], "user": config["USER"], "dbname": config["NAME"]}
    return psycopg.connect(**{**here, **options})


def purged() -> PurgeRequest:
    cast = w.build_world()
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(request))
    return request


def in_the_end(try_it: Callable[[], bool]) -> bool:
    """Whether it succeeds once whatever the server does by itself is through, and what the other process of this run
    does: a test of its, or a whole file of them, is one transaction, for minutes at the most."""
    return any(try_it() or time.sleep(0.5) for _n in range(400))


def is_compacted(request: PurgeRequest) -> bool:
    return PurgeRequest.objects.get(pk=request.pk).compacted_at is not None


def told(client) -> tuple[dict, str]:
    """What /healthz and Home say; the latter to an operator."""
    operator = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)
    client.force_login(operator)
    page = client.get("/admin/")
    assert page.status_code == 200
    return client.get("/healthz", headers={"host": "localhost"}).json(), page.content.decode()


@pytest.mark.postgresql
def test_an_old_snapshot_keeps_a_purge_from_being_compacted_and_a_later_one_does_not(client, patience):
    with another_session() as old, another_session() as late:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 'zzq@x.org'")
        request = purged()
        assert tasks.compact() is False
        assert not is_compacted(request)
        health, page = told(client)
        # The server's own ANALYZE may be in the way for a moment, too.
        named = {each["name"]: each for each in health["clean_up_waits_for"]}
        holder = named[str(old.info.backend_pid)]
        assert (health["not_cleaned_up"], holder["kind"]) == (1, "session")
        assert 0 <= holder["seconds"] < 300
        assert f"Database session {old.info.backend_pid} has been in one transaction for" in page
        assert "zzq" not in str(health) + page
        old.rollback()

        def with_somebody_later() -> bool:
            # Of those who come later there are always some. One who began while anybody older was at work, be it in
            # another database of the server, is as old as they are: hence each time another.
            late.rollback()
            late.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            late.execute("SELECT 1")
            return tasks.compact()

        assert in_the_end(with_somebody_later)
        assert is_compacted(request)
        health, page = (
            client.get("/healthz", headers={"host": "localhost"}).json(),
            client.get("/admin/").content.decode(),
        )
        assert (health["not_cleaned_up"], health["clean_up_waits_for"]) == (0, [])
        assert "blocks the clean-up" not in page


@pytest.mark.postgresql
def test_a_prepared_transaction_that_was_forgotten_is_named_by_its_number(client, patience):
    with another_session() as other:
        number = other.execute("SELECT pg_current_xact_id()::text").fetchone()[0]
        other.execute("PREPARE TRANSACTION 'of zzq@x.org'")
    try:
        request = purged()
        assert tasks.compact() is False
        assert not is_compacted(request)
        health, page = told(client)
        assert ("prepared", number) in [(each["kind"], each["name"]) for each in health["clean_up_waits_for"]]
        assert f"Prepared transaction {number} (pg_prepared_xacts)" in page
        assert "zzq" not in str(health) + page
    finally:
        with another_session(autocommit=True) as other:
            other.execute("ROLLBACK PREPARED 'of zzq@x.org'")
    assert in_the_end(tasks.compact)
    assert is_compacted(request)


@pytest.mark.sqlite
def test_a_reader_of_sqlite_keeps_its_log_and_with_it_the_purge(client, database_url, patience):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users_user").fetchone()
        request = purged()
        assert tasks.compact() is False
        assert not is_compacted(request)
        health, page = told(client)
        assert (health["not_cleaned_up"], health["clean_up_waits_for"][0]["kind"]) == (1, "reader")
        assert "its write-ahead log could not be emptied" in page
        reader.execute("ROLLBACK")
    assert tasks.compact() is True
    assert is_compacted(request)


def test_it_is_tried_again_when_nobody_is_in_the_way_but_not_all_the_time(patience):
    from purge.models import Lease
    from purge.selectors import clean_up_is_due
    from purge.worker.queue import enqueue_compaction
    from tests.purge.worker.test_supervisor import tasks_in_queue

    request = purged()
    assert not clean_up_is_due()  # its own task has not run yet
    PurgeRequest.objects.update(horizon=1)
    assert clean_up_is_due()
    Lease.objects.update_or_create(name="vacuum after purges", defaults={"until": timezone.now()})
    assert not clean_up_is_due()
    Lease.objects.update(until=timezone.now() - timedelta(minutes=2))
    assert clean_up_is_due()
    enqueue_compaction()
    enqueue_compaction()
    assert tasks_in_queue("purge.tasks.compact") == [()]
    assert tasks.compact() is True
    assert is_compacted(request)
    assert not clean_up_is_due()


@pytest.mark.postgresql
def test_what_holds_rows_back_is_told_by_kind_and_number_alone():
    from purge.database.horizon import HOLDERS, Holder, Kind, holders_before

    listed = [
        ("session", "71", 5.0, "4294967290"),  # before the numbers began anew
        ("session", "71", 5.0, "9"),
        ("slot", "standby_1", None, "4"),
        ("standby", "72", None, "11"),
    ]

    def rows(sql):
        return listed if sql == HOLDERS else [(str(2**32 + 20),)]

    assert holders_before(2**32 + 10, rows) == [
        Holder(Kind.SESSION, "71", 5),
        Holder(Kind.SLOT, "standby_1", None),
    ]
    assert holders_before(2**32 - 6, rows) == []
