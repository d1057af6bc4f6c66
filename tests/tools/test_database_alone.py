"""Which tests are left out on the second database: those that no database can make fail."""

from types import SimpleNamespace

import pytest

from tests.conftest import uses_database


def item(*fixtures: str, marked: str = "") -> SimpleNamespace:
    return SimpleNamespace(fixturenames=list(fixtures), get_closest_marker=lambda name: name == marked or None)


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
