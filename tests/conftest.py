"""What every test shares. Fixtures that only one package needs stand in that package's own conftest."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from django.db import connection

    for item in items:
        for vendor in {"postgresql", "sqlite"} - {connection.vendor}:
            if item.get_closest_marker(vendor):
                item.add_marker(pytest.mark.skip(reason=f"needs {vendor}"))


@pytest.fixture(autouse=True)
def files_of_its_own(settings, tmp_path: Path) -> None:
    """Each test gets its own media folder and journal, and remembers nothing of the database before."""
    from purge.upkeep import paused

    paused.forget()
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PURGE_JOURNAL = tmp_path / "journal" / "purge.jsonl"


@pytest.fixture
def put_in_state():
    """Sets somebody's state behind the back of objects in hand, as another process does."""
    from django.utils import timezone

    from users.models import UserState

    def put(user, state):
        gone = state != UserState.ACTIVE
        deleted_at, month = (timezone.now(), "2026-01") if gone else (None, None)
        type(user).objects.filter(pk=user.pk).update(state=state, deleted_at=deleted_at, deleted_month=month)

    return put


@pytest.fixture
def follow_up():
    """Stores a fact of a consequence as a purge stores it."""
    from datetime import timedelta

    from django.utils import timezone

    from purge.choices import Origin, Route
    from purge.models import FollowUp, PurgeRequest

    def store(fact, *, pk=None):
        purge_request, _created = PurgeRequest.objects.get_or_create(
            reference="PUR-7Q4M-2KX9-H",
            defaults={
                "route": Route.UI_ENTERPRISE,
                "origin": Origin.ADMIN,
                "key_fingerprint": "0",
                "due_at": timezone.now() + timedelta(days=30),
            },
        )
        return FollowUp.objects.create(
            request=purge_request, kind=fact.kind, account_id=fact.account_id, model=fact.model, row=pk or fact.pk
        )

    return store
