"""That the searches which must not grow with the database go by their index, and that rows do not make statements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from lms_purge.cleanup.listing import listing
from purge import services, tasks
from purge.addresses.index import index_name
from purge.models import PurgeRequest
from purge.routes.scope import Scope
from purge.rules.registry import get_registry
from purge.run import engine, sweep
from purge.steps.addresses import AddressStep, candidates, text_column
from purge.steps.plan import steps_with_work
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, LoginEventFactory, UserFactory
from users.models import DeletedUser, User
from users.selectors import people_found

ROWS = 20_000


def plans_of(captured: CaptureQueriesContext, table: str) -> list[str]:
    """How PostgreSQL would run each captured statement that reads a table."""
    plans = []
    for query in captured.captured_queries:
        sql = query["sql"]
        if f'"{table}"' in sql and sql.lstrip().startswith(("SELECT", "WITH")):
            with connection.cursor() as cursor:
                # The text is one of Django's own, with its values in it: nothing is bound.
                cursor.execute("EXPLAIN " + sql.replace("%", "%%"), [])
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
    return plans


# ---------------------------------------------------------------- finding mentions


@pytest.fixture
def many_comments(db) -> Scope:
    """Thousands of comments that mention somebody, one of them the person looked for."""
    comment = CommentFactory(body="Ask somebody1@company.example, please.")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO learning_comment (post_id, author_id, body, removed, created_at) "
            "SELECT %s, %s, 'Ask first.last' || n || '@company.example, please.', false, now() "
            "FROM generate_series(1, %s) n",
            [comment.post_id, comment.author_id, ROWS],
        )
        cursor.execute("ANALYZE learning_comment")
    return Scope(
        addresses=frozenset(f"first.last{n}@company.example" for n in range(7, 7000, 140)),
        requesting_account_id=comment.post.board.account_id,
    )


@pytest.mark.postgresql
def test_mentions_are_found_by_the_address_index(many_comments):
    entry = get_registry().entries["learning.Comment"]
    with CaptureQueriesContext(connection) as captured:
        found = candidates(entry, many_comments, after=0, limit=2_000).pks
    assert len(found) == len(many_comments.addresses)
    (plan,) = plans_of(captured, "learning_comment")
    assert index_name(text_column(entry.columns["body"])) in plan
    assert "Seq Scan on learning_comment" not in plan


@pytest.mark.postgresql
def test_asking_all_tables_at_once_goes_by_the_index_too(many_comments):
    steps = [AddressStep(entry) for entry in get_registry().ordered if entry.addresses]
    with CaptureQueriesContext(connection) as captured:
        assert steps_with_work(steps, many_comments) == {"learning.Comment#addresses"}
    (plan,) = plans_of(captured, "learning_comment")
    assert "Seq Scan on learning_comment" not in plan


# ---------------------------------------------------------------- the list of deleted users


@pytest.fixture(scope="module")
def two_accounts(django_db_setup, django_db_blocker) -> Iterator[int]:
    """An account with thousands of deleted users among another's, made once; its id."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _many_deleted()
        transaction.set_rollback(True)


@pytest.fixture
def many_deleted(two_accounts: int, db) -> int:
    return two_accounts


def _many_deleted() -> int:
    accounts = [AccountFactory(), AccountFactory()]
    with connection.cursor() as cursor:
        for account in accounts:
            cursor.execute(
                "INSERT INTO users_user (password, is_superuser, login_id, public_id, account_id, kind, state, name, "
                "email, email_key, unique_user_id, unique_id_sort, profile, registered, source, added_at, locale, "
                "time_zone, bio, avatar, is_support, deleted_at, deleted_month) "
                "SELECT '!', false, %s || n, gen_random_uuid(), %s, 'internal', 'deleted', 'Person ' || n, "
                "'p' || n || '@people.example', 'p' || n || '@people.example', 'U' || n, 'u' || lpad(n::text, 6, '0'), "
                "'', false, 'csv', now(), 'en', '', '', '', false, "
                "timestamptz '2026-01-15 12:00:00+00' + n * interval '1 minute', "
                "'2026-' || to_char(1 + n %% 12, 'FM00') FROM generate_series(1, %s) n",
                [f"{account.pk}-", account.pk, ROWS],
            )
        cursor.execute("ANALYZE users_user")
    return accounts[0].pk


@pytest.mark.postgresql
@pytest.mark.parametrize("sort", ["date", "-date", "uid", "-uid"])
@pytest.mark.parametrize("month", ["", "2026-03"])
def test_the_list_of_deleted_users_is_read_by_an_index(many_deleted, sort, month):
    rows = DeletedUser.objects.filter(account_id=many_deleted, deleted_at__isnull=False)
    middle = rows.filter(deleted_month=month).order_by("pk")[400] if month else rows.order_by("pk")[10_000]
    for place in ("", f"&after={middle.pk}", f"&before={middle.pk}"):
        with CaptureQueriesContext(connection) as captured:
            page = listing(rows, account_id=many_deleted, data=QueryDict(f"sort={sort}&month={month}{place}"))
        assert len(page.rows) == 50
        plans = plans_of(captured, "users_user")
        assert plans
        for plan in plans:
            assert "Seq Scan on users_user" not in plan, plan
            # A page is taken from the index in its order: nothing sorts twenty thousand rows.
            assert "Sort Key" not in plan or "Incremental Sort" in plan, plan


@pytest.mark.postgresql
@pytest.mark.parametrize("text", ["U01700", "p17001@", "Person 1700", "17001"])
def test_a_search_by_a_beginning_goes_by_the_indexes(many_deleted, text):
    rows = DeletedUser.objects.filter(account_id=many_deleted, deleted_at__isnull=False)
    with CaptureQueriesContext(connection) as captured:
        found = list(people_found(rows, text).order_by("-deleted_at")[:51])
    assert found
    (plan,) = plans_of(captured, "users_user")
    assert "Seq Scan on users_user" not in plan
    for index in ("email_key", "uid", "users_by_folded_name", "users_by_later_names", "users_by_last_name"):
        assert index in plan, plan


def test_a_search_by_a_beginning_goes_by_the_indexes_of_sqlite_too(db):
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's own plan")
    account = AccountFactory()
    UserFactory.create_batch(100, account=account, deleted=True)
    rows = people_found(DeletedUser.objects.filter(account=account, deleted_at__isnull=False), "ann")
    sql, params = rows.order_by("-deleted_at")[:51].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        plan = "\n".join(row[3] for row in cursor.fetchall())
    assert "MULTI-INDEX OR" in plan, plan
    for index in ("users_by_uid", "users_by_folded_name", "users_by_later_names", "users_by_last_name"):
        assert index in plan, plan
    assert "SCAN users_user" not in plan


# ---------------------------------------------------------------- statements do not grow with rows


def _purge(admin: User, *people: User) -> int:
    """Purge deleted people; how many statements it took from acceptance to the proof."""
    with CaptureQueriesContext(connection) as captured:
        purge_request = services.purge_submit(
            acting_user=admin, account_id=admin.account_id, user_ids=[person.pk for person in people]
        )
        tasks.run_request(purge_request.pk)
    assert PurgeRequest.objects.get(pk=purge_request.pk).status == "completed"
    return len(captured)


def _deleted_with(account, number: int) -> User:
    """A deleted user with so many sign-ins, comments, and texts of others that mention him."""
    person = UserFactory(account=account, deleted=True)
    colleague = UserFactory(account=account)
    LoginEventFactory.create_batch(number, user=person)
    CommentFactory.create_batch(number, author=person, post__board__account=account)
    CommentFactory.create_batch(
        number, author=colleague, post__board__account=account, body=f"Ask {person.email}, please."
    )
    CommentFactory.create_batch(
        number, author=colleague, post__board__account=account, body=f"/form?to={person.email}, please."
    )
    return person


@pytest.mark.django_db
def test_a_purge_takes_as_many_statements_for_many_rows_as_for_few(monkeypatch):
    # Pieces are cut by the clock: on a busy machine one more would be one more round of statements.
    for seconds in ("CHUNK_SECONDS", "FIRST_CHUNK_SECONDS", "WHOLE_SECONDS"):
        monkeypatch.setattr(sweep, seconds, 30.0)
    monkeypatch.setattr(engine, "PLAN_SECONDS", 30.0)
    account = AccountFactory()
    admin = AdministratorFactory(account=account)
    few, some, many = (_deleted_with(account, number) for number in (3, 3, 40))
    # An address that stays in the texts: else the last purge's patrol meets none in them, and fetches once less.
    CommentFactory(author=admin, post__board__account=account, body="Ask nobody@elsewhere.example, please.")
    _purge(admin, few)  # what is asked once a process
    assert _purge(admin, many) == _purge(admin, some)
