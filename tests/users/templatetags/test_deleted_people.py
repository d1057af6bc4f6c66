"""Who was deleted or restored a moment ago, from the numbers that a message carries."""

from types import SimpleNamespace

import pytest

from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.templatetags.deleted_people import deleted_people, restored_people

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


def test_who_was_restored_is_named_to_their_account_alone_and_deleted_by_who_may():
    account = AccountFactory()
    admin = AdministratorFactory(account=account)
    back = UserFactory(account=account, name="Lee Leaver")
    message = SimpleNamespace(extra_tags=f"restored-people users-{back.pk}")
    readers = (admin, UserFactory(account=account), AdministratorFactory(account=AccountFactory()))
    said = [restored_people({"request": SimpleNamespace(user=reader)}, message) for reader in readers]
    assert said[0] == {
        "ids": [back.pk],
        "text": "Lee Leaver is restored, as Learner. Earlier roles and keys to the API are not given back.",
        "pages": [("Open their page", f"/admin/users/internaluser/{back.pk}/change/")],
        "can_delete": True,
    }
    assert (said[1]["can_delete"], said[2]) == (False, None)
    assert deleted_people({"request": SimpleNamespace(user=admin)}, message) is None
