"""A backup is restored in each way, on real servers: nobody who was purged comes back unnoticed, and all of them go."""

import contextlib
import sqlite3

import pytest
from django.db import connection

from tests.drills import ways
from tests.drills.servers import has_backup_programs

PEOPLE = 2


def check(outcome: ways.Outcome) -> None:
    assert (outcome.people, outcome.signed_in_before) == (PEOPLE, PEOPLE)
    assert (outcome.back, outcome.signed_in_unfenced) == (PEOPLE, PEOPLE), "this restore brings nobody back"
    assert outcome.signed_in_fenced == 0
    assert outcome.left == []


# A database is asked for so that its tables can be copied; the drills work in others.
@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_put_back(django_db_setup, django_db_blocker, tmp_path):
    with django_db_blocker.unblock(), contextlib.closing(sqlite3.connect(tmp_path / "tables.sqlite3")) as tables:
        connection.ensure_connection()
        connection.connection.backup(tables)
        check(ways.put_a_file_back(tmp_path, tmp_path / "tables.sqlite3", PEOPLE))


@pytest.fixture(scope="module")
def site(django_db_setup, django_db_blocker, tmp_path_factory):
    """A server of its own, for all of them: the one of the tests has neither archive nor standby."""
    if not has_backup_programs():
        pytest.skip("this PostgreSQL has no pg_dump, pg_restore and pg_basebackup")
    with django_db_blocker.unblock():
        tables = connection.settings_dict["NAME"]
        with ways.site(tmp_path_factory.mktemp("drills"), tables, PEOPLE) as ready:
            yield ready


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("way", ways.TO_A_SERVER)
def test_a_server_that_is_restored(site, way):
    check(ways.drill_of_server(site, way))
