"""A new installation makes its tables at once, an earlier release by all migrations: both end with the same tables."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.templates import as_default, copy_of, migrate

#: As PostgreSQL itself writes them down. An index on a column of addresses is named by what it is made for.
COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, is_nullable,
           column_default, collation_name, is_identity
    FROM information_schema.columns WHERE table_schema = 'public'"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace"""
TRIGGERS = "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
FUNCTIONS = "SELECT proname, pg_get_functiondef(oid), '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
#: Made by a command of its own, not by a migration.
CACHE = "lms_cache"


def tables():
    """Everything that is said of the tables, whatever order it was made in."""
    with connection.cursor() as cursor:

        def rows(sql):
            cursor.execute(sql)
            return {tuple(map(str, row)) for row in cursor.fetchall()}

        if connection.vendor == "postgresql":
            return {sql: rows(sql) for sql in (COLUMNS, INDEXES, CONSTRAINTS, TRIGGERS, FUNCTIONS)}
        said = rows("SELECT tbl_name, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')")
        found = {"indexes": {row for row in said if row[0] != CACHE}}
        for name in set(connection.introspection.table_names(cursor)) - {CACHE}:
            columns = rows(f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo('{name}')")
            points = rows(f'SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(\'{name}\')')
            constraints = connection.introspection.get_constraints(cursor, name)
            checks = {key for key, each in constraints.items() if each["check"]}
            found[name] = columns, points, checks
        return found


@pytest.fixture
def new_one(templates, tmp_path):
    """The name of a database that was migrated from nothing."""
    with copy_of(templates.get("migrated", migrate), tmp_path / "new.sqlite3") as name:
        yield name


def test_an_upgraded_database_has_the_tables_of_a_new_one(old_database, new_one):
    old_database.upgrade()
    upgraded, theirs = tables(), set(MigrationRecorder(connection).applied_migrations())
    with as_default(new_one):
        call_command("migrate", verbosity=0, interactive=False)
        made, ours = tables(), set(MigrationRecorder(connection).applied_migrations())
    assert upgraded.keys() == made.keys()
    for part, said in made.items():
        assert upgraded[part] == said, part
    # Whichever way, nothing is left to do: a later release goes on from both.
    assert theirs == ours
