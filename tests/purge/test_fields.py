"""What people may type into a JSON column, or leave empty."""

import pytest
from django.core.exceptions import ValidationError
from django.forms import modelform_factory

from purge.fields import PairLines
from tests.factories.users import AccountFactory
from users.models import Account

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("", []),
        ("null", []),
        ("[]", []),
        (
            '[{"words": "Help", "link": "https://acme.example/help"}]',
            [{"words": "Help", "link": "https://acme.example/help"}],
        ),
        ('["a\\u0000b"]', ["a\ufffdb"]),
    ],
)
def test_what_is_typed_is_stored_and_nothing_is_the_columns_default(typed, stored):
    account = AccountFactory(footer_links=["before"])
    form = modelform_factory(Account, fields=["footer_links"])({"footer_links": typed}, instance=account)
    assert form.is_valid(), form.errors
    form.save()
    account.refresh_from_db()
    assert account.footer_links == stored


def test_what_is_no_json_is_refused_and_nothing_is_stored():
    account = AccountFactory(footer_links=["before"])
    form = modelform_factory(Account, fields=["footer_links"])({"footer_links": "[half"}, instance=account)
    assert "footer_links" in form.errors
    account.refresh_from_db()
    assert account.footer_links == ["before"]


@pytest.mark.parametrize(
    ("typed", "kept", "shown"),
    [
        ("Badge = unique_user_id\n Mail=email ", {"Badge": "unique_user_id", "Mail": "email"}, None),
        ("a = b = c", {"a": "b = c"}, "a = b = c"),
        ("", {}, ""),
        ("null", {}, ""),
        ('{"a": "b"}', {"a": "b"}, "a = b"),
        ('{"a": {"b": 1}}', {"a": {"b": 1}}, '{"a": {"b": 1}}'),
        ('{"a=b": "c"}', {"a=b": "c"}, '{"a=b": "c"}'),
        ('{"[a": "c"}', {"[a": "c"}, '{"[a": "c"}'),
    ],
)
def test_pairs_are_lines_and_what_no_line_says_is_json(typed, kept, shown):
    field = PairLines(required=False)
    assert field.clean(typed) == kept
    text = "Badge = unique_user_id\nMail = email" if shown is None else shown
    assert field.prepare_value(kept) == text
    assert not field.has_changed(kept, text)


@pytest.mark.parametrize("typed", ["Badge", "= email", "Badge =", "{half", "a = b\nc"])
def test_what_is_no_pair_is_refused(typed):
    with pytest.raises(ValidationError):
        PairLines(required=False).clean(typed)
