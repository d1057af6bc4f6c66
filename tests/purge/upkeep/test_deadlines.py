"""Reminders at half and at all of the thirty days, each once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.models import Notification
from purge import services, tasks
from purge.models import ImsNotice, PurgeRequest
from purge.upkeep.deadlines import Reminded, is_past_half, remind
from tests.purge import world as w


@pytest.fixture
def request_of_ann(cast):
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])


def accepted_days_ago(purge_request, days):
    accepted = timezone.now() - timedelta(days=days)
    PurgeRequest.objects.filter(pk=purge_request.pk).update(accepted_at=accepted, due_at=accepted + timedelta(days=30))


def told(kind):
    return list(Notification.objects.filter(kind=kind).values_list("recipient__email", flat=True))


@pytest.mark.parametrize(("days", "half"), [(0, False), (14.9, False), (15, True), (15.1, True), (31, True)])
def test_half_of_the_time(days, half):
    start = timezone.now()
    assert is_past_half(start, start + timedelta(days=30), start + timedelta(days=days)) is half


def test_nothing_is_due_on_the_first_day(request_of_ann):
    assert remind() == Reminded(0, 0, 0, 0)
    assert told("half_time") == told("overdue") == []


def test_at_half_time_the_initiator_is_reminded_once(request_of_ann):
    accepted_days_ago(request_of_ann, 16)
    assert remind() == Reminded(half_time=1, overdue=0, notices=0, overdue_now=0)
    assert remind().half_time == 0
    assert told("half_time") == ["admin@acme.example"]
    assert list(request_of_ann.ledger.filter(event="half_time").values_list("facts", flat=True)) == [{}]
    title = Notification.objects.get(kind="half_time").title
    assert title == f"Purge {request_of_ann.reference}: 14 days left"


def test_when_the_time_is_over_it_is_overdue_and_told_once(request_of_ann):
    accepted_days_ago(request_of_ann, 16)
    remind()
    accepted_days_ago(request_of_ann, 31)
    assert remind() == Reminded(half_time=0, overdue=1, notices=0, overdue_now=1)
    assert remind() == Reminded(half_time=0, overdue=0, notices=0, overdue_now=1)
    assert told("overdue") == ["admin@acme.example"]
    request_of_ann.refresh_from_db()
    assert request_of_ann.is_overdue


def test_when_nobody_looked_at_half_time_only_the_later_reminder_is_sent(request_of_ann):
    accepted_days_ago(request_of_ann, 31)
    assert (remind().half_time, told("half_time"), told("overdue")) == (0, [], ["admin@acme.example"])


def test_a_completed_request_is_past_reminders(request_of_ann):
    assert w.completed(w.run_to_end(request_of_ann))
    accepted_days_ago(request_of_ann, 31)
    assert remind() == Reminded(0, 0, 0, 0)


def test_notices_of_the_identity_provider_remind_the_account_s_administrators(cast):
    purge_request = services.purge_submit_ims(email=w.ANN, reference="SET-1")
    assert w.completed(w.run_to_end(purge_request))
    assert remind().notices == 0
    now = timezone.now()
    ImsNotice.objects.update(created_at=now - timedelta(days=16), due_at=now + timedelta(days=14))
    assert remind().notices == 3  # two administrators of Acme, one of Globex
    assert remind().notices == 0
    assert sorted(told("half_time")) == ["admin@acme.example", "admin@globex.example", "second@acme.example"]
    ImsNotice.objects.update(created_at=now - timedelta(days=31), due_at=now - timedelta(days=1))
    assert (remind().notices, remind().notices) == (3, 0)
    notification = Notification.objects.filter(kind="overdue").first()
    assert "identity provider" in notification.title
    assert w.ANN not in notification.title + notification.text
    assert "imsnotice" in notification.link
    services.notice_decline(acting_user=cast.admin, notice=ImsNotice.objects.get(account_id=cast.acme.pk))
    Notification.objects.all().delete()
    assert remind().notices == 1


def test_the_task_says_how_many_were_sent(request_of_ann):
    accepted_days_ago(request_of_ann, 16)
    assert (tasks.remind(), tasks.remind()) == (1, 0)
