"""What people may type into a JSON column, or leave empty."""

import pytest
from django.forms import modelform_factory

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
