"""Requests of a third quarter, as an officer would count them by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from purge.choices import Fate, Reason, Status
from purge.models import LedgerEntry, PurgeRequest, Subject
from tests.factories.users import AccountFactory, AdministratorFactory


@pytest.fixture
def account(db):
    return AccountFactory(name="Acme", subdomain="acme", time_zone="Asia/Tokyo")


@pytest.fixture
def admin(account):
    return AdministratorFactory(account=account, name="Ada Admin", email="ada@acme.example")


@pytest.fixture
def store(account):
    """Stores a request: accepted then, completed so long after, with the entries of its history."""

    def make(accepted_at, took=None, *, status=None, people=1, events=(), **fields):
        status = status or (Status.COMPLETED if took is not None else Status.RUNNING)
        done = status == Status.COMPLETED
        owner = fields.pop("account_id", account.pk)
        row = PurgeRequest.across_accounts.create(
            **{
                "reference": f"PUR-{PurgeRequest.across_accounts.count():04}-AAAA-A",
                "route": "ui_enterprise",
                "origin": "admin",
                "account_id": owner,
                "status": status,
                "key_fingerprint": "0",
                "accepted_at": accepted_at,
                "due_at": accepted_at + timedelta(days=30),
                "completed_at": accepted_at + took if done else None,
                "verified_at": accepted_at + took if done else None,
                "planned": done,
                "selected_count": people,
                **fields,
            }
        )
        for number in range(people):
            Subject.objects.create(
                request=row,
                person_id=1_000_000 + row.pk * 100 + number,
                account_id=owner or 0,
                role=Reason.SELECTED,
                fate=Fate.ERASED if done else Fate.WAITING,
            )
        for number, event in enumerate(events):
            LedgerEntry.objects.create(request=row, event=event, at=accepted_at + timedelta(hours=number + 1))
        return row

    return make


@pytest.fixture
def at():
    """A moment of the third quarter of 2026, by day and month, at noon in UTC."""
    return lambda month, day, hour=12: datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def in_november(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
