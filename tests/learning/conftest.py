import pytest
from django.utils import timezone

from tests.factories.users import UserFactory
from users.models import UserState


@pytest.fixture
def active_user():
    """Makes an active user of an account."""
    return lambda account: UserFactory(account=account)


@pytest.fixture
def put_in_state():
    """Sets somebody's state behind the back of objects in hand, as another process does."""

    def put(user, state):
        gone = state != UserState.ACTIVE
        deleted_at, month = (timezone.now(), "2026-01") if gone else (None, None)
        type(user).objects.filter(pk=user.pk).update(state=state, deleted_at=deleted_at, deleted_month=month)

    return put
