"""What somebody has made in the database past the models: a rule, an exemption with a reason, or nothing is purged."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from django.core import checks
from django.db import connection

from purge import services
from purge.choices import Status
from purge.rules.coverage import all_gaps
from purge.rules.registry import Registry, rule_modules, set_registry
from purge.services.refusals import PurgeRefused

REASON = "empty but for numbers, as those who made it say"
#: What is made, how it is called where it is refused, and what is in force after a line that exempts it.
POSTGRESQL = {
    "materialized view": ("CREATE MATERIALIZED VIEW zzpeople AS SELECT id, email FROM users_user", "zzpeople"),
    "table of another schema": ("CREATE SCHEMA zzops; CREATE TABLE zzops.archive (id int, who text)", "zzops.archive"),
    "materialized view of another schema": (
        "CREATE SCHEMA zzops; CREATE MATERIALIZED VIEW zzops.people AS SELECT email FROM users_user",
        "zzops.people",
    ),
    "column": ("ALTER TABLE users_user ADD zznickname text", "users_user.zznickname"),
    "column of a list": ("ALTER TABLE users_user ADD zzlist varchar(50)[]", "users_user.zzlist"),
    "column of a word index": ("ALTER TABLE learning_post ADD zzwords tsvector", "learning_post.zzwords"),
    "column of XML": ("ALTER TABLE learning_post ADD zzxml xml", "learning_post.zzxml"),
    "column of bytes": ("ALTER TABLE learning_post ADD zzbytes bytea", "learning_post.zzbytes"),
    "column of a domain": (
        "CREATE DOMAIN zzmail AS text; CREATE DOMAIN zzwork AS zzmail; ALTER TABLE learning_post ADD zzto zzwork",
        "learning_post.zzto",
    ),
    "column of a row": (
        "CREATE TYPE zzperson AS (n int, mail text); ALTER TABLE learning_post ADD zzby zzperson",
        "learning_post.zzby",
    ),
    "column of a span": (
        "CREATE TYPE zzspan AS RANGE (subtype = text); ALTER TABLE learning_post ADD zzfromto zzspan",
        "learning_post.zzfromto",
    ),
    "column of an heir": (
        "CREATE SCHEMA zzops; CREATE TABLE zzops.posts (zznote text) INHERITS (learning_post)",
        "zzops.posts.zznote",
    ),
    "trigger": (
        "CREATE FUNCTION zzcopy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN OLD; END$$;"
        "CREATE TRIGGER zzaudit BEFORE DELETE ON users_user FOR EACH ROW EXECUTE FUNCTION zzcopy()",
        "users_user (zzaudit)",
    ),
    "rule": ("CREATE RULE zzalso AS ON DELETE TO users_user DO ALSO NOTIFY zzgone", "users_user (zzalso)"),
    "key that cascades": (
        "ALTER TABLE learning_comment ADD CONSTRAINT zzgoes FOREIGN KEY (post_id) REFERENCES learning_post (id) "
        "ON DELETE CASCADE",
        "learning_post (learning_comment.zzgoes)",
    ),
    "foreign table": (
        "CREATE FOREIGN DATA WRAPPER zzaway; CREATE SERVER zzthere FOREIGN DATA WRAPPER zzaway;"
        "CREATE FOREIGN TABLE zzfar (id int, who text) SERVER zzthere",
        "zzfar",
    ),
    "large object": ("SELECT lo_from_bytea(0, 'a picture'::bytea)", "large objects"),
}
SQLITE = {
    "trigger": (
        "CREATE TRIGGER zzaudit AFTER DELETE ON users_user BEGIN SELECT 1; END",
        "users_user (zzaudit)",
    ),
    "column": ("ALTER TABLE users_user ADD zznickname text", "users_user.zznickname"),
    "column of an unknown type": ("ALTER TABLE learning_post ADD zzwords tsvector", "learning_post.zzwords"),
    "column of bytes": ("ALTER TABLE learning_post ADD zzbytes blob", "learning_post.zzbytes"),
    "virtual table": ("CREATE VIRTUAL TABLE zzwords USING fts5(body)", "zzwords"),
    "key that cascades": (
        "ALTER TABLE users_user ADD zzpost bigint REFERENCES learning_post (id) ON DELETE SET NULL",
        "learning_post (users_user.zzpost)",
    ),
}
#: What holds nothing of its own: no line is needed.
HARMLESS = {
    "a view": "CREATE VIEW zzpeople AS SELECT id, email FROM users_user",
    "a column of numbers": "ALTER TABLE users_user ADD zzscore integer",
    "a column of moments": "ALTER TABLE users_user ADD zzseen date",
}
HARMLESS_ON_POSTGRESQL = {
    "a generated column": "ALTER TABLE users_user ADD zzlower text GENERATED ALWAYS AS (lower(email)) STORED",
    "a list of numbers": "ALTER TABLE users_user ADD zzscores integer[]",
    "a span of moments": "ALTER TABLE users_user ADD zzaway tstzrange",
    "a choice of fixed words": "CREATE TYPE zzmood AS ENUM ('so', 'lala'); ALTER TABLE users_user ADD zzmood zzmood",
    "an opaque number": "ALTER TABLE learning_post ADD zznumber uuid",
    "an heir without columns of its own": "CREATE TABLE zzposts () INHERITS (learning_post)",
    "a trigger that is off": (
        "CREATE FUNCTION zzcopy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN OLD; END$$;"
        "CREATE TRIGGER zzaudit BEFORE DELETE ON users_user FOR EACH ROW EXECUTE FUNCTION zzcopy();"
        "ALTER TABLE users_user DISABLE TRIGGER zzaudit"
    ),
    "a key that refuses": (
        "ALTER TABLE learning_comment ADD CONSTRAINT zzstays FOREIGN KEY (post_id) REFERENCES learning_post (id) "
        "ON DELETE RESTRICT"
    ),
    "a table that another session has for the moment": "CREATE TEMPORARY TABLE zzmine (who text)",
}


def make(statements: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(statements)
        else:
            # Else a table whose keys are still to be checked lets nobody change it.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for statement in statements.split(";") if connection.vendor != "sqlite" and "$$" not in statements else ():
            cursor.execute(statement)
        if "$$" in statements:
            cursor.execute(statements)


def exemption_of(where: str):
    from purge.rules import ExemptColumn, ExemptLargeObjects, ExemptSideEffect, ExemptTable

    if where == "large objects":
        return ExemptLargeObjects(REASON)
    if where.endswith(")"):
        table, _bracket, name = where.rstrip(")").partition(" (")
        return ExemptSideEffect(table, name, REASON)
    if ("." in where and not where.startswith("zzops.")) or where.count(".") == 2:
        table, _dot, column = where.rpartition(".")
        return ExemptColumn(table, column, REASON)
    return ExemptTable(where, REASON)


@contextmanager
def declared(**lists):
    set_registry(Registry([*rule_modules(), SimpleNamespace(**lists)]))
    try:
        yield
    finally:
        set_registry(None)


def submit(cast):
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])


def said_by_the_check() -> dict[str, str]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return {message.msg: message.hint for message in found if message.id in ("purge.E004", "purge.E013")}


def is_named_until_it_is_exempt(statements, where):
    make(statements)
    places = [where]
    if where == "zzwords":  # an index of words has tables of its own
        places += [f"zzwords_{part}" for part in ("config", "content", "data", "docsize", "idx")]
    said = said_by_the_check()
    assert len(said) == len(places)
    (text,) = [text for text in said if text.startswith(f"{where} ")]
    assert "reason=" in said[text]
    with declared(EXEMPT=[exemption_of(place) for place in places]):
        assert said_by_the_check() == {}


@pytest.mark.postgresql
@pytest.mark.parametrize("what", POSTGRESQL)
def test_what_no_rule_accounts_for_is_named_until_somebody_gives_a_reason(db, what):
    is_named_until_it_is_exempt(*POSTGRESQL[what])


@pytest.mark.sqlite
@pytest.mark.parametrize("what", SQLITE)
def test_the_same_on_sqlite(db, what):
    is_named_until_it_is_exempt(*SQLITE[what])


@pytest.mark.parametrize("what", HARMLESS)
def test_what_holds_nothing_of_its_own_needs_no_line(db, what):
    make(HARMLESS[what])
    assert said_by_the_check() == {}


@pytest.mark.postgresql
@pytest.mark.parametrize("what", HARMLESS_ON_POSTGRESQL)
def test_nor_does_it_on_postgresql(db, what):
    make(HARMLESS_ON_POSTGRESQL[what])
    assert said_by_the_check() == {}


def test_meanwhile_nothing_is_purged_and_with_a_reason_it_is(cast, django_assert_num_queries):
    there = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
    for what in ("column", "trigger"):
        make(there[what][0])
    with pytest.raises(PurgeRefused, match="Purging is paused") as refused:
        submit(cast)
    for what in ("column", "trigger"):
        assert there[what][1] in refused.value.details
    with declared(EXEMPT=[exemption_of(there[what][1]) for what in ("column", "trigger")]):
        assert all_gaps() == []
        with django_assert_num_queries(1):
            assert all_gaps() == []
        assert submit(cast).status == Status.QUEUED


@pytest.mark.postgresql
def test_a_schema_that_the_role_may_not_read_is_somebody_elses(db):
    make("CREATE SCHEMA zzops; CREATE TABLE zzops.archive (id int, who text); CREATE ROLE zzproduct")
    make("GRANT ALL ON SCHEMA public TO zzproduct; GRANT ALL ON ALL TABLES IN SCHEMA public TO zzproduct")
    make("SET ROLE zzproduct")
    try:
        assert said_by_the_check() == {}
        make("RESET ROLE; GRANT USAGE ON SCHEMA zzops TO zzproduct; SET ROLE zzproduct")
        assert said_by_the_check() == {}
        make("RESET ROLE; GRANT SELECT (who) ON zzops.archive TO zzproduct; SET ROLE zzproduct")
        assert [text.split()[0] for text in said_by_the_check()] == ["zzops.archive"]
    finally:
        make("RESET ROLE")


@pytest.mark.postgresql
def test_rows_that_row_security_hides_are_not_taken_for_rows_that_are_not_there(db):
    """It hides without an error: a proof would find nothing, and call that clean."""
    from purge.rules import ExemptTable

    make("CREATE ROLE zzproduct")
    make("GRANT ALL ON SCHEMA public TO zzproduct; GRANT ALL ON ALL TABLES IN SCHEMA public TO zzproduct")
    make("CREATE SCHEMA zzops; GRANT USAGE ON SCHEMA zzops TO zzproduct; CREATE TABLE zzops.notes (id int, say text)")
    make("GRANT SELECT ON zzops.notes TO zzproduct; ALTER TABLE zzops.notes ENABLE ROW LEVEL SECURITY")
    make("ALTER TABLE learning_comment ENABLE ROW LEVEL SECURITY; SET ROLE zzproduct")
    hidden = "has row security, which hides rows from this role"
    try:
        said = said_by_the_check()
        assert [text.split()[0] for text in said] == ["learning_comment", "zzops.notes"]
        assert all(hidden in text and "BYPASSRLS" in said[text] for text in said)
        with declared(EXEMPT=[ExemptTable("zzops.notes", REASON)]):
            assert [text.split()[0] for text in said_by_the_check()] == ["learning_comment"]
            # Whoever sees all of its rows, as a table's owner does, has nothing to fear.
            make("RESET ROLE; ALTER ROLE zzproduct BYPASSRLS; SET ROLE zzproduct")
            assert said_by_the_check() == {}
    finally:
        make("RESET ROLE")


@pytest.mark.postgresql
def test_all_of_a_schema_is_exempted_in_one_line(db):
    from purge.rules import ExemptTable

    make(
        "CREATE SCHEMA zzcron; CREATE TABLE zzcron.job (id int, what text); CREATE TABLE zzcron.run (id int, say text)"
    )
    with declared(EXEMPT=[ExemptTable("zzcron.*", REASON)]):
        assert said_by_the_check() == {}
        make("CREATE SCHEMA zzcrons; CREATE TABLE zzcrons.job (id int, what text)")
        assert [text.split()[0] for text in said_by_the_check()] == ["zzcrons.job"]


def test_an_exemption_without_a_reason_is_none(db):
    from purge.rules import ExemptColumn

    make("ALTER TABLE users_user ADD zznickname text")
    with declared(EXEMPT=[ExemptColumn("users_user", "zznickname", "tbd")]):
        assert [(gap.id, gap.where) for gap in all_gaps()] == [("purge.E003", "users_user.zznickname")]


@pytest.mark.sqlite
def test_a_model_s_table_without_row_numbers_is_refused(db):
    """Made anew so by somebody who was after its size."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'learning_mention'")
        ((sql,),) = cursor.fetchall()
        cursor.execute("DROP TABLE learning_mention")
        cursor.execute(sql.replace(" AUTOINCREMENT", "") + " WITHOUT ROWID")
    ((text, hint),) = said_by_the_check().items()
    assert text == "learning_mention is a table WITHOUT ROWID, from which no purge can delete."
    assert "with row numbers" in hint


@pytest.mark.postgresql
def test_a_detached_partition_is_a_table_of_its_own(db):
    make("CREATE TABLE zzlog (at int) PARTITION BY RANGE (at)")
    make("CREATE TABLE zzlog_1 PARTITION OF zzlog FOR VALUES FROM (1) TO (2)")
    assert [text.split()[0] for text in said_by_the_check()] == ["zzlog"]
    make("ALTER TABLE zzlog DETACH PARTITION zzlog_1")
    assert [text.split()[0] for text in said_by_the_check()] == ["zzlog", "zzlog_1"]


def test_a_field_of_an_unknown_type_needs_a_rule_and_one_of_numbers_does_not():
    from django.db import models

    from purge.rules.coverage import kind_of

    class Words(models.Field):
        def db_type(self, connection):
            return "tsvector"

    assert kind_of(Words()) == "a column of a type that may hold texts"
    for field in (models.IntegerField(), models.DateField(), models.UUIDField(), models.BooleanField()):
        assert kind_of(field) is None
