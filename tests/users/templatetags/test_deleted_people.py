"""Who was deleted a moment ago, from the numbers that a message carries."""

from types import SimpleNamespace

import pytest

from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.templatetags.deleted_people import deleted_people

pytestmark = pytest.mark.django_db


def test_the_names_are_those_of_the_readers_account():
    """A message holds numbers; whoever reads it reads names of their own account alone."""
    account = AccountFactory()
    admin = AdministratorFactory(account=account)
    gone = UserFactory(account=account, name="Lee Leaver", deleted=True)
    message = SimpleNamespace(extra_tags=f"deleted-people users-{gone.pk}")
    said = [
        deleted_people({"request": SimpleNamespace(user=reader)}, message)
        for reader in (admin, AdministratorFactory(account=AccountFactory()))
    ]
    assert said == [{"ids": [gone.pk], "text": "Lee Leaver is deleted."}, None]
