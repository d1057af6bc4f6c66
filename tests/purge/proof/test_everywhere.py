"""Wherever a database can hold an address past the models, the proof meets it; a view that is made anew forgets it."""

import pytest
from django.db import connection

from purge import services
from purge.choices import Status, Verdict
from purge.database import dialect_of
from purge.models import PurgeRequest
from tests.factories.learning import PostFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from tests.purge.rules.test_what_a_database_holds import REASON, declared, make

VICTIM = "zzv@x.org"
#: Each is exempted, as by somebody who was sure that nobody would write there.
ON_POSTGRESQL = (
    ("ALTER TABLE learning_post ADD zzto zzwork DEFAULT 'for zzv@x.org'", "learning_post", "zzto"),
    ("ALTER TABLE learning_post ADD zzlist text[] DEFAULT '{a,zzv@x.org}'", "learning_post", "zzlist"),
    ("ALTER TABLE learning_post ADD zzwords tsvector DEFAULT '''a'':1 ''zzv@x.org'':2'", "learning_post", "zzwords"),
    ("ALTER TABLE learning_post ADD zzxml xml DEFAULT '<to>zzv@x.org</to>'", "learning_post", "zzxml"),
    ("ALTER TABLE learning_post ADD zzbytes bytea DEFAULT '\\x00ff7a7a7640782e6f726700'", "learning_post", "zzbytes"),
    ("ALTER TABLE learning_post ADD zzby zzperson DEFAULT '(7,zzv@x.org,)'", "learning_post", "zzby"),
    ("ALTER TABLE learning_post ADD zzin zzperson DEFAULT '(7,,\\\\x7a7a7640782e6f7267)'", "learning_post", "zzin"),
    ("ALTER TABLE learning_post ADD zzspan zzspan DEFAULT '[zzv@x.org,zzw@x.org)'", "learning_post", "zzspan"),
    ('ALTER TABLE learning_post ADD zzfacts json DEFAULT \'{"to": "zzv\\u0040x.org"}\'', "learning_post", "zzfacts"),
)
HSTORE = ("ALTER TABLE learning_post ADD zzmap hstore DEFAULT 'to => zzv@x.org'", "learning_post", "zzmap")


def exempt(*lines):
    """At a release without these words everything was accepted without a line."""
    try:
        from purge import rules
        from purge.rules import ExemptColumn
    except ImportError:
        return []
    assert ExemptColumn
    return [getattr(rules, name)(*words, REASON) for name, *words in lines]


def purge_of_the_victim(cast) -> PurgeRequest:
    victim = UserFactory(account=cast.acme, email=VICTIM, deleted=True)
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[victim.pk])
    w.run_to_end(request)
    return request


def residues(request) -> set[tuple[str, str]]:
    return set(request.residues.filter(gone_at=None).values_list("table", "column"))


@pytest.mark.postgresql
def test_whatever_holds_an_address_is_met(cast):
    PostFactory(board__account=cast.acme, author=cast.witness)
    plants = ON_POSTGRESQL
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'hstore'")
        if cursor.fetchone():
            cursor.execute("CREATE EXTENSION hstore")
            plants = (*plants, HSTORE)
    make("CREATE DOMAIN zzmail AS text; CREATE DOMAIN zzwork AS zzmail; CREATE TYPE zzspan AS RANGE (subtype = text)")
    make("CREATE TYPE zzperson AS (n int, mail text, raw bytea)")
    for statement, _table, _column in plants:
        make(statement)
    make("CREATE SCHEMA zzops; CREATE TABLE zzops.archive (who text)")
    make('CREATE TABLE zzops."A B" (x int, who varchar(99))')
    make("INSERT INTO zzops.archive VALUES ('zzo@x.org'), ('zzv@x.org')")
    make("INSERT INTO zzops.\"A B\" VALUES (1, 'zzv@x.org')")
    # Two rows of one name, of which the first mentions them.
    make("CREATE TABLE zzops.pairs (a int, b int, say text, PRIMARY KEY (a, b))")
    make("INSERT INTO zzops.pairs VALUES (1, 1, 'ask zzv@x.org'), (1, 2, 'ask zzo@x.org')")
    make("CREATE TABLE zzops.posts (zznote text) INHERITS (learning_post)")
    make("INSERT INTO zzops.posts SELECT *, 'from zzv@x.org' FROM ONLY learning_post LIMIT 1")
    make("CREATE MATERIALIZED VIEW zzops.people AS SELECT 'zzv@x.org'::varchar(254) AS who")
    # On the border of two pieces.
    make("SELECT lo_from_bytea(0, convert_to(repeat('x ', 65534) || 'zzv@x.org y', 'UTF8'))")
    lines = [("ExemptColumn", table, column) for _statement, table, column in plants]
    lines += [("ExemptTable", "zzops.*"), ("ExemptColumn", "zzops.posts", "zznote"), ("ExemptLargeObjects",)]
    with declared(EXEMPT=exempt(*lines)):
        request = purge_of_the_victim(cast)
        assert (request.status, request.residue_left) == (Status.RESIDUE, len(residues(request)))
        expected = {(table, column) for _statement, table, column in plants}
        expected |= {('"zzops"."archive"', "who"), ('"zzops"."A B"', "who"), ('"zzops"."pairs"', "say")}
        expected |= {('"zzops"."posts"', "zznote"), ('"zzops"."people"', "who"), ("pg_largeobject", "data")}
        assert residues(request) == expected
        assert VICTIM not in str(list(request.residues.values_list())) + str(list(request.ledger.values_list()))
        make("DROP MATERIALIZED VIEW zzops.people; DROP TABLE zzops.posts; DELETE FROM zzops.pairs WHERE b = 1")
        make('DROP TABLE zzops.archive; DROP TABLE zzops."A B"; SELECT lo_unlink(oid) FROM pg_largeobject_metadata')
        make("UPDATE learning_post SET zzto = 'for zzo@x.org', zzlist = NULL, zzwords = NULL, zzxml = NULL")
        make("UPDATE learning_post SET zzbytes = 'zzo@x.org', zzby = NULL, zzin = NULL, zzspan = NULL, zzfacts = NULL")
        if HSTORE in plants:
            make("UPDATE learning_post SET zzmap = 'to => zzo@x.org'")
        from purge.upkeep.patrol import patrol_all

        assert patrol_all().verdict == Verdict.CLEAN
        request.refresh_from_db()
        assert w.completed(request)


@pytest.mark.postgresql
@pytest.mark.parametrize("index", ["", "CREATE UNIQUE INDEX ON zzops.people (id)"])
def test_a_materialized_view_of_the_rules_is_made_anew_before_the_proof(cast, index):
    from purge import rules

    UserFactory(account=cast.acme, email="zzo@x.org")
    victim = UserFactory(account=cast.acme, email=VICTIM, deleted=True)
    make("CREATE SCHEMA zzops; CREATE MATERIALIZED VIEW zzops.people AS SELECT id, email FROM users_user")
    make("CREATE MATERIALIZED VIEW zzagain AS SELECT email FROM zzops.people")
    if index:
        make(index)
    views = [rules.RefreshedView("zzops.people"), rules.RefreshedView("zzagain"), rules.RefreshedView("zzdropped")]
    with declared(VIEWS=views):
        request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[victim.pk])
        assert w.completed(w.run_to_end(request))
    with connection.cursor() as cursor:
        for view in ("zzops.people", "zzagain"):
            cursor.execute(f"SELECT email FROM {view} WHERE email IN ('zzv@x.org', 'zzo@x.org')")
            assert cursor.fetchall() == [("zzo@x.org",)]


@pytest.mark.postgresql
def test_a_foreign_key_of_another_schema_is_known(db):
    make("CREATE SCHEMA zzops")
    make("CREATE TABLE zzops.link (id int PRIMARY KEY, person bigint REFERENCES users_user (id) DEFERRABLE)")
    keys = dialect_of(connection).read_catalog().keys_to("users_user")
    assert ('"zzops"."link"', "person") in {(key.table, key.column) for key in keys}


@pytest.mark.sqlite
def test_whatever_holds_an_address_is_met_on_sqlite(cast):
    PostFactory(board__account=cast.acme, author=cast.witness)
    make("ALTER TABLE learning_post ADD zzwords tsvector DEFAULT 'zzv@x.org'")
    make("ALTER TABLE learning_post ADD zzbytes blob DEFAULT x'00ff7a7a7640782e6f726700'")
    make("ALTER TABLE learning_post ADD zzsaid varchar(90) AS (body) VIRTUAL")
    make("CREATE TABLE zzhere (id text PRIMARY KEY, who text) WITHOUT ROWID")
    make("INSERT INTO zzhere VALUES ('a', 'zzv@x.org')")
    make("CREATE VIRTUAL TABLE zzindex USING fts5(body)")
    make("INSERT INTO zzindex VALUES ('ask zzv@x.org')")
    lines = [("ExemptColumn", "learning_post", "zzwords"), ("ExemptColumn", "learning_post", "zzbytes")]
    tables = ["zzhere", "zzindex", *(f"zzindex_{part}" for part in ("config", "content", "data", "docsize", "idx"))]
    with declared(EXEMPT=exempt(*lines, *(("ExemptTable", table) for table in tables))):
        request = purge_of_the_victim(cast)
        assert request.status == Status.RESIDUE
        assert residues(request) == {
            ("learning_post", "zzwords"),
            ("learning_post", "zzbytes"),
            ("zzhere", "who"),
            ("zzindex", "body"),
            ("zzindex_content", "c0"),
        }


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_another_file_that_the_connection_has_opened_is_one_of_its_places(tmp_path):
    cast = w.build_world()
    make(f"ATTACH '{tmp_path / 'other.sqlite3'}' AS zzother")
    try:
        make("CREATE TABLE zzother.archive (id integer PRIMARY KEY, who text)")
        make("INSERT INTO zzother.archive VALUES (7, 'zzv@x.org')")
        with declared(EXEMPT=exempt(("ExemptTable", "zzother.archive"))):
            request = purge_of_the_victim(cast)
            assert residues(request) == {('"zzother"."archive"', "who")}
        from purge.rules.coverage import all_gaps

        assert [gap.where for gap in all_gaps()] == ["zzother.archive"]
    finally:
        make("DETACH zzother")
