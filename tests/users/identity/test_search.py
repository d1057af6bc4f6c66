"""Searching people by the beginning of a name, in whatever case."""

import pytest

from tests.factories.users import UserFactory
from users.models import User
from users.selectors import in_either_case, people_found

pytestmark = pytest.mark.django_db


def found(text):
    return set(people_found(User.objects.all(), text).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("özlem", {"Özlem Kaya"}),
        ("ÖZLEM", {"Özlem Kaya"}),
        ("Özl", {"Özlem Kaya"}),
        ("çelik", {"Ayşe ÇELIK"}),
        ("éric", {"Éric Été"}),
        ("été", {"Éric Été"}),
        ("ann", {"Ann Archer"}),
        ("ozlem", set()),
        ("zlem", set()),
        ("strauß", {"Jo Strauß"}),
    ],
)
def test_letters_beyond_ascii_are_found_in_either_case(account, text, names):
    for name in ("Özlem Kaya", "Ayşe ÇELIK", "Éric Été", "Ann Archer", "Jo Strauß"):
        UserFactory(account=account, name=name)
    assert found(text) == names


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("ann", ["ann"]),
        ("öz", ["öz", "Öz"]),
        ("Été", ["été", "étÉ", "Été", "ÉtÉ"]),
        ("ß", ["ß"]),
        ("öäüé", ["öäüé", "ÖÄÜÉ", "Öäüé"]),
        ("日本", ["日本"]),
    ],
)
def test_what_is_asked_for(text, asked):
    assert in_either_case(text) == asked
