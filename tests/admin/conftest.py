"""Accounts, administrators and deleted people for the purge's own pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.factories.learning import SessionFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory


@pytest.fixture
def account():
    return AccountFactory(name="Acme", time_zone="Asia/Tokyo")


@pytest.fixture
def admin(account):
    return AdministratorFactory(account=account, name="Ada Admin", email="ada@acme.example", password="pass-word-1")


@pytest.fixture
def as_admin(client, admin):
    """The test client, signed in as the administrator a moment ago."""
    client.force_login(admin)
    return client


@pytest.fixture
def deleted(account):
    """Makes a deleted user, of the account if no other is named."""

    def make(**fields):
        return UserFactory(**{"account": account, "deleted_at": datetime(2026, 1, 15, 12, tzinfo=UTC), **fields})

    return make


@pytest.fixture
def session_to_come(account):
    def make(**fields):
        tomorrow = timezone.now() + timedelta(days=1)
        return SessionFactory(
            course__account=account, starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1), **fields
        )

    return make
