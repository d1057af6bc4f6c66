"""The drill of a restored backup, with few people: that it counts who signs in, and what the site fence changes."""

from unittest import mock

import pytest
from django.test import Client

from bench import restored
from purge.journal import site_fence
from tests.purge.conftest import backup, database_url  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


def signs_in(email: str) -> bool:
    """By the page itself."""
    browser = Client()
    browser.post("/admin/login/", {"username": email, "password": restored.PASSWORD})
    return "_auth_user_id" in browser.session


def test_each_who_comes_back_signs_in_with_the_fence_off_alone(backup, settings, monkeypatch):  # noqa: F811
    monkeypatch.setattr(site_fence, "SEEN_SECONDS", 0.2)
    found = restored.drill(12, backup.take, backup.put_back)
    waited = found.pop("seconds until paused")
    assert 0 < waited < 5
    assert found == {
        "people": 12,
        "before the purge": 12,
        "after the purge": 0,
        "after the restore, fence on": 0,
        "after the restore, fence off": 12,
        "after the restore, fence on again": 0,
    }
    assert [signs_in(f"person{n}@acme.example") for n in range(3)] == [False] * 3
    settings.PURGE_SITE_FENCE = False
    assert [signs_in(f"person{n}@acme.example") for n in range(3)] == [True] * 3
    with mock.patch.object(site_fence, "is_older", return_value=False):
        settings.PURGE_SITE_FENCE = True
        assert signs_in("person3@acme.example")
