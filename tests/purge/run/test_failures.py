"""What is said of a failure: true numbers, the error's class and what refused, in the log too; no value of a row."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from purge import services, tasks
from purge.choices import Status
from purge.models import PurgeRequest
from purge.run import claims
from purge.run.failures import Failure, failure_of
from tests.factories.learning import EnrolmentFactory
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def refusing_table(transactional_db):
    """Makes a table whose rows somebody's trigger does not let go, in words that name a person: after the request was
    accepted, since none is accepted while there is a trigger that no rule accounts for."""
    said = f"not for {w.ANN}"

    def make():
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                    f"$$BEGIN RAISE EXCEPTION '{said}' USING ERRCODE = 'P0001'; END$$"
                )
                cursor.execute(
                    "CREATE TRIGGER refuse BEFORE DELETE ON learning_enrolment FOR EACH ROW EXECUTE FUNCTION refuse()"
                )
            else:
                cursor.execute(
                    "CREATE TRIGGER refuse BEFORE DELETE ON learning_enrolment "
                    f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
                )

    yield make
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER refuse ON learning_enrolment")
            cursor.execute("DROP FUNCTION refuse")
        else:
            cursor.execute("DROP TRIGGER refuse")


@pytest.fixture
def cast(transactional_db):
    return w.build_world()


def submit(cast, *people):
    return services.purge_submit(
        acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk for person in people]
    )


def until_it_stops(purge_request):
    for _n in range(claims.MAX_ATTEMPTS):
        assert tasks.run_request(purge_request.pk) == "failed"
        PurgeRequest.objects.filter(pk=purge_request.pk).update(next_attempt_at=None)
    purge_request.refresh_from_db()
    assert purge_request.status == Status.NEEDS_ATTENTION


def page(client, user, purge_request) -> str:
    client.force_login(user)
    text = client.get(f"/admin/purge/purgerequest/{purge_request.pk}/change/").content.decode()
    return re.sub(r"\s+", " ", text)


@pytest.fixture
def support(cast):
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)


def test_when_the_database_refuses_a_row_the_numbers_are_true(refusing_table, cast, client, support, caplog):
    EnrolmentFactory(user=cast.ann)
    purge_request = submit(cast, cast.ann, cast.bob)
    refusing_table()
    until_it_stops(purge_request)
    # Two of the account and four matches in trials; nobody is gone.
    assert User.objects.filter(pk__in=purge_request.subjects.values("person_id")).count() == 7  # one of them is kept
    own, theirs = page(client, cast.admin, purge_request), page(client, support, purge_request)
    assert "Nobody is erased yet: 2 people are still there." in own
    assert "Nobody is erased yet: 6 people are still there." in theirs
    for text in (own, theirs):
        assert "Everybody else is gone" not in text
        assert "ann@" not in text
    error = purge_request.error_class
    assert error in ("IntegrityError", "InternalError", "DatabaseError", "ProgrammingError")
    assert f"{purge_request.reference}: {error}, step " in theirs
    if connection.vendor == "postgresql":
        assert "state P0001" in theirs


def test_a_failure_leaves_lines_in_the_log_with_the_request_id(refusing_table, cast, caplog):
    EnrolmentFactory(user=cast.ann)
    purge_request = submit(cast, cast.ann)
    refusing_table()
    caplog.clear()
    until_it_stops(purge_request)
    about = [record for record in caplog.records if purge_request.reference in record.getMessage()]
    levels = [record.levelname for record in about if record.name == "purge.run.claims"]
    assert levels == ["WARNING", "WARNING", "WARNING", "WARNING", "ERROR"]
    for record in about:
        assert "ann@" not in record.getMessage()
    assert f"failed, attempt 1 of 5: {purge_request.error_class}" in about[0].getMessage()
    assert any("stopped and needs help" in record.getMessage() for record in about)
    assert w.ANN not in caplog.text


def test_one_who_stays_is_counted_and_what_holds_them_is_named(cast, client, support, caplog):
    purge_request = submit(cast, cast.ann, cast.bob)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE odd_badge (id integer PRIMARY KEY, owner bigint NOT NULL CONSTRAINT odd_badge_owner "
            "REFERENCES users_user (id))"
        )
        cursor.execute("INSERT INTO odd_badge VALUES (1, %s)", [cast.bob.pk])
    try:
        w.run_to_end(purge_request)
        assert (purge_request.status, purge_request.error_class) == (Status.NEEDS_ATTENTION, "PersonCannotBeDeleted")
        own, theirs = page(client, cast.admin, purge_request), page(client, support, purge_request)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE odd_badge")
    assert "the table “odd_badge” still refers to them" in own
    assert "1 person is erased, 1 is still there." in own
    assert "5 people are erased, 1 is still there." in theirs
    assert f"{purge_request.reference}: PersonCannotBeDeleted, step odd_badge" in theirs
    if connection.vendor == "postgresql":
        assert "constraint odd_badge_owner" in theirs
        assert "state 23503" in theirs
    assert "constraint odd_badge_owner" not in own
    [line] = [
        r.getMessage() for r in caplog.records if r.levelname == "ERROR" and purge_request.reference in r.getMessage()
    ]
    assert "PersonCannotBeDeleted" in line
    assert "odd_badge" in line


def test_when_all_are_gone_and_the_rest_fails_that_is_said(cast, client):
    purge_request = submit(cast, cast.ann)
    purge_request.subjects.update(fate="erased")
    PurgeRequest.objects.filter(pk=purge_request.pk).update(status=Status.NEEDS_ATTENTION, error_class="WorkerDied")
    assert "1 person is erased, nobody is left." in page(client, cast.admin, purge_request)


def test_a_waiting_attempt_counts_too(cast, client):
    purge_request = submit(cast, cast.ann)
    PurgeRequest.objects.filter(pk=purge_request.pk).update(
        error_class="ZeroDivisionError", attempts=1, next_attempt_at=purge_request.accepted_at + timedelta(days=1)
    )
    assert "Nobody is erased yet: 1 person is still there." in page(client, cast.admin, purge_request)


# ---------------------------------------------------------------- names, never values


def test_of_a_refusal_only_names_are_known(cast):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.filter(pk=cast.ann.pk).update(email_key=cast.admin.email_key)
    failure = failure_of(caught.value)
    assert failure.error == "IntegrityError"
    assert "admin@acme" not in f"{failure} {failure.facts}"
    if connection.vendor == "postgresql":
        assert (failure.state, failure.constraint, failure.table) == (
            "23505",
            "users_user_email_in_account",
            "users_user",
        )
    else:
        assert failure.constraint == "unique users_user.account_id, users_user.email_key"


def test_a_message_of_somebody_elses_making_is_not_repeated():
    cause = DatabaseError("UNIQUE constraint failed: ann@x.org")
    try:
        raise IntegrityError("UNIQUE constraint failed: ann@x.org") from cause
    except IntegrityError as error:
        assert failure_of(error) == Failure("IntegrityError")
    assert failure_of(ValueError("ann@x.org")) == Failure("ValueError")


# ---------------------------------------------------------------- what no new attempt changes


@pytest.fixture
def published(transactional_db):
    """A table that is published for replication, in a way that lets nobody delete its rows."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE learning_enrolment REPLICA IDENTITY NOTHING")
        cursor.execute("CREATE PUBLICATION zzout FOR TABLE learning_enrolment")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP PUBLICATION IF EXISTS zzout")
        cursor.execute("ALTER TABLE learning_enrolment REPLICA IDENTITY DEFAULT")


@pytest.mark.postgresql
def test_a_table_that_is_published_without_identity_is_said_in_its_own_words_at_once(published, cast, client, support):
    EnrolmentFactory(user=cast.ann)
    purge_request = submit(cast, cast.ann)
    assert tasks.run_request(purge_request.pk) == "failed"
    purge_request.refresh_from_db()
    assert (purge_request.status, purge_request.attempts) == (Status.NEEDS_ATTENTION, 1)
    for text in (page(client, cast.admin, purge_request), page(client, support, purge_request)):
        assert "The database lets no row of “learning_enrolment” be deleted or changed as that is set up" in text
        assert "could not be reached" not in text
    assert "state 55000" in page(client, support, purge_request)
    with connection.cursor() as cursor:
        cursor.execute("DROP PUBLICATION zzout")
    services.purge_retry(acting_user=None, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))


@pytest.mark.postgresql
def test_a_missing_right_is_said_in_its_own_words_at_once(cast, client, support):
    EnrolmentFactory(user=cast.ann)
    purge_request = submit(cast, cast.ann)
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE zzproduct")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO zzproduct")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO zzproduct")
        cursor.execute("REVOKE DELETE ON learning_enrolment FROM zzproduct")
        try:
            cursor.execute("SET ROLE zzproduct")
            assert tasks.run_request(purge_request.pk) == "failed"
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY zzproduct")
            cursor.execute("DROP ROLE zzproduct")
    purge_request.refresh_from_db()
    assert (purge_request.status, purge_request.attempts) == (Status.NEEDS_ATTENTION, 1)
    assert "does not give this product the rights that it needs on “learning_enrolment”" in page(
        client, cast.admin, purge_request
    )
