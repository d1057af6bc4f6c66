import pytest

from connectors import selectors, services
from connectors.models import ApiToken
from tests.factories.connectors import ApplicationGrantFactory, ExternalApplicationFactory
from tests.factories.users import AccountFactory, UserFactory
from users.models import UserState
from users.services import ServiceError

pytestmark = pytest.mark.django_db


def test_outside_copies_name_person_application_and_contact(django_assert_num_queries):
    account = AccountFactory()
    ann, bob = UserFactory(account=account, name="Ann"), UserFactory(account=account, name="Bob")
    owner = UserFactory(account=account)
    crm = ExternalApplicationFactory(account=account, name="CRM", contact_email="privacy@crm.example")
    own = ExternalApplicationFactory(account=account, name="Own tool", contact_email="", owner=owner)
    for application, user in [(own, ann), (crm, ann), (crm, bob), (crm, owner)]:
        ApplicationGrantFactory(application=application, user=user)
    with django_assert_num_queries(1):
        copies = selectors.outside_copies([ann.pk, bob.pk], account_id=account.pk)
    assert [(copy.name, copy.application, copy.contact) for copy in copies] == [
        ("Ann", "CRM", "privacy@crm.example"),
        ("Ann", "Own tool", owner.email),
        ("Bob", "CRM", "privacy@crm.example"),
    ]


def test_outside_copies_of_another_account_are_not_shown():
    grant = ApplicationGrantFactory()
    assert selectors.outside_copies([grant.user_id], account_id=AccountFactory().pk) == []
    assert len(selectors.outside_copies([grant.user_id])) == 1


def test_a_key_is_stored_as_its_digest_alone():
    user = UserFactory()
    token, key = services.token_create(acting_user=user, name="Script")
    assert key not in str(ApiToken.objects.values().get())
    assert ApiToken.objects.get(digest=selectors.token_digest(key)) == token


@pytest.mark.parametrize("state", [UserState.DELETED, UserState.PURGING])
def test_a_key_opens_nothing_while_its_owner_cannot_sign_in(put_in_state, state):
    user = UserFactory()
    _token, key = services.token_create(acting_user=user, name="Script")
    assert selectors.token_owner(key) == user
    put_in_state(user, state)
    assert selectors.token_owner(key) is None
    assert selectors.token_owner("another key") is None


def test_somebody_who_is_gone_gets_no_key():
    user = UserFactory()
    type(user).objects.filter(pk=user.pk)._raw_delete("default")
    with pytest.raises(ServiceError, match="active"):
        services.token_create(acting_user=user, name="Script")
