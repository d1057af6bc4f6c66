"""Which tests `./test` runs on which database: each where it can fail in a way of its own."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection

from tests.conftest import ALONE, pytest_collection_modifyitems, runs_on, uses_database

ROOT = Path(__file__).resolve().parents[2]
SQLITE, POSTGRESQL = {"sqlite"}, {"postgresql"}
BOTH = SQLITE | POSTGRESQL
A_PAGE = "tests/admin/test_home.py::test_it"
A_KILL = "tests/purge/run/test_engine.py::test_it"
A_SERVICE = "tests/users/services/test_services.py::test_it"


def item(*fixtures: str, marked: str = "", where: str = A_SERVICE) -> SimpleNamespace:
    return SimpleNamespace(
        fixturenames=list(fixtures), get_closest_marker=lambda name: name == marked or None, nodeid=where
    )


@pytest.mark.parametrize(
    "uses",
    [
        item("tmp_path", "db"),
        item("transactional_db"),
        item("live_server"),
        item("templates"),
        item(marked="django_db"),
        item(marked="postgresql"),
        item(marked="sqlite"),
    ],
)
def test_whoever_can_reach_a_database_is_known(uses):
    assert uses_database(uses)


def test_who_cannot_is_run_once():
    for alone in (item("tmp_path", "settings", "monkeypatch"), item(marked="parametrize")):
        assert not uses_database(alone)
        assert runs_on(alone) == SQLITE
    assert not uses_database(SimpleNamespace(get_closest_marker=lambda name: None))


def test_a_test_runs_on_both_databases_unless_its_place_has_one():
    assert runs_on(item("db")) == BOTH
    assert runs_on(item("db", where="tests/purge/routes/test_routes.py::test_it")) == BOTH
    assert runs_on(item("db", where=A_PAGE)) == SQLITE
    assert runs_on(item("db", where=A_KILL)) == POSTGRESQL
    # What uses no database stays with the others of its place.
    assert runs_on(item(where=A_KILL)) == POSTGRESQL


def test_a_mark_says_more_than_a_place():
    assert runs_on(item("db", where=A_PAGE, marked="both_databases")) == BOTH
    assert runs_on(item("db", where=A_KILL, marked="both_databases")) == BOTH
    assert runs_on(item("db", where=A_PAGE, marked="postgresql")) == POSTGRESQL
    assert runs_on(item("db", where=A_KILL, marked="sqlite")) == SQLITE
    assert runs_on(item("db", marked="whole")) == set()


def test_of_two_places_the_longer_counts():
    assert runs_on(item("db", where="tests/users/imports/test_forecast.py::test_it")) == SQLITE
    assert runs_on(item("db", where="tests/users/imports/test_services.py::test_it")) == BOTH
    assert runs_on(item("db", where="tests/users/imports/test_services.py::test_memory_is_flat")) == SQLITE


@pytest.mark.parametrize("place", ALONE)
def test_every_place_is_there(place):
    path, _, name = place.partition("::")
    assert (ROOT / path).exists()
    assert f"def {name}" in (ROOT / path).read_text() if name else True


@pytest.mark.parametrize("short", [True, False])
def test_a_short_run_leaves_out_what_the_other_database_has(short):
    there = [item("db", where=A_KILL), item("db", where=A_PAGE), item("db"), item("db", marked="whole")]
    for each in there:
        each.add_marker = lambda mark: None
    left_out = []
    config = SimpleNamespace(
        getoption=lambda name: short and name == "--short",
        hook=SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items)),
    )
    kept = list(there)
    pytest_collection_modifyitems(config, kept)
    kill, page, service, one_more = there
    mine = kill if connection.vendor == "postgresql" else page
    assert kept == ([each for each in there if each in (mine, service)] if short else there)
    assert left_out == ([each for each in there if each not in kept] if short else [])
    assert one_more in (left_out if short else kept)
