import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from messaging import selectors, services
from messaging.models import Notification, NotificationKind
from tests.factories.messaging import NotificationFactory
from tests.factories.users import UserFactory
from users.models import UserState
from users.services import ServiceError

REFERENCE = "PUR-7Q4M-2KX9-H"


def notify(recipient, *, kind=NotificationKind.COMPLETED, request_id=7, facts=None):
    return services.notification_create(
        account_id=recipient.account_id,
        recipient_id=recipient.pk,
        kind=kind,
        reference=REFERENCE,
        request_id=request_id,
        facts=facts or {"people": 2, "rows": 41},
    )


@pytest.mark.django_db
def test_news_is_one_row_and_one_task(queued):
    recipient = UserFactory()
    assert notify(recipient) is True
    assert notify(recipient) is False
    notification = Notification.objects.get()
    assert queued() == [("messaging.tasks.send_notification", notification.pk)]
    assert REFERENCE in notification.title
    assert "2 people were purged." in notification.text
    assert "41 rows" in notification.text


@pytest.mark.django_db
def test_each_kind_recipient_and_request_is_told_apart():
    first, second = UserFactory.create_batch(2)
    assert notify(first) and notify(second)
    assert notify(first, kind=NotificationKind.OVERDUE)
    assert notify(first, request_id=8)
    assert Notification.objects.count() == 4


@pytest.mark.django_db
def test_the_database_refuses_a_second_row_whoever_writes_it():
    first = NotificationFactory(request_id=7, kind=NotificationKind.COMPLETED)
    with pytest.raises(IntegrityError), transaction.atomic():
        NotificationFactory(request_id=7, kind=NotificationKind.COMPLETED, recipient=first.recipient)


@pytest.mark.django_db
def test_notifications_without_a_request_may_repeat():
    first = NotificationFactory()
    NotificationFactory(recipient=first.recipient)
    assert selectors.unread_count(first.recipient) == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_row():
    recipient = UserFactory()
    told = []
    gate = threading.Barrier(2)

    def worker():
        try:
            with transaction.atomic():
                gate.wait()
                told.append(notify(recipient))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False, True]
    assert Notification.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("state", [UserState.DELETED, UserState.PURGING])
def test_who_is_no_active_user_is_told_nothing(put_in_state, queued, state):
    recipient = UserFactory()
    put_in_state(recipient, state)
    assert notify(recipient) is False
    assert not Notification.objects.exists()
    assert queued() == []


@pytest.mark.django_db
def test_reading_ones_own_notifications():
    mine = NotificationFactory()
    more = NotificationFactory(recipient=mine.recipient, read_at=timezone.now())
    other = NotificationFactory()
    with pytest.raises(ServiceError, match="somebody else"):
        services.notification_mark_read(acting_user=mine.recipient, notification=other)
    services.notification_mark_read(acting_user=mine.recipient, notification=mine)
    assert selectors.unread_count(mine.recipient) == 0
    Notification.objects.filter(pk__in=[mine.pk, more.pk]).update(read_at=None)
    assert services.notifications_mark_all_read(acting_user=mine.recipient) == 2
    assert selectors.unread_count(other.recipient) == 1
