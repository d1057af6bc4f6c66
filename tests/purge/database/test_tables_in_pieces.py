"""Tables with partitions or heirs, where an address on the disk, or a primary key, is unique in one piece only.

Colleagues' rows are planted at the very addresses, and with the very numbers, that the victim's rows have.
"""

import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from messaging.models import Announcement
from purge import services
from purge.choices import Status
from purge.models import PurgeStep
from purge.run import sweep
from purge.steps import plan, work
from tests.factories.messaging import AnnouncementFactory
from tests.factories.users import LoginEventFactory, UserAuditFactory
from tests.purge import world as w
from users.models import LoginEvent, UserAudit

pytestmark = pytest.mark.usefixtures("aside_is_exempted")

NOVEMBER = datetime(2025, 11, 15, 12, tzinfo=UTC)
MONTHS = range(1, 13)


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def partition_by_month(schema: str) -> None:
    """Make the table of sign-ins one of twelve partitions, with names that have to be quoted."""
    run(
        f'CREATE SCHEMA IF NOT EXISTS "{schema}"',
        "CREATE SCHEMA aside",
        "ALTER TABLE users_loginevent SET SCHEMA aside",
        "CREATE SEQUENCE aside.numbers",
        "CREATE TABLE users_loginevent (LIKE aside.users_loginevent) PARTITION BY RANGE (at)",
        "ALTER TABLE users_loginevent ALTER id SET DEFAULT nextval('aside.numbers')",
        "CREATE INDEX ON users_loginevent (user_id)",
        "ALTER TABLE users_loginevent ADD FOREIGN KEY (user_id) REFERENCES users_user (id)",
    )
    for month in MONTHS:
        end = f"2025-{month + 1:02}-01" if month < 12 else "2026-01-01"
        run(
            f'CREATE TABLE "{schema}"."Sign-ins 100 % of {month:02}" PARTITION OF users_loginevent '
            f"FOR VALUES FROM ('2025-{month:02}-01') TO ('{end}')"
        )


def no_partitions_any_more(schema: str) -> None:
    run(
        "DROP TABLE users_loginevent",
        "ALTER TABLE aside.users_loginevent SET SCHEMA public",
        "DROP SCHEMA aside CASCADE",
        f'DROP SCHEMA "{schema}"',
    )


def sign_ins_of_everybody(world: w.World) -> None:
    """Twenty of the victim's in November, and forty of a colleague's in every month but that."""
    LoginEventFactory.create_batch(20, user=world.ann, at=NOVEMBER)
    for month in MONTHS:
        if month != 11:
            LoginEventFactory.create_batch(40, user=world.witness, at=NOVEMBER.replace(month=month))


def purged(world: w.World):
    purge_request = services.purge_submit(acting_user=world.admin, account_id=world.acme.pk, user_ids=[world.ann.pk])
    w.run_to_end(purge_request)
    purge_request.refresh_from_db()
    return purge_request


@pytest.mark.postgresql
@pytest.mark.parametrize("schema", ["public", "old times"])
def test_of_twelve_partitions_only_the_victims_rows_go(cast, schema):
    partition_by_month(schema)
    sign_ins_of_everybody(cast)
    with CaptureQueriesContext(connection) as captured:
        purge_request = purged(cast)
    assert w.completed(purge_request)
    assert LoginEvent.objects.filter(user_id=cast.ann.pk).count() == 0
    assert LoginEvent.objects.filter(user_id=cast.witness.pk).count() == 440
    step = purge_request.steps.get(key="users.LoginEvent.user")
    assert (step.planned, step.late, step.done) == (20, 0, 20)
    # One look for all partitions, and one statement for the one that had something.
    named = f'"{schema}"' if schema != "public" else "public"
    deleting = [query["sql"] for query in captured if query["sql"].startswith("DELETE") and "Sign-ins" in query["sql"]]
    assert len(deleting) == 1
    assert deleting[0].startswith(f'DELETE FROM ONLY {named}."Sign-ins 100 % of 11" WHERE ctid = ANY(')
    choosing = [query["sql"] for query in captured if "tableoid" in query["sql"] and "users_loginevent" in query["sql"]]
    assert len(choosing) == 1


@pytest.mark.postgresql
def test_rows_of_one_person_in_every_partition_go_in_pieces(cast, monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK_ROWS", 7)
    partition_by_month("public")
    for month in MONTHS:
        LoginEventFactory.create_batch(5, user=cast.ann, at=NOVEMBER.replace(month=month))
        LoginEventFactory.create_batch(5, user=cast.witness, at=NOVEMBER.replace(month=month))
    purge_request = purged(cast)
    assert w.completed(purge_request)
    assert LoginEvent.objects.filter(user_id=cast.ann.pk).count() == 0
    assert LoginEvent.objects.filter(user_id=cast.witness.pk).count() == 60
    step = purge_request.steps.get(key="users.LoginEvent.user")
    assert (step.planned, step.done) == (60, 60)


@pytest.mark.postgresql
def test_rows_of_a_table_that_inherits_stay_when_they_are_not_the_victims(cast):
    """The heirs' rows have the same addresses and the same primary keys as the victim's."""
    run("CREATE SCHEMA archive")
    sign_ins = LoginEventFactory.create_batch(20, user=cast.ann)
    audit = UserAuditFactory(user=cast.bob, actor=cast.ann)
    announcement = AnnouncementFactory(account=cast.acme, author=cast.admin, title="T", body=f"Ask {w.ANN}")
    run(
        "CREATE TABLE archive.sign_ins () INHERITS (users_loginevent)",
        "CREATE TABLE archive.audits () INHERITS (users_useraudit)",
        "CREATE TABLE archive.announcements () INHERITS (messaging_announcement)",
        f"INSERT INTO archive.sign_ins SELECT * FROM ONLY users_loginevent WHERE id >= {sign_ins[0].pk}",
        f"INSERT INTO archive.audits SELECT * FROM ONLY users_useraudit WHERE id = {audit.pk}",
        f"INSERT INTO archive.announcements SELECT * FROM ONLY messaging_announcement WHERE id = {announcement.pk}",
        f"UPDATE archive.sign_ins SET user_id = {cast.witness.pk}",
        f"UPDATE archive.audits SET actor_id = {cast.witness.pk}, user_id = {cast.nobody[0].pk}",
        "UPDATE archive.announcements SET body = 'A colleague wrote this'",
    )
    assert w.completed(purged(cast))
    assert LoginEvent.objects.filter(user_id=cast.ann.pk).count() == 0
    assert LoginEvent.objects.filter(user_id=cast.witness.pk).count() == 20
    assert list(UserAudit.objects.filter(pk=audit.pk, user=cast.nobody[0]).values_list("actor", flat=True)) == [
        cast.witness.pk
    ]
    bodies = Announcement.objects.filter(pk=announcement.pk).values_list("body", flat=True)
    assert sorted(bodies) == ["A colleague wrote this", "Ask [erased]"]


@pytest.mark.postgresql
def test_every_statement_that_deletes_by_address_asks_whose_the_row_is(furnished):
    """What a session gave to somebody else while the statement waited is not theirs any more; minor releases of
    PostgreSQL before 15.15 and 17.7 do not see that by the address."""
    purge_request = services.purge_submit(
        acting_user=furnished.admin, account_id=furnished.acme.pk, user_ids=[furnished.ann.pk]
    )
    with CaptureQueriesContext(connection) as captured:
        w.run_to_end(purge_request)
    assert w.completed(purge_request)
    deleting = [query["sql"] for query in captured if query["sql"].startswith("DELETE") and "ctid" in query["sql"]]
    assert len(deleting) > 5
    asks_again = re.compile(r'WHERE ctid = ANY\(.*\) AND \("\w+" = ANY\([^)]*\)\) IS TRUE( RETURNING .*)?$')
    assert [sql for sql in deleting if not asks_again.search(sql)] == []


@pytest.mark.postgresql
def test_the_condition_does_not_make_the_planner_compare_all_with_all(cast):
    """However few rows the statistics promise, they are fetched by their addresses."""
    LoginEventFactory.create_batch(3, user=cast.ann)
    run(
        "INSERT INTO users_loginevent (user_id, at, user_agent, success) "
        f"SELECT {cast.witness.pk}, now(), 'a browser', true FROM generate_series(1, 10000)"
    )
    with CaptureQueriesContext(connection) as captured:
        assert w.completed(purged(cast))
    (sql,) = [query["sql"] for query in captured if query["sql"].startswith('DELETE FROM "users_loginevent"')]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + sql.replace("%", "%%"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Tid Scan on users_loginevent" in plan


# ---------------------------------------------------------------- never more than was planned


@pytest.mark.parametrize("written_late", [0, 1, 7])
def test_rows_written_after_the_plan_are_counted_as_such_and_go(cast, monkeypatch, written_late):
    LoginEventFactory.create_batch(5, user=cast.ann)
    real, written = plan.run_step, []

    def while_somebody_writes(step, run, **kwargs):
        if not written:
            written.extend(LoginEventFactory.create_batch(written_late, user=cast.ann) or [None])
        return real(step, run, **kwargs)

    monkeypatch.setattr(sweep, "run_step", while_somebody_writes)
    purge_request = purged(cast)
    assert w.completed(purge_request)
    step = purge_request.steps.get(key="users.LoginEvent.user")
    assert (step.planned, step.late, step.done) == (5, written_late, 5 + written_late)
    assert LoginEvent.objects.filter(user_id=cast.ann.pk).count() == 0


@pytest.mark.parametrize("small", [False, True])
def test_a_step_that_does_more_than_planned_is_taken_back_and_stops_the_request(cast, monkeypatch, small):
    if small:
        monkeypatch.setattr(sweep, "CHUNK_ROWS", 7)
        monkeypatch.setattr(sweep, "WHOLE_ROWS", 7)
    LoginEventFactory.create_batch(3, user=cast.ann)
    LoginEventFactory.create_batch(30, user=cast.witness)
    real = plan.run_step

    def takes_the_colleagues_too(step, run, *, limit, cursor=0):
        outcome = real(step, run, limit=limit, cursor=cursor)
        if step.key == "users.LoginEvent.user":
            more, _by_model = LoginEvent.objects.filter(user=cast.witness).delete()
            return work.Outcome(outcome.rows + more, outcome.exhausted)
        return outcome

    monkeypatch.setattr(sweep, "run_step", takes_the_colleagues_too)
    purge_request = purged(cast)
    assert (purge_request.status, purge_request.error_class, purge_request.error_step, purge_request.attempts) == (
        Status.NEEDS_ATTENTION,
        "MoreRowsThanPlanned",
        "users.LoginEvent.user",
        1,
    )
    assert LoginEvent.objects.filter(user=cast.witness).count() == 30
    assert LoginEvent.objects.filter(user=cast.ann).count() == 3
    assert PurgeStep.objects.get(request=purge_request, key="users.LoginEvent.user").done == 0
    # With the fault mended, "Try again" takes it to its end, and the colleague keeps what is theirs.
    monkeypatch.setattr(sweep, "run_step", real)
    services.purge_retry(acting_user=None, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    assert LoginEvent.objects.filter(user=cast.witness).count() == 30
