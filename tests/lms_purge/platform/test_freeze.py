from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import selectors, services
from lms_purge.platform.host import LmsHost
from tests.factories.users import ImportLogFactory, UserFactory
from users.models import UserState

pytestmark = pytest.mark.django_db


def test_a_frozen_persons_keys_to_the_api_open_nothing_until_they_are_given_back():
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
    host.unfreeze([user.pk])
    assert selectors.token_owner(key) == user


@pytest.mark.parametrize(("held_days", "alive"), [(None, {"old", "new"}), (10, {"new"}), (1, set())])
def test_the_links_that_a_freeze_killed_work_again_where_no_other_request_holds_them(held_days, alive):
    """``held_days``: how long ago the latest other request that holds the account was accepted."""
    now = timezone.now()
    user = UserFactory()
    logs = {
        "old": ImportLogFactory(account=user.account, uploaded_at=now - timedelta(days=20), content="a"),
        "new": ImportLogFactory(account=user.account, uploaded_at=now - timedelta(days=5), content="a"),
        "erased": ImportLogFactory(account=user.account, uploaded_at=now - timedelta(days=5)),
    }
    elsewhere = ImportLogFactory(uploaded_at=now - timedelta(days=5), content="a")
    type(elsewhere).objects.filter(pk=elsewhere.pk).update(link_dead_at=now)
    host = LmsHost()
    host.freeze(host.people([user.pk]), accepted_at=now)
    assert not type(elsewhere).objects.filter(link_dead_at=None).exists()
    host.revive_links({user.account_id: None if held_days is None else now - timedelta(days=held_days)})
    living = set(type(elsewhere).objects.filter(link_dead_at=None).values_list("pk", flat=True))
    assert living == {logs[name].pk for name in alive}
