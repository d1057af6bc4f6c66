"""What finds addresses in the database is made by migrate: another release, server or Python is noticed until then."""

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from tests.purge.rules.test_what_a_database_holds import make

NAMED = "What finds addresses in the database was made by another release, PostgreSQL or Python, or is not there."


def said() -> list[tuple[str, str]]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [(message.msg, message.hint) for message in found if message.id == "purge.E014"]


def rows(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def is_mended_by_migrating() -> bool:
    call_command("migrate", verbosity=0, skip_checks=False)
    return said() == []


@pytest.mark.postgresql
def test_functions_of_another_server_are_noticed_and_made_anew_by_migrate(db):
    """As pg_restore and pg_upgrade bring them from one version into another."""
    assert said() == []
    functions = rows(
        "SELECT p.oid::regprocedure::text, d.description FROM pg_proc p"
        " JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass"
        " WHERE p.proname LIKE 'purge\\_emails\\_in%'"
    )
    assert len(functions) == 2
    function, remembered = functions[0]
    make(f"COMMENT ON FUNCTION {function} IS '{remembered.replace('PostgreSQL 1', 'PostgreSQL 3')}'")
    ((text, hint),) = said()
    assert text == NAMED
    assert "manage.py migrate" in hint
    assert is_mended_by_migrating()


def test_an_index_that_is_not_there_is_noticed_and_made_anew_by_migrate(db):
    assert said() == []
    found = (
        "SELECT indexname FROM pg_indexes" if connection.vendor == "postgresql" else "SELECT name FROM sqlite_master"
    )
    (index, *_more) = (name for (name,) in rows(found) if name.startswith("purge_address_"))
    make(f'DROP INDEX "{index}"')
    assert [text for text, _hint in said()] == [NAMED]
    assert is_mended_by_migrating()


def test_what_the_rules_do_not_know_keeps_nobody_from_migrating(db):
    make("CREATE TABLE zzforgotten (who text)")
    with pytest.raises(SystemCheckError, match="zzforgotten"):
        call_command("check", databases=["default"])
    call_command("migrate", verbosity=0, skip_checks=False)
