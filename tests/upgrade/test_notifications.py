"""Notifications of an earlier release are kept, and are the first telling of each."""

from messaging.models import Notification
from messaging.services import notification_create
from users.models import User


def test_what_was_told_before_an_upgrade_is_the_first_telling(old_database):
    account = old_database.account()
    user = old_database.user(account, "ann@x.org", key="ann@x.org")
    old_database.model("messaging.Notification").objects.create(
        recipient=user, account=account, kind="needs_attention", request_id=7, title="Stopped", text="Look."
    )
    old_database.upgrade()
    row = Notification.objects.get()
    assert (row.recipient_id, row.kind, row.request_id, row.occurrence, row.title) == (
        user.pk,
        "needs_attention",
        7,
        1,
        "Stopped",
    )
    news = {
        "account_id": account.pk,
        "recipient_id": User.objects.get().pk,
        "kind": "needs_attention",
        "reference": "PUR-7Q4M-2KX9-H",
        "request_id": 7,
        "facts": {},
    }
    assert notification_create(**news) is False
    assert notification_create(**news, occurrence=2) is True
