"""What PostgreSQL's planner remembers of values: after a purge it knows nobody any more."""

import pytest
from django.db import connection, transaction

from purge import services, tasks
from purge.models import PurgeRequest
from tests.factories.users import UserFactory
from tests.purge import world as w

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

VICTIM, OTHER, SHARED = "zzv@x.org", "zzo@x.org", "zzs@x.org"
#: The address, the former one, the name; no text that is by chance like it.
PERSON = "zzv[.@ ]"


def ask(request: PurgeRequest):
    from purge.proof.remembered.statistics import ask

    return ask([request])


@pytest.fixture
def statistics_class():
    from purge.database.statistics import Statistics

    return Statistics


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rows(sql: str) -> list:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def who_remembers(word: str) -> set[str]:
    """The statistics that say this word, asked as any owner may ask: columns, indexes, columns together."""
    samples = "coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, '')"
    return {
        name
        for (name,) in rows(
            f"SELECT tablename || '.' || attname FROM pg_stats WHERE schemaname = 'public'"
            f" AND {samples} || coalesce(most_common_elems::text, '') ~ '{word}'"
            f" UNION ALL SELECT statistics_name FROM pg_stats_ext WHERE most_common_vals::text ~ '{word}'"
        )
    }


def indexes() -> set[tuple]:
    """Name and health of every index, and what it is made on. (A condition is written otherwise where it is kept.)"""
    return set(
        rows(
            "SELECT c.relname, i.indisvalid, i.indisunique, split_part(pg_get_indexdef(c.oid), ' WHERE ', 1)"
            " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace"
        )
    )


@pytest.fixture
def completed(settings) -> PurgeRequest:
    """A completed purge of somebody whom all statistics knew; one of whom another enterprise has a user; and another
    person of whom texts of the same tables speak."""
    settings.PURGE_RATE_GUARD = settings.PURGE_RATE_GUARD_TRIAL = 1_000_000
    cast = w.build_world()
    victim = UserFactory(account=cast.acme, email=VICTIM, name="zzv Archer", former=["zzv.former@x.org"], deleted=True)
    shared = UserFactory(account=cast.acme, email=SHARED, deleted=True)
    UserFactory(account=cast.globex, email=SHARED)
    w.point_everywhere(victim, cast.witness)
    w.mention_everywhere(cast.acme, cast.witness, VICTIM)
    # As people type it: which writing a column has otherwise depends on the account's number.
    w.mention_in_comment(cast, VICTIM)
    w.mention_in_comment(cast, OTHER)
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[victim.pk, shared.pk])
    execute("CREATE STATISTICS zztogether (mcv) ON kind, value FROM purge_identifier", "ANALYZE")
    assert w.completed(w.run_to_end(request))
    yield request
    execute("DROP STATISTICS IF EXISTS zztogether")


def test_after_a_purge_no_statistic_knows_the_person_and_everybody_else_stays_known(completed):
    before = who_remembers(PERSON)
    expected = {"users_user.email", "purge_identifier.value", "zztogether", "learning_comment.body"}
    assert expected <= before
    assert any("purge_address_" in name for name in before)
    names = indexes()
    assert tasks.compact() is True
    assert who_remembers(PERSON) == set()
    assert "learning_comment.body" in who_remembers(OTHER)
    # A user of another enterprise has this one.
    assert "users_user.email" in who_remembers(SHARED)
    completed.refresh_from_db()
    assert completed.compacted_at is not None
    assert indexes() == names


def test_a_statistic_that_nobody_renews_keeps_a_purge_from_being_done_with_it(completed, monkeypatch, statistics_class):
    found = {each.relation for each in ask(completed).found}
    assert {"public.users_user", "public.purge_identifier", "public.zztogether"} <= found
    assert any("purge_address_" in relation for relation in found)
    monkeypatch.setattr(statistics_class, "_attempt", lambda *args: None)
    assert tasks.compact() is False
    completed.refresh_from_db()
    assert completed.compacted_at is None
    monkeypatch.undo()
    assert tasks.compact() is True
    completed.refresh_from_db()
    assert completed.compacted_at is not None
    assert (ask(completed).found, ask(completed).unreached) == ((), ())


@pytest.mark.parametrize("last", ["ALTER INDEX", "DROP INDEX"])
def test_whoever_is_killed_between_two_indexes_leaves_nothing_wrong(completed, monkeypatch, statistics_class, last):
    if connection.pg_version >= 180_000:
        pytest.skip("nothing is made anew there")
    names, real = indexes(), statistics_class._execute

    def execute_until(self, statement):
        if statement.startswith(last):
            raise KeyboardInterrupt
        real(self, statement)

    monkeypatch.setattr(statistics_class, "_execute", execute_until)
    with pytest.raises(KeyboardInterrupt):
        tasks.compact()
    assert {name for name, *_rest in names} <= {name for name, *_rest in indexes()}
    assert indexes() != names
    monkeypatch.undo()
    assert tasks.compact() is True
    assert indexes() == names
    assert who_remembers(PERSON) == set()


def test_what_a_role_may_not_read_is_not_reached_and_says_so(completed):
    execute("CREATE ROLE zzreader", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO zzreader")
    try:
        with transaction.atomic():
            execute("REVOKE SELECT ON messaging_maillog FROM zzreader", "SET LOCAL ROLE zzreader")
            asked = ask(completed)
            execute("RESET ROLE")
        assert "public.messaging_maillog" in asked.unreached
        assert any("purge_address_" in relation for relation in asked.unreached)
        assert "public.users_user" not in asked.unreached
        assert "public.users_user" in {each.relation for each in asked.found}
    finally:
        execute("DROP OWNED BY zzreader", "DROP ROLE zzreader")
