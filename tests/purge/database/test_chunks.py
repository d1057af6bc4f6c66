"""Many rows leave a part at a time, by statements that end with their transaction."""

import gc
import warnings

import psycopg
import pytest
from django.db import OperationalError, connection

from lms_purge.cleanup.csv_exports import people_rows
from purge.database.chunks import in_chunks, streamed
from tests.factories.users import AccountFactory, UserFactory
from users.models import DeletedUser, ImportLog, ImportRowError

pytestmark = pytest.mark.django_db


@pytest.fixture
def errors():
    """Some rows of bad lines of an import, by the database itself."""

    def make(number):
        log = ImportLog.objects.create(account=AccountFactory(), file="people.csv")
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE lines (line) AS (SELECT 1 UNION ALL SELECT line + 1 FROM lines WHERE line < %s)"
                " INSERT INTO users_importrowerror (log_id, line, reason) SELECT %s, line, 'no email' FROM lines",
                [number, log.pk],
            )
        return log

    return make


class Fetched:
    """Notes what each statement could bring: columns and rows."""

    def __init__(self):
        self.rows = []

    def __call__(self, execute, sql, params, many, context):
        done = execute(sql, params, many, context)
        cursor = context["cursor"]
        self.rows.append((len(cursor.description or ()), cursor.rowcount))
        return done


@pytest.mark.postgresql
def test_no_statement_brings_more_than_two_thousand_rows_behind_a_pooler(errors, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    log, fetched = errors(10_000), Fetched()
    with connection.execute_wrapper(fetched):
        lines = [error.line for error in in_chunks(log.row_errors.order_by("line", "pk"))]
    assert lines == list(range(1, 10_001))
    # Five parts; what the driver keeps of all rows is their numbers.
    assert sorted(fetched.rows) == [(1, 10_000), *[(4, 2_000)] * 5]


@pytest.mark.postgresql
def test_the_list_of_deleted_users_is_exported_a_part_at_a_time(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    monkeypatch.setattr(in_chunks, "__defaults__", (2,))
    account = AccountFactory()
    for name in ("Eve", "Cid", "Ann", "Dee", "Bob"):
        UserFactory(account=account, name=name, deleted=True)
    fetched = Fetched()
    with connection.execute_wrapper(fetched):
        rows = list(people_rows([DeletedUser.objects.filter(account=account).order_by("name")]))
    assert [row[0] for row in rows] == ["Ann", "Bob", "Cid", "Dee", "Eve"]
    assert max(number for columns, number in fetched.rows if columns > 1) == 2


def test_the_order_stays_and_who_leaves_meanwhile_does_not_come(errors):
    log = errors(7)
    backwards = in_chunks(log.row_errors.order_by("-line"), 3)
    assert [next(backwards).line for _ in range(3)] == [7, 6, 5]
    ImportRowError.objects.filter(log=log, line=3).delete()
    ImportRowError.objects.create(log=log, line=2, reason="again")
    assert [error.line for error in backwards] == [4, 2, 1]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_behind_the_last_row_is_an_error_that_callers_catch(errors, monkeypatch):
    """The supervisor of the worker lives on by it: it catches Django's errors, not the driver's."""
    log, config, real = errors(3), connection.settings_dict, psycopg.ServerCursor.fetchmany

    def fetched_and_lost(cursor, *args):
        rows = real(cursor, *args)
        if not rows:
            server = psycopg.connect(host=config["HOST"], port=config["PORT"], user=config["USER"], dbname="postgres")
            with server as outside:
                outside.execute("SELECT pg_terminate_backend(%s, 10000)", [cursor.connection.info.backend_pid])
        return rows

    monkeypatch.setattr(psycopg.ServerCursor, "fetchmany", fetched_and_lost)
    rows = streamed(ImportRowError.objects.filter(log=log).order_by("line"), 2)
    assert [next(rows).line for _ in range(3)] == [1, 2, 3]
    with pytest.raises(OperationalError):
        next(rows)
    connection.close()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # the driver's cursor stays open
        del rows
        gc.collect()
