"""Which tests are left out on the second database: those that no database can make fail."""

from types import SimpleNamespace

import pytest

from tests.conftest import tells_more_on_another, uses_database


def item(*fixtures: str, marked: str = "", where: str = "tests/purge/run/test_engine.py::test_it") -> SimpleNamespace:
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
def test_whoever_can_reach_a_database_is_run_on_both(uses):
    assert uses_database(uses)


def test_who_cannot_is_run_once():
    assert not uses_database(item("tmp_path", "settings", "monkeypatch"))
    assert not uses_database(item(marked="parametrize"))
    assert not uses_database(SimpleNamespace(get_closest_marker=lambda name: None))


A_PAGE = "tests/admin/test_home.py::test_it"


def test_pages_are_run_on_the_second_database_where_it_may_refuse_their_query():
    assert tells_more_on_another(item("db"))
    assert tells_more_on_another(item("db", where="tests/users/services/test_services.py::test_it"))
    assert tells_more_on_another(item("db", where=A_PAGE, marked="both_databases"))
    assert tells_more_on_another(item("db", where=A_PAGE, marked="postgresql"))
    assert not tells_more_on_another(item("db", where=A_PAGE))
    assert not tells_more_on_another(item("tmp_path"))
