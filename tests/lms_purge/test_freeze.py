import pytest
from django.utils import timezone

from connectors import selectors, services
from lms_purge.host import LmsHost
from tests.factories.users import UserFactory
from users.models import UserState

pytestmark = pytest.mark.django_db


def test_a_frozen_persons_keys_to_the_api_end_for_good():
    user, other = UserFactory.create_batch(2)
    (_one, key), (_two, other_key) = (
        services.token_create(acting_user=person, name="Script") for person in (user, other)
    )
    host = LmsHost()
    host.freeze(host.people([user.pk]), accepted_at=timezone.now())
    user.refresh_from_db()
    assert user.state == UserState.PURGING
    assert selectors.token_owner(key) is None
    assert selectors.token_owner(other_key) == other
    host.unfreeze([user.pk], states={user.pk: UserState.ACTIVE})
    assert selectors.token_owner(key) is None
