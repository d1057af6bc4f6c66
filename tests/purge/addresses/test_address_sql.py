"""The database's side of the definition: a superset of Python's, total, and kept by an index."""

import json
import sqlite3
from contextlib import closing

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from purge.addresses import address_key, cannot_mention, emails_in, emails_in_json, index, sql
from purge.addresses.index import (
    TextColumn,
    candidates_where,
    create_functions,
    drop_indexes,
    drop_unneeded_indexes,
    ensure_indexes,
    index_name,
    missing_indexes,
)
from purge.addresses.sql import json_function, text_function
from tests.purge.addresses.test_addresses import ADDRESSES, ANN, ANOTHER, MENTIONED, POISON, TEXTS, WRITINGS
from tests.purge.addresses.test_embedded import EMBEDDED, TWINS

NOTE = TextColumn("address_index_note", "body")
FACTS = TextColumn("address_index_note", "facts", is_json=True)
# One example after the other on one connection: nothing is left behind by a SELECT.
ON_ONE_CONNECTION = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def query(sql: str, params=()):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else None


def storable(text: str) -> str:
    """PostgreSQL's texts hold neither NUL nor half surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def found_in(text: str) -> set[str]:
    ((found,),) = query(f"SELECT {text_function()}(%s)", [text])
    return set(found)


def found_in_json(value) -> set[str]:
    ((found,),) = query(f"SELECT {json_function()}(%s::jsonb)", [json.dumps(value)])
    return set(found)


@pytest.fixture
def functions(db) -> None:
    create_functions(connection)


@pytest.fixture
def notes(functions) -> None:
    """A table with a text and a JSON column, five rows, and their indexes where the database has such."""
    kind = "jsonb" if connection.vendor == "postgresql" else "text"
    query(f"CREATE TABLE address_index_note (id integer PRIMARY KEY, body varchar(500), facts {kind})")
    rows = [
        (1, "to ann%40x.org", {"a": 1}),
        (2, "to joann@x.org", {"note": ["line\nANN@x.org"]}),
        (3, "nobody", {"jürgen@x.org": None}),
        (4, None, None),
        (5, "J&Uuml;RGEN&commat;x.org and bob@x.org", []),
    ]
    for number, body, facts in rows:
        query(
            "INSERT INTO address_index_note VALUES (%s, %s, %s)",
            [number, body, facts if facts is None else json.dumps(facts)],
        )
    ensure_indexes(connection, [NOTE, FACTS])


def candidates(column: TextColumn, *keys: str) -> set[int]:
    where, params = candidates_where(connection, column, keys)
    return {number for (number,) in query(f"SELECT id FROM {column.table} WHERE {where}", params)}


# ---------------------------------------------------------------- the function


@pytest.mark.postgresql
@pytest.mark.parametrize(("text", "key"), [case for case in MENTIONED if storable(case[0]) == case[0]])
def test_every_writing_is_found(functions, text: str, key: str) -> None:
    assert emails_in(text) <= found_in(text)
    assert key in found_in(text)
    assert key in found_in_json({"deep": [text]})
    assert key in found_in_json({text: 1})


@pytest.mark.postgresql
def test_near_misses_are_mostly_no_candidates(functions) -> None:
    """It may find more, but an index that finds everything would find nothing quickly."""
    assert sum(ANN in found_in(text) for text in ANOTHER) < len(ANOTHER) / 2
    for text in ("joann@x.org", "jo.ann@x.org", "ann+x@x.org", "ann@x.org.au", "ann@x.community", "o'ann@x.org"):
        assert ANN not in found_in(text)


@pytest.mark.postgresql
@ON_ONE_CONNECTION
@given(TEXTS.map(storable))
@example("&#0;&#55296;&#x110000;&#9999999;\\u0000\\ud800%00%FF%ED%A0%80%F4%90%80%80=00=FF@x")
@example("a\u0300@x.org\u05b0 \u1e9e@x.org")
def test_no_text_raises_and_nothing_is_missed(functions, text: str) -> None:
    assert emails_in(text) <= found_in(text)


@pytest.mark.postgresql
@ON_ONE_CONNECTION
@given(ADDRESSES, WRITINGS, TEXTS.map(storable))
def test_an_address_in_any_writing_is_found(functions, address, writing, rest) -> None:
    text = f"{rest}\n<{writing(address)}>"
    assert address_key(address) in found_in(text)
    assert emails_in(text) <= found_in(text)


@pytest.mark.postgresql
@ON_ONE_CONNECTION
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS.map(storable),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS.map(storable), inner, max_size=3),
        max_leaves=6,
    )
)
@example({"note": 'line\nann@x.org "\\', "ann=": "\n40x.org", "b": "bob=40x.org"})
def test_json_is_walked_and_nothing_is_missed(functions, value) -> None:
    assert emails_in_json(value) <= found_in_json(value)


#: Values of properties that tell somebody, and of others; digests, opaque ids, and what is nearly one.
_IDS = st.one_of(
    st.sampled_from(
        [
            "U-1001",
            " u-1001\u202c",
            "İLK-ID",
            "Straße-7",
            "ÅNGSTRÖM",
            "a\u0301bcd",
            "CORP\\\\ann",
            'q"uote',
            "7",
            1001,
            10.5,
            True,
        ]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.integers(),
    st.booleans(),
)
_NAMES = st.sampled_from(
    [
        "employeeNumber",
        "employee_number",
        "EMPLOYEE-ID",
        "userName",
        "name",
        "homePage",
        "https://x.org/ext#staffId",
        "room",
    ]
)
_HEXADECIMAL = st.sampled_from(
    ["d249273c41f89b03bc92f5bf33fa4b96", "D249273C41F89B03BC92F5BF33FA4B96", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"]
)
_AROUND_DIGITS = st.sampled_from(["", " ", "_", "/", "$", "f", "-", "é", "@", "\n", "=40"])
_RECORDS = st.recursive(
    st.dictionaries(_NAMES, _IDS, max_size=4), lambda inner: st.dictionaries(_NAMES, inner, max_size=3), max_leaves=6
)


@pytest.mark.postgresql
@ON_ONE_CONNECTION
@given(_RECORDS)
@example({"account": {"homePage": "https://x.org", "name": "U-1001"}})
@example({"k: 1": ": 7", "employeeNumber": "U-1001"})
def test_ids_under_properties_that_tell_somebody_are_found(functions, value) -> None:
    assert emails_in_json(value) <= found_in_json(value)


@pytest.mark.postgresql
@ON_ONE_CONNECTION
@given(st.lists(st.tuples(_AROUND_DIGITS, _HEXADECIMAL, _AROUND_DIGITS), min_size=1, max_size=3))
def test_digests_and_opaque_ids_are_found(functions, pieces) -> None:
    text = "".join("".join(piece) for piece in pieces)
    assert emails_in(text) <= found_in(text)
    assert emails_in_json({"a": [text]}) <= found_in_json({"a": [text]})


_EMBEDDED = st.sampled_from([*EMBEDDED, *TWINS])


@pytest.mark.postgresql
@ON_ONE_CONNECTION
@given(st.lists(st.tuples(_AROUND_DIGITS, _EMBEDDED, _AROUND_DIGITS), min_size=1, max_size=3), st.sampled_from("= +#,"))
def test_addresses_within_others_are_found(functions, pieces, between) -> None:
    text = between.join("".join(piece) for piece in pieces)
    assert emails_in(text) <= found_in(text)
    assert emails_in_json([text]) <= found_in_json([text])


@pytest.mark.sqlite
@ON_ONE_CONNECTION
@given(st.lists(st.tuples(_AROUND_DIGITS, _HEXADECIMAL, _AROUND_DIGITS), min_size=1, max_size=3))
def test_on_sqlite_digests_and_opaque_ids_are_candidates(db, pieces) -> None:
    text = "".join("".join(piece) for piece in pieces)
    if emails_in(text):
        where = index.may_contain_address("body").replace("%", "%%")
        assert query(f"SELECT 1 FROM (SELECT %s AS body) WHERE {where}", [text])
        assert not any(cannot_mention(text, frozenset({key})) for key in emails_in(text))


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("ann@x.org", True),
        ("ann\uff20x.org", True),
        ("ann&#64;x.org", True),
        ("ann%40x.org", True),
        ("ann\\u0040x.org", True),
        ("ann=40x.org", True),
        ("5d41402abc4b2a76b9719d911017c592", True),
        ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", True),
        ("f81d4fae-7dec-11d0-a765", False),
        ("5d41402abc4b2a76b9719d911017c59", False),
        ("Ann Archer, x.org #1 (active)", False),
    ],
)
def test_python_says_of_a_text_what_the_database_says(db, text: str, may: bool) -> None:
    where = index.may_contain_address("body").replace("%", "%%")
    assert index.may_contain(text) is may
    assert bool(query(f"SELECT 1 FROM (SELECT %s AS body) WHERE {where}", [text])) is may


@pytest.mark.postgresql
def test_json_of_any_depth_that_the_database_takes(functions) -> None:
    ((found,),) = query(f"SELECT {json_function()}((repeat('[', 5000) || '\"ann@x.org\"' || repeat(']', 5000))::jsonb)")
    assert found == [ANN]


@pytest.mark.postgresql
def test_null_mentions_nothing(functions) -> None:
    assert query(f"SELECT {text_function()}(NULL), {json_function()}(NULL), {json_function()}('null')") == [
        (None, None, [])
    ]


@pytest.mark.postgresql
@pytest.mark.parametrize("poison", POISON.split(" "))
def test_poison_can_be_inserted(notes, poison: str) -> None:
    """A quadratic step would take a day; a key too long for the index would refuse the row."""
    query("ALTER TABLE address_index_note ALTER body TYPE text")
    text = poison * (20_000 // len(poison)) + " ann@x.org"
    query("INSERT INTO address_index_note VALUES (6, %s, %s)", [text, json.dumps({text: [text]})])
    assert candidates(NOTE, ANN) == {1, 6}
    assert candidates(FACTS, ANN) == {2, 6}


@pytest.mark.postgresql
def test_case_is_folded_whatever_the_locale(functions) -> None:
    for capital, key in (("ÄÖÜ@x.org", "äöü@x.org"), ("ЖУК@x.org", "жук@x.org"), ("İ@x.org", "i̇@x.org")):
        assert key == address_key(capital)
        assert key in found_in(f"to {capital}.")
    for collation in ("C", "POSIX", "ucs_basic"):
        ((found,),) = query(f"SELECT {text_function()}('to ÄÖÜ@x.org.' COLLATE \"{collation}\")")
        assert "äöü@x.org" in found


@pytest.mark.postgresql
def test_it_works_with_an_empty_search_path(functions) -> None:
    """As pg_dump restores: nothing but what is qualified is found."""
    ((schema,),) = query("SELECT current_schema()")
    with transaction.atomic():
        query("SELECT set_config('search_path', '', true)")
        rows = query(f"""SELECT {schema}.{text_function()}('ann%%2540x.org &#64; É@x.org \\u0041@x \\ud83d\\ude00'),
            {schema}.{json_function()}('{{"a": "ann=40x.org"}}')""")
        query(f"SET LOCAL search_path TO {schema}")
    assert ANN in rows[0][0]
    assert ANN in rows[0][1]


# ---------------------------------------------------------------- the index


def test_rows_that_mention_a_key_are_candidates(notes) -> None:
    assert candidates(NOTE, ANN) >= {1}
    assert candidates(NOTE, ANN, "bob@x.org", "jürgen@x.org") >= {1, 5}
    assert candidates(FACTS, ANN) >= {2}
    assert candidates(FACTS, "jürgen@x.org") >= {3}
    assert not candidates(NOTE, ANN) & {3, 4}


@pytest.mark.postgresql
def test_the_index_finds_only_rows_with_the_key(notes) -> None:
    assert candidates(NOTE, ANN) == {1}
    assert candidates(NOTE, "joann@x.org", "nobody@x.org") == {2}
    assert candidates(FACTS, ANN) == {2}
    assert candidates(NOTE) == set()
    assert candidates(NOTE, "\ud800@x.org", "a\0@x.org") == set()


@pytest.mark.postgresql
@pytest.mark.parametrize("column", [NOTE, FACTS], ids=lambda column: column.column)
def test_the_index_answers_the_search(notes, column: TextColumn) -> None:
    query("SET LOCAL enable_seqscan TO off")
    where, params = candidates_where(connection, column, [ANN])
    plan = "\n".join(line for (line,) in query(f"EXPLAIN SELECT id FROM {column.table} WHERE {where}", params))
    assert index_name(column) in plan
    assert "Seq Scan" not in plan


@pytest.mark.postgresql
def test_a_changed_row_is_found_by_its_new_text_only(notes) -> None:
    query("UPDATE address_index_note SET body = 'carl@x.org' WHERE id = 1")
    assert candidates(NOTE, "carl@x.org") == {1}
    assert candidates(NOTE, ANN) == set()


def test_missing_indexes_are_named_made_and_dropped(notes) -> None:
    assert missing_indexes(connection, [NOTE, FACTS]) == []
    drop_indexes(connection, [NOTE])
    assert missing_indexes(connection, [NOTE, FACTS]) == [NOTE]
    assert ensure_indexes(connection, [NOTE, FACTS, NOTE]) == [NOTE]
    assert ensure_indexes(connection, [NOTE, FACTS]) == []
    dropped = drop_unneeded_indexes(connection, [FACTS])
    assert index_name(NOTE) in dropped
    assert index_name(FACTS) not in dropped
    assert missing_indexes(connection, [NOTE, FACTS]) == [NOTE]


@pytest.mark.postgresql
def test_a_broken_off_build_counts_as_missing_and_is_made_again(notes) -> None:
    query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [index_name(NOTE)])
    assert missing_indexes(connection, [NOTE, FACTS]) == [NOTE]
    assert ensure_indexes(connection, [NOTE, FACTS]) == [NOTE]
    assert candidates(NOTE, ANN) == {1}


@pytest.mark.postgresql
def test_a_changed_function_rebuilds_the_indexes_made_with_the_old_one(notes) -> None:
    assert create_functions(connection) is False
    query(
        f"CREATE OR REPLACE FUNCTION {text_function()}(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT"
        " AS $$ SELECT '{}'::text[] $$"
    )
    query(f"COMMENT ON FUNCTION {text_function()}(text) IS 'an old version'")
    query(f"REINDEX INDEX {index_name(NOTE)}")
    query("SET LOCAL enable_seqscan TO off")
    assert candidates(NOTE, ANN) == set()
    assert create_functions(connection) is True
    assert candidates(NOTE, ANN) == {1}


@pytest.mark.postgresql
def test_a_new_definition_stands_beside_the_old_one_until_its_indexes_are_made(notes, monkeypatch) -> None:
    """As while an upgrade runs: today's indexes are those of the release before, and its processes still search."""
    before = (text_function(), index_name(NOTE))
    for module in (sql, index):
        monkeypatch.setattr(module, "definition", lambda: "0123abcd")
    after = (text_function(), index_name(NOTE))
    assert text_function() == "purge_emails_in_0123abcd"
    assert before[0] != after[0] and before[1] != after[1]
    with CaptureQueriesContext(connection) as made:
        index.replace_indexes(connection, [NOTE, FACTS])
    statements = [query["sql"] for query in made]
    kinds = [statement.split()[0] for statement in statements if before[1] in statement or after[1] in statement]
    assert kinds == ["DROP", "CREATE", "DROP"]  # what a broken-off build left; the new one; at last the old one
    assert candidates(NOTE, ANN) == {1}
    # A search of the release before is slow, and right.
    assert query(f"SELECT id FROM address_index_note WHERE {before[0]}(body) && '{{ann@x.org}}'") == [(1,)]
    assert missing_indexes(connection, [NOTE, FACTS]) == []
    index.replace_indexes(connection, [NOTE, FACTS])
    gone = query("SELECT count(*) FROM pg_proc WHERE proname = %s", [before[0]])
    assert gone == [(0,)]
    assert candidates(NOTE, ANN) == {1}


@pytest.mark.sqlite
def test_on_sqlite_a_search_reads_the_rows_that_could_hold_an_address_and_no_others(notes) -> None:
    where, params = candidates_where(connection, NOTE, [ANN])
    (plan,) = query(f"EXPLAIN QUERY PLAN SELECT id FROM address_index_note WHERE {where}", params)
    assert f"USING INDEX {index_name(NOTE)}" in plan[-1]
    assert candidates(NOTE, ANN) == {1, 2, 5}
    query("UPDATE address_index_note SET body = 'carl@x.org' WHERE id = 3")
    assert candidates(NOTE, ANN) == {1, 2, 3, 5}


@pytest.mark.sqlite
def test_on_sqlite_other_programs_can_write_to_an_indexed_table(notes, tmp_path) -> None:
    """The index is made with functions that every SQLite has."""
    with closing(sqlite3.connect(tmp_path / "elsewhere.sqlite3")) as elsewhere:
        elsewhere.execute("CREATE TABLE address_index_note (id integer PRIMARY KEY, body text, facts text)")
        for statement in index.index_statements(connection, [NOTE, FACTS]):
            elsewhere.execute(statement)
        elsewhere.execute("INSERT INTO address_index_note VALUES (1, 'to ann@x.org', NULL)")
        assert elsewhere.execute("SELECT count(*) FROM address_index_note").fetchall() == [(1,)]


@pytest.mark.sqlite
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS.map(storable))
def test_on_sqlite_every_mention_is_a_candidate(db, text: str) -> None:
    where, params = candidates_where(connection, TextColumn("t", "c"), [ANN])
    written = [text, json.dumps(text), json.dumps({text: 1})]
    for value in written:
        ((chosen,),) = query(f"SELECT {where} FROM (SELECT %s AS c) AS t", [*params, value])
        assert chosen or not emails_in(text)


def test_names_are_stable_short_and_apart() -> None:
    long = TextColumn("a_table_with_a_name_of_some_length", "a_column_with_a_long_name_too_ü")
    names = [index_name(column) for column in (NOTE, FACTS, long, TextColumn(long.table, long.column, is_json=True))]
    assert names[0] == index_name(TextColumn("address_index_note", "body"))
    assert len(set(names)) == 4
    assert all(len(name.encode()) <= 63 for name in names)
