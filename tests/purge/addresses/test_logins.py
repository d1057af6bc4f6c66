"""Sign-in names in settings are whole words; a part of one is somebody else's."""

import pytest

from purge.addresses import names_login


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("CORP\\x", True),
        (" corp\\X ", True),
        ("owner=CORP\\x; team=sales", True),
        ("owner = 'CORP\\x' and active", True),
        ("manager:CORP\\x", True),
        ("(uid=CORP\\x)(ou=people)", True),
        ("ask CORP\\x.", True),
        ("CORP\\xavier", False),
        ("owner=CORP\\x2", False),
        ("BIGCORP\\x", False),
        ("CORP\\x.y", False),
        ("CORP\\x@corp.example", False),
        ("x", False),
        ("", False),
    ],
)
def test_a_login_is_found_as_a_whole_word_only(text, named):
    assert names_login(text, {"corp\\x"}) is named


def test_a_login_with_blanks_is_found_where_it_is_the_whole_value():
    assert names_login("Ann Archer", {"ann archer"})
    assert not names_login("Ann Archer's sales", {"ann archer"})


def test_no_login_is_found_where_none_is_looked_for():
    assert not names_login("anything", set())
