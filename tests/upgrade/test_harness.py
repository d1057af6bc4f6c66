"""The old database is what it says, and an upgrade leads to what a fresh installation has."""

from django.db import connection


def test_the_database_of_the_first_release_has_its_tables_only(old_database):
    assert old_database.model("purge.PurgeRequest").objects.count() == 0
    tables = connection.introspection.table_names()
    assert "users_user" in tables
    assert "purge_installation" not in tables


def test_an_upgrade_keeps_the_rows_and_runs_all_migrations(old_database):
    account = old_database.account(name="Acme")
    old_database.user(account, "Ann@X.org", key="ann@x.org", name="Ann")
    old_database.upgrade()
    from users.models import User

    ann = User.objects.get()
    assert (ann.name, ann.email, ann.email_key, ann.account.name) == ("Ann", "Ann@X.org", "ann@x.org", "Acme")
    assert "purge_installation" in connection.introspection.table_names()


def test_each_test_has_a_database_of_its_own(old_database):
    assert old_database.model("users.User").objects.count() == 0
